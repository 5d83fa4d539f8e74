import { type Certificate, commonNameOf } from './certificate.ts';

/** A chain that leads from a leaf to a root. */
export interface Chain {
  readonly leaf: Certificate;
  /** The authorities between, from the leaf's issuer upwards. */
  readonly intermediates: readonly Certificate[];
  readonly root: Certificate;
}

/** Where a chain is to end, and when it is to hold. */
export interface ChainDemands {
  /** Whether the chain begins at an authority instead of an end entity. */
  readonly isLeafCa?: boolean;
  /** How many authorities lie between leaf and root. */
  readonly intermediateCount: number;
  readonly isTrustedRoot: (root: Certificate) => boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Leads from `leaf` to a trusted root through `pool`, whose order does not matter: each issuer by name, key identifier, key usage
 * and signature, each an authority, each valid at that time. Throws a plain Error that says where it ends.
 */
export function buildChain(leaf: Certificate, pool: readonly Certificate[], demands: ChainDemands): Chain {
  if (leaf.isCa !== (demands.isLeafCa ?? false)) {
    throw new Error(`${show(leaf)} is ${leaf.isCa ? 'an authority, not an end entity' : 'not an authority'}`);
  }
  const path = [leaf];
  for (let step = 0; step <= demands.intermediateCount; step += 1) {
    path.push(issuerIn(pool, path[step] as Certificate, demands.at));
  }
  const root = path.at(-1) as Certificate;
  if (!root.isSignedBy(root)) {
    throw new Error(`the chain ends at ${show(root)}, which is not a self-signed root`);
  }
  if (!demands.isTrustedRoot(root))
    throw new Error(`the root ${show(root)} is not trusted: it has another key`);
  for (const certificate of path) expectValid(certificate, demands.at);
  return { leaf, intermediates: path.slice(1, -1), root };
}

/** Of several with one key, as Intel's two root certificates are, one that is valid. */
function issuerIn(pool: readonly Certificate[], certificate: Certificate, at: number): Certificate {
  const named = pool.filter((other) => certificate.x509.checkIssued(other.x509));
  if (named.length === 0) {
    throw new Error(
      `the chain lacks the issuer of ${show(certificate)}: ${commonNameOf(certificate.issuer)}`,
    );
  }
  const signers = named.filter((other) => certificate.isSignedBy(other));
  const issuer = signers.find((other) => isValid(other, at)) ?? signers[0];
  if (issuer === undefined) {
    throw new Error(`${show(certificate)} is not signed by ${commonNameOf(certificate.issuer)}`);
  }
  if (!issuer.isCa) throw new Error(`${show(issuer)} is not a certificate authority`);
  return issuer;
}

function expectValid(certificate: Certificate, at: number): void {
  if (isValid(certificate, at)) return;
  const { notBefore, notAfter } = certificate;
  throw new Error(
    `${show(certificate)} is valid from ${iso(notBefore)} to ${iso(notAfter)}, not at ${iso(at)}`,
  );
}

/** Both ends included (RFC 5280, 4.1.2.5). */
function isValid({ notBefore, notAfter }: Certificate, at: number): boolean {
  return at >= notBefore && at <= notAfter;
}

function show({ subject }: Certificate): string {
  return `"${commonNameOf(subject)}"`;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
