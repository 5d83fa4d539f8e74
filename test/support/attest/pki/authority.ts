import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodePem } from '../../../../src/x509/pem.ts';
import { bits, bool, enumerated, explicit, int, octets, oid, seq, set, time, utf8 } from './der.ts';

/** A made certificate with its key. */
export interface Holder {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  readonly der: Buffer;
  readonly pem: string;
  readonly serial: bigint;
}

export interface CertificateChoice {
  readonly name: string;
  /** Undefined: it signs itself. */
  readonly issuer?: Holder | undefined;
  readonly isCa?: boolean;
  readonly serial?: bigint;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly curve?: string;
  /** Taken instead of a new pair. */
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** Signs instead of the issuer. */
  readonly signer?: KeyObject;
  /** Extensions in DER. */
  readonly extensions?: readonly Buffer[];
}

const ecdsaWithSha256 = seq(oid('1.2.840.10045.4.3.2'));
let lastSerial = 1000n;

/** The period in which made certificates are valid, if nothing else is said. */
export const validity = {
  from: new Date('2024-01-01T00:00:00Z'),
  until: new Date('2034-01-01T00:00:00Z'),
} as const;

/** A certificate as an authority would write it: RFC 5280, version 3. */
export function makeCertificate(choice: CertificateChoice): Holder {
  const { privateKey, publicKey } =
    choice.keys ?? generateKeyPairSync('ec', { namedCurve: choice.curve ?? 'P-256' });
  lastSerial += 1n;
  const serial = choice.serial ?? lastSerial;
  const tbs = seq(
    explicit(0, int(2)),
    int(serial),
    ecdsaWithSha256,
    nameOf(choice.issuer?.name ?? choice.name),
    seq(time(choice.notBefore ?? validity.from), time(choice.notAfter ?? validity.until)),
    nameOf(choice.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, seq(...basicExtensions(choice.isCa ?? false), ...(choice.extensions ?? []))),
  );
  const der = signed(tbs, choice.signer ?? choice.issuer?.key ?? privateKey);
  return { name: choice.name, key: privateKey, publicKey, der, pem: encodePem(der, 'CERTIFICATE'), serial };
}

/** `Name` with a common name alone. */
export function nameOf(commonName: string): Buffer {
  return seq(set(seq(oid('2.5.4.3'), utf8(commonName))));
}

export function extension(identifier: string, value: Uint8Array, isCritical = false): Buffer {
  return seq(oid(identifier), ...(isCritical ? [bool(true)] : []), octets(value));
}

function basicExtensions(isCa: boolean): readonly Buffer[] {
  const keyUsage = isCa ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0xc0]), 6);
  return [
    extension('2.5.29.19', isCa ? seq(bool(true)) : seq(), true),
    extension('2.5.29.15', keyUsage, true),
  ];
}

export interface CrlChoice {
  readonly issuer: Holder;
  readonly revoked?: readonly bigint[];
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly signer?: KeyObject;
  readonly extensions?: readonly Buffer[];
  /** Another name as the issuer. */
  readonly name?: string;
}

/** A revocation list in DER: RFC 5280, section 5, version 2, with a reason in each entry as Intel's have. */
export function makeCrl(choice: CrlChoice): Buffer {
  const entries = (choice.revoked ?? []).map((serial) =>
    seq(int(serial), time(validity.from), seq(extension('2.5.29.21', enumerated(1)))),
  );
  const tbs = seq(
    int(1),
    ecdsaWithSha256,
    nameOf(choice.name ?? choice.issuer.name),
    time(choice.thisUpdate ?? validity.from),
    time(choice.nextUpdate ?? validity.until),
    ...(entries.length === 0 ? [] : [seq(...entries)]),
    explicit(0, seq(extension('2.5.29.20', int(1)), ...(choice.extensions ?? []))),
  );
  return signed(tbs, choice.signer ?? choice.issuer.key);
}

function signed(tbs: Buffer, key: KeyObject): Buffer {
  return seq(tbs, ecdsaWithSha256, bits(sign('sha256', tbs, key)));
}
