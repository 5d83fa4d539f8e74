import { GscError } from '../base/error.ts';
import { decodeRecord, type Field, type RecordLayout } from '../base/record.ts';
import { parseReportBody, type ReportBody, reportBodySizeBytes } from './report-body.ts';

/** Where an SGX quote of version 3 has its fixed parts: `sgx_quote3_t` and `sgx_ql_ecdsa_sig_data_t` of Intel's DCAP headers. */
const headerFields = [
  ['version', 0, 2],
  ['attestationKeyType', 2, 2],
  ['reserved', 4, 4],
  ['qeSvn', 8, 2],
  ['pceSvn', 10, 2],
  ['qeVendorId', 12, { bytes: 16 }],
  ['userData', 28, { bytes: 20 }],
  ['reportBody', 48, { bytes: reportBodySizeBytes }],
  ['signatureDataSizeBytes', 432, 4],
] as const satisfies readonly Field[];

const signatureFields = [
  ['signature', 0, { bytes: 64 }],
  ['attestationKey', 64, { bytes: 64 }],
  ['qeReport', 128, { bytes: reportBodySizeBytes }],
  ['qeReportSignature', 512, { bytes: 64 }],
] as const satisfies readonly Field[];

const header: RecordLayout = { sizeBytes: 436, fields: headerFields };
const signatureData: RecordLayout = { sizeBytes: 576, fields: signatureFields };

const signedSizeBytes = 432;
const quoteVersion = 3;
/** ECDSA with SHA-256 on P-256, the only kind that DCAP makes for SGX. */
const ecdsaP256 = 2;
/** Intel's quoting enclave; the header says who made the quote. */
const intelQeVendorId = '939a7233f79c4ca9940a0db3957f0607';
/** No quote comes near this; a length beyond it is damage. */
const mostBytes = 1 << 20;

/** How a quote names its platform. `pck-chain`: PEM; the other kinds hold no chain. */
export interface CertificationData {
  readonly type: number;
  readonly bytes: Buffer;
}

/** An SGX quote of version 3. Bytes are views into it. */
export interface Quote {
  /** What the attestation key signed: header and report body. */
  readonly signedBytes: Buffer;
  readonly qeSvn: number;
  readonly pceSvn: number;
  readonly userData: Buffer;
  readonly report: ReportBody;
  /** r and s, 32 bytes each, big-endian. */
  readonly signature: Buffer;
  /** x and y on P-256, 32 bytes each, big-endian. */
  readonly attestationKey: Buffer;
  /** The report of the quoting enclave that holds the attestation key, and its signature by the platform's PCK key. */
  readonly qeReport: ReportBody;
  readonly qeReportSignature: Buffer;
  readonly authenticationData: Buffer;
  readonly certificationData: CertificationData;
}

/** What certification data are, by type (Intel's "ECDSA Quote Library Reference", table 9). */
export const certificationDataTypes: Readonly<Record<number, string>> = {
  1: 'the PPID in the clear',
  2: 'the PPID encrypted with RSA-2048',
  3: 'the PPID encrypted with RSA-3072',
  4: 'the PCK leaf certificate',
  5: 'the PCK certificate chain',
  6: 'a report of the quoting enclave',
  7: 'a platform manifest',
};

/**
 * Reads a quote. `subject` names it in errors. Zeros after it are left out: the buffers that hold quotes are often larger. Throws
 * a `quote` error if it is not a quote of version 3 with an ECDSA P-256 key, or its lengths do not fit together.
 */
export function parseQuote(bytes: Uint8Array, subject: string): Quote {
  const fail = (message: string, hint?: string) => quoteError(subject, message, hint);
  const quote = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (quote.length < header.sizeBytes) {
    throw fail(`expected at least ${header.sizeBytes} bytes, got ${quote.length}`);
  }
  const fixed = decodeRecord(header, quote.subarray(0, header.sizeBytes)) as unknown as HeaderValues;
  const problem = headerProblem(fixed);
  if (problem !== undefined) throw fail(...problem);
  const end = header.sizeBytes + fixed.signatureDataSizeBytes;
  if (fixed.signatureDataSizeBytes > mostBytes || end > quote.length) {
    throw fail(
      `expected ${fixed.signatureDataSizeBytes} bytes of signature data, got ${quote.length - header.sizeBytes}`,
      'the quote is cut short: copy it again',
    );
  }
  if (quote.subarray(end).some((byte) => byte !== 0)) {
    throw fail(`${quote.length - end} bytes follow its end that are not zero`);
  }
  return {
    signedBytes: quote.subarray(0, signedSizeBytes),
    qeSvn: fixed.qeSvn,
    pceSvn: fixed.pceSvn,
    userData: fixed.userData,
    report: parseReportBody(fixed.reportBody),
    ...parseSignatureData(quote.subarray(header.sizeBytes, end), fail),
  };
}

/** The error for bytes that are not a quote. */
export function quoteError(
  subject: string,
  message: string,
  hint = 'give a raw DCAP quote of version 3, as read from /dev/attestation/quote',
): GscError {
  return new GscError({ code: 'quote', subject, message, hint });
}

interface HeaderValues {
  readonly version: number;
  readonly attestationKeyType: number;
  readonly reserved: number;
  readonly qeSvn: number;
  readonly pceSvn: number;
  readonly qeVendorId: Buffer;
  readonly userData: Buffer;
  readonly reportBody: Buffer;
  readonly signatureDataSizeBytes: number;
}

function headerProblem(fixed: HeaderValues): readonly [message: string, hint?: string] | undefined {
  if (fixed.version !== quoteVersion) {
    const isTdx = fixed.version === 4 || fixed.version === 5;
    return [
      `expected a quote of version ${quoteVersion}, got version ${fixed.version}`,
      ...(isTdx ? ['versions 4 and 5 are for TDX; Gramine makes version 3'] : []),
    ] as [string, string?];
  }
  if (fixed.attestationKeyType !== ecdsaP256) {
    return [`expected attestation key type ${ecdsaP256} (ECDSA P-256), got ${fixed.attestationKeyType}`];
  }
  if (fixed.reserved !== 0) return ['the reserved bytes 4 to 7 are not zero'];
  const vendor = fixed.qeVendorId.toString('hex');
  if (vendor !== intelQeVendorId) {
    return [`expected Intel's quoting enclave (vendor ${intelQeVendorId}), got vendor ${vendor}`];
  }
  return undefined;
}

type SignatureData = Pick<
  Quote,
  | 'signature'
  | 'attestationKey'
  | 'qeReport'
  | 'qeReportSignature'
  | 'authenticationData'
  | 'certificationData'
>;

/** The fixed part, then u16 size and authentication data, then u16 type, u32 size and certification data, to the last byte. */
function parseSignatureData(bytes: Buffer, fail: (message: string) => GscError): SignatureData {
  const sizeAt = signatureData.sizeBytes;
  if (bytes.length < sizeAt + 2) {
    throw fail(`expected at least ${sizeAt + 2} bytes of signature data, got ${bytes.length}`);
  }
  const authenticationEnd = sizeAt + 2 + bytes.readUInt16LE(sizeAt);
  if (bytes.length < authenticationEnd + 6) {
    throw fail('the authentication data are longer than the signature data');
  }
  const certification = bytes.subarray(authenticationEnd + 6);
  const certificationSize = bytes.readUInt32LE(authenticationEnd + 2);
  if (certificationSize !== certification.length) {
    throw fail(`expected ${certificationSize} bytes of certification data, got ${certification.length}`);
  }
  const { qeReport, ...fixed } = decodeRecord(signatureData, bytes.subarray(0, sizeAt));
  return {
    ...(fixed as unknown as Pick<Quote, 'signature' | 'attestationKey' | 'qeReportSignature'>),
    qeReport: parseReportBody(qeReport as Buffer),
    authenticationData: bytes.subarray(sizeAt + 2, authenticationEnd),
    certificationData: { type: bytes.readUInt16LE(authenticationEnd), bytes: certification },
  };
}
