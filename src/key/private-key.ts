import { createPrivateKey, type KeyObject } from 'node:crypto';
import { GscError } from '../base/error.ts';
import { hintForKind, sgxKeyKind, showRsaKind } from './key-kind.ts';

export interface OpenKeyOptions {
  readonly subject: string;
  readonly passphrase: string | Buffer | undefined;
}

/** A part of a PEM file; `bytes` are a view of the file's, so that no second copy of a key has to be overwritten. */
interface PemBlock {
  readonly label: string;
  readonly bytes: Buffer;
}

const privateLabels = ['RSA PRIVATE KEY', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'];

/** What the label of a PEM block without a usable key stands for. */
const otherLabels: Readonly<Record<string, string>> = {
  CERTIFICATE: 'a certificate',
  'TRUSTED CERTIFICATE': 'a certificate',
  'CERTIFICATE REQUEST': 'a certificate request',
  'PUBLIC KEY': 'a public key',
  'RSA PUBLIC KEY': 'a public key',
  'EC PRIVATE KEY': 'an EC key',
  'EC PARAMETERS': 'EC parameters without a key',
  'DSA PRIVATE KEY': 'a DSA key',
  'OPENSSH PRIVATE KEY': 'an OpenSSH key',
  'PGP PRIVATE KEY BLOCK': 'a PGP key',
};

const curveNames: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/**
 * The one private key of a PEM file. Throws a `key` error that says what the file holds instead, if that is
 * not an RSA key with 3072 bits and exponent 3, the only kind that SGX takes (SDM vol. 3D, "SIGSTRUCT").
 */
export function openPrivateKey(pem: Buffer, options: OpenKeyOptions): KeyObject {
  const block = privateBlockOf(pem, options.subject);
  const key = decryptBlock(block, options);
  const kind = describeKey(key);
  if (kind !== sgxKeyKind) throw wrongKey(options.subject, kind);
  return key;
}

/** True if the file holds a private key that only a passphrase opens. */
export function isEncryptedKey(pem: Buffer): boolean {
  return pemBlocksOf(pem).some(isEncrypted);
}

function privateBlockOf(pem: Buffer, subject: string): PemBlock {
  const blocks = pemBlocksOf(pem);
  const usable = blocks.filter(({ label }) => privateLabels.includes(label));
  if (usable.length > 1) throw wrongKey(subject, `${usable.length} private keys in one file`);
  const [block] = usable;
  if (block !== undefined) return block;
  // An EC key comes after its parameters; the key is what the user meant.
  const named = blocks.find(({ label }) => label.endsWith('PRIVATE KEY')) ?? blocks[0];
  if (named === undefined) throw wrongKey(subject, describeNoPem(pem));
  throw wrongKey(subject, describeOther(named));
}

function pemBlocksOf(pem: Buffer): PemBlock[] {
  const blocks: PemBlock[] = [];
  const longestLine = '-----BEGIN -----'.length + 40;
  for (let start = 0; ; ) {
    start = pem.indexOf('-----BEGIN ', start);
    if (start < 0) return blocks;
    const line = pem.toString('latin1', start, start + longestLine);
    const [, label] = /^-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(line) ?? [];
    const endLine = `-----END ${label}-----`;
    const end = label === undefined ? -1 : pem.indexOf(endLine, start);
    if (label !== undefined && end >= 0) {
      blocks.push({ label, bytes: pem.subarray(start, end + endLine.length) });
      start = end;
    }
    start += 1;
  }
}

function describeOther({ label, bytes }: PemBlock): string {
  if (label === 'EC PRIVATE KEY' && !bytes.includes('ENCRYPTED')) {
    try {
      return describeKey(createPrivateKey(bytes));
    } catch {
      // The label alone has to do for a key that cannot be read.
    }
  }
  return otherLabels[label] ?? `a PEM block ${JSON.stringify(label)}`;
}

function describeNoPem(pem: Buffer): string {
  if (pem.length === 0) return 'an empty file';
  if (pem.includes('-----BEGIN ')) return 'a PEM block that is cut short';
  return pem[0] === 0x30 ? 'no PEM text (DER, perhaps)' : 'no PEM text';
}

/** PBES2 and the like have a label of their own; RFC 1421 has a header, which follows the first line. */
function isEncrypted({ label, bytes }: PemBlock): boolean {
  if (label.startsWith('ENCRYPTED')) return true;
  return /^-----.*-----\r?\nProc-Type: *4, *ENCRYPTED/.test(bytes.toString('latin1', 0, 120));
}

function decryptBlock(block: PemBlock, { subject, passphrase }: OpenKeyOptions): KeyObject {
  const needsPassphrase = isEncrypted(block);
  if (needsPassphrase && passphrase === undefined) {
    throw new GscError({
      code: 'key',
      subject,
      message: 'the key is encrypted, and no passphrase was given',
      hint: 'give its passphrase with --passphrase-file or --passphrase-env, or sign on a terminal, which asks for it',
    });
  }
  try {
    return createPrivateKey({
      key: block.bytes,
      format: 'pem',
      ...(needsPassphrase && passphrase !== undefined ? { passphrase } : {}),
    });
  } catch (cause) {
    throw needsPassphrase
      ? decryptionError(subject, cause)
      : wrongKey(subject, 'a private key that is damaged', cause);
  }
}

function decryptionError(subject: string, cause: unknown): GscError {
  const isUnsupported = cause instanceof Error && /unsupported/i.test(cause.message);
  return new GscError({
    code: 'key',
    subject,
    message: isUnsupported
      ? 'the key is encrypted with a cipher that is not supported'
      : 'the key cannot be decrypted: the passphrase is wrong, or the file is damaged',
    hint: isUnsupported ? 'encrypt it again: openssl pkcs8 -topk8 -v2 aes-256-cbc' : 'check the passphrase',
    cause,
  });
}

function describeKey(key: KeyObject): string {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details = {} } = key;
  if (type === 'rsa') return showRsaKind(details.modulusLength, details.publicExponent);
  if (type === 'rsa-pss') return `RSA-PSS-${details.modulusLength}`;
  if (type === 'ec') return `EC ${curveNames[details.namedCurve ?? ''] ?? details.namedCurve}`;
  return type === 'dsa' ? 'DSA' : `a key of type ${type}`;
}

function wrongKey(subject: string, got: string, cause?: unknown): GscError {
  return new GscError({
    code: 'key',
    subject,
    message: `expected a PEM file with an RSA-3072 key with exponent 3, got ${got}`,
    hint: hintForKind(got, 'gsc gen-private-key'),
    ...(cause === undefined ? {} : { cause }),
  });
}
