import { GscError } from '../base/error.ts';
import { decodeRecord, encodeRecord, type Field, type RecordLayout } from '../base/record.ts';

/** The size of an SGX enclave's signature structure and of the RSA numbers in it. SDM vol. 3D, "SIGSTRUCT". */
export const sigstructSizeBytes = 1808;
export const rsaSizeBytes = 384;

const rsaNumber = { bytes: rsaSizeBytes } as const;

const fields = [
  ['header', 0, { bytes: 16 }],
  ['vendor', 16, 4],
  ['date', 20, 4],
  ['header2', 24, { bytes: 16 }],
  ['swDefined', 40, 4],
  ['modulus', 128, rsaNumber],
  ['exponent', 512, 4],
  ['signature', 516, rsaNumber],
  ['miscSelect', 900, 4],
  ['miscMask', 904, 4],
  ['cetAttributes', 908, 1],
  ['cetAttributesMask', 909, 1],
  ['isvFamilyId', 912, { bytes: 16 }],
  ['flags', 928, 8],
  ['xfrm', 936, 8],
  ['flagsMask', 944, 8],
  ['xfrmMask', 952, 8],
  ['mrEnclave', 960, { bytes: 32 }],
  ['isvExtProdId', 1008, { bytes: 16 }],
  ['isvProdId', 1024, 2],
  ['isvSvn', 1026, 2],
  ['q1', 1040, rsaNumber],
  ['q2', 1424, rsaNumber],
] as const satisfies readonly Field[];

/** SIGSTRUCT as a table: name, offset, size. What lies between the fields is reserved and zero. */
export const sigstructLayout: RecordLayout = { sizeBytes: sigstructSizeBytes, fields };

type ValueOf<Size> = Size extends 8 ? bigint : Size extends number ? number : Uint8Array;

/** All fields of a SIGSTRUCT. RSA numbers are little-endian bytes, as they stand in the structure. */
export type Sigstruct = {
  readonly [Each in (typeof fields)[number] as Each[0]]: ValueOf<Each[2]>;
};

/** The two constants that mark a SIGSTRUCT, and the only exponent that SGX takes. SDM vol. 3D, "SIGSTRUCT". */
export const sigstructConstants = {
  header: Buffer.from('06000000e10000000000010000000000', 'hex'),
  header2: Buffer.from('01010000600000006000000001000000', 'hex'),
  exponent: 3,
} as const;

/** What has a choice in a SIGSTRUCT; the rest is constant, or follows from these. */
export type SigstructChoice = Omit<Sigstruct, keyof typeof sigstructConstants>;

/** The 1808 bytes of a SIGSTRUCT. Fields that are not given are zero. */
export function encodeSigstruct(choice: Partial<SigstructChoice>): Buffer {
  return encodeRecord(sigstructLayout, { ...choice, ...sigstructConstants });
}

/**
 * Reads a SIGSTRUCT. `subject` names it in errors. Throws a `sigstruct` error if its length, its two headers or its
 * exponent are wrong, or if a reserved byte is not zero. The signature is not looked at: see `verifySigstruct`.
 */
export function decodeSigstruct(bytes: Buffer, subject: string): Sigstruct {
  if (bytes.length !== sigstructSizeBytes) {
    throw sigstructError(subject, `expected ${sigstructSizeBytes} bytes, got ${bytes.length}`);
  }
  const sigstruct = decodeRecord(sigstructLayout, bytes) as unknown as Sigstruct;
  for (const name of ['header', 'header2'] as const) {
    const got = Buffer.from(sigstruct[name]).toString('hex');
    const expected = sigstructConstants[name].toString('hex');
    if (got !== expected)
      throw sigstructError(subject, `its ${name} is wrong: expected ${expected}, got ${got}`);
  }
  if (sigstruct.exponent !== sigstructConstants.exponent) {
    throw sigstructError(subject, `expected the exponent 3, got ${sigstruct.exponent}`);
  }
  const reserved = encodeSigstruct(sigstruct).findIndex((byte, index) => byte !== bytes[index]);
  if (reserved !== -1) {
    throw sigstructError(subject, `the reserved byte ${reserved} is not zero: it is ${bytes[reserved]}`);
  }
  return sigstruct;
}

/** The 256 bytes of a SIGSTRUCT that are signed: all but the key, the signature and what helps to check it. */
export function signedBytesOf(sigstruct: Buffer): Buffer {
  return Buffer.concat([sigstruct.subarray(0, 128), sigstruct.subarray(900, 1028)]);
}

/** The SIGSTRUCT whose signed bytes these are, with zeros for the key and the signature. Throws a `sigstruct` error for other bytes. */
export function sigstructOfSignedBytes(message: Buffer, subject: string): Buffer {
  if (message.length !== 256 || !message.subarray(0, 16).equals(sigstructConstants.header)) {
    throw new GscError({
      code: 'sigstruct',
      subject,
      message: `expected the 256 bytes of a SIGSTRUCT that are signed, got ${message.length === 256 ? 'others' : `${message.length} bytes`}`,
      hint: 'gsc sign-image --prepare writes them',
    });
  }
  const sigstruct = Buffer.alloc(sigstructSizeBytes);
  sigstruct.set(message.subarray(0, 128), 0);
  sigstruct.set(message.subarray(128), 900);
  sigstruct.writeUInt32LE(sigstructConstants.exponent, 512);
  return sigstruct;
}

/** The error for a SIGSTRUCT that is not one, or does not verify. */
export function sigstructError(subject: string, message: string): GscError {
  return new GscError({
    code: 'sigstruct',
    subject,
    message,
    hint: 'sign the image again; the signature is damaged or not one of an SGX enclave',
  });
}
