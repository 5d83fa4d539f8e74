import { decodeRecord, type RecordLayout } from '../base/record.ts';
import { readDer } from '../x509/der.ts';
import type { RawCollateral } from './collateral.ts';
import { readPcsResponse } from './pcs-response.ts';

/** `oe_endorsements_t` of Open Enclave's bits/attestation.h; offsets and data follow. */
const header: RecordLayout = {
  sizeBytes: 16,
  fields: [
    ['version', 0, 4],
    ['enclaveType', 4, 4],
    ['bufferSizeBytes', 8, 4],
    ['itemCount', 12, 4],
  ],
};

/** `oe_attestation_header_t` of common/attest_plugin.h, which plugins put before it: version, format's UUID, size. */
const attestationHeaderSizeBytes = 28;

/** `OE_ENCLAVE_TYPE_SGX`. */
const sgx = 2;
/** `oe_sgx_endorsements_fields_t`, in its order; later versions may add to it. */
const leastItems = 9;
const mostItems = 32;

interface HeaderValues {
  readonly version: number;
  readonly enclaveType: number;
  readonly bufferSizeBytes: number;
  readonly itemCount: number;
}

/** Whether bytes begin as Open Enclave's endorsements do, with or without the header of a plugin. */
export function isOpenEnclave(bytes: Buffer): boolean {
  return findHeader(bytes) !== undefined;
}

/** Reads Open Enclave's SGX endorsements. Throws a plain Error if offsets or sizes do not fit. */
export function readOpenEnclave(bytes: Buffer): RawCollateral {
  const found = findHeader(bytes);
  if (found === undefined) throw new Error('not endorsements of Open Enclave');
  const items = readItems(bytes.subarray(found.end), found.values);
  const text = (index: number) => (items[index] ?? Buffer.alloc(0)).toString('latin1').replace(/\0$/, '');
  return {
    ...readPcsResponse(text(1)),
    ...withoutPckCrls(readPcsResponse(text(6))),
    tcbInfoIssuerChain: text(2),
    qeIdentityIssuerChain: text(7),
    rootCaCrl: withoutNul(items[4]),
    pckCrls: [{ crl: withoutNul(items[3]), issuerChain: text(5) }],
  };
}

/** Lists end in a NUL too, in DER as well; a signature may end in its own zero. */
function withoutNul(item: Buffer = Buffer.alloc(0)): Buffer {
  if (item.at(-1) !== 0) return item;
  try {
    readDer(item);
    return item;
  } catch {
    return item.subarray(0, -1);
  }
}

function withoutPckCrls({ pckCrls: _none, ...rest }: RawCollateral): Omit<RawCollateral, 'pckCrls'> {
  return rest;
}

function findHeader(bytes: Buffer): { readonly end: number; readonly values: HeaderValues } | undefined {
  for (const start of [0, attestationHeaderSizeBytes]) {
    const end = start + header.sizeBytes;
    if (bytes.length < end) return undefined;
    const values = decodeRecord(header, bytes.subarray(start, end)) as unknown as HeaderValues;
    const isPlausible = values.itemCount >= leastItems && values.itemCount <= mostItems;
    if (values.version === 1 && values.enclaveType === sgx && isPlausible) return { end, values };
  }
  return undefined;
}

function readItems(buffer: Buffer, { bufferSizeBytes, itemCount }: HeaderValues): readonly Buffer[] {
  if (buffer.length !== bufferSizeBytes) {
    throw new Error(`expected ${bufferSizeBytes} bytes of endorsements, got ${buffer.length}`);
  }
  const data = buffer.subarray(4 * itemCount);
  const offsets = Array.from({ length: itemCount }, (_, index) => buffer.readUInt32LE(4 * index));
  return offsets.map((offset, index) => {
    const end = offsets[index + 1] ?? data.length;
    if (offset > end || end > data.length) throw new Error(`item ${index} lies outside the endorsements`);
    return data.subarray(offset, end);
  });
}
