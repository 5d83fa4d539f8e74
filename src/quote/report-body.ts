import { decodeRecord, type Field, type RecordLayout } from '../base/record.ts';

/** Size of an SGX report body in bytes. SDM vol. 3D, "REPORT"; `sgx_report_body_t`. */
export const reportBodySizeBytes = 384;

/** Bit of ATTRIBUTES.FLAGS of an enclave whose memory can be read from outside. SDM vol. 3D, "ATTRIBUTES". */
const debugFlag = 2n;

const fields = [
  ['cpuSvn', 0, { bytes: 16 }],
  ['miscSelect', 16, 4],
  ['isvExtProdId', 32, { bytes: 16 }],
  ['attributes', 48, { bytes: 16 }],
  ['flags', 48, 8],
  ['mrEnclave', 64, { bytes: 32 }],
  ['mrSigner', 128, { bytes: 32 }],
  ['configId', 192, { bytes: 64 }],
  ['isvProdId', 256, 2],
  ['isvSvn', 258, 2],
  ['configSvn', 260, 2],
  ['isvFamilyId', 304, { bytes: 16 }],
  ['reportData', 320, { bytes: 64 }],
] as const satisfies readonly Field[];

const layout: RecordLayout = { sizeBytes: reportBodySizeBytes, fields };

/** What the processor says about an enclave. Bytes are views into the quote. */
export interface ReportBody {
  /** The 384 bytes, as they are signed. */
  readonly bytes: Buffer;
  readonly cpuSvn: Buffer;
  readonly miscSelect: number;
  /** FLAGS and XFRM, 8 bytes each. */
  readonly attributes: Buffer;
  readonly isDebug: boolean;
  readonly mrEnclave: Buffer;
  readonly mrSigner: Buffer;
  readonly configId: Buffer;
  readonly configSvn: number;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly isvExtProdId: Buffer;
  readonly isvFamilyId: Buffer;
  readonly reportData: Buffer;
}

/** Reads a report body. Throws a RangeError if it is not 384 bytes long. */
export function parseReportBody(bytes: Buffer): ReportBody {
  const { flags, ...values } = decodeRecord(layout, bytes);
  return {
    ...(values as unknown as Omit<ReportBody, 'bytes' | 'isDebug'>),
    bytes,
    isDebug: ((flags as bigint) & debugFlag) !== 0n,
  };
}
