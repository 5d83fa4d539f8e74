import type { Field, RecordLayout } from '../base/record.ts';

/** The thread control structure, one page per thread. SDM vol. 3D, "Thread Control Structure (TCS)". */
export const tcsLayout: RecordLayout = {
  sizeBytes: 0x1000,
  fields: [
    ['flags', 0x08, 8],
    ['ossa', 0x10, 8],
    ['cssa', 0x18, 4],
    ['nssa', 0x1c, 4],
    ['oentry', 0x20, 8],
    ['ofsbase', 0x30, 8],
    ['ogsbase', 0x38, 8],
    ['fslimit', 0x40, 4],
    ['gslimit', 0x44, 4],
  ],
};

/** The TLS page of Gramine 1.4 to master and of Graphene v1.2-rc1 (`struct enclave_tls` of their headers). */
export const gramineTls: RecordLayout = tlsLayout(0x110, [
  ['self', 0x0, 8],
  ['stackProtectorCanary', 0x8, 8],
  ['clearChildTid', 0x1b8, 8],
]);

/** The TLS page of Graphene v1.1 and of the first GSC's commit: no canary, and the executable's place. */
export const grapheneTls: RecordLayout = tlsLayout(0x108, [
  ['self', 0x0, 8],
  ['execAddress', 0x1b0, 8],
  ['execSize', 0x1b8, 8],
  ['clearChildTid', 0x1c0, 8],
]);

/** The fields that all runtimes have in this order, 8 bytes each, after the library OS's part of the page. */
function tlsLayout(enclaveSizeOffset: number, others: readonly Field[]): RecordLayout {
  const names = [
    'enclaveSize',
    'tcsOffset',
    'initialStack',
    'tmpRip',
    'sigStackLow',
    'sigStackHigh',
    'ecallReturnAddress',
    'ssa',
    'gpr',
    'exitTarget',
    'fsbase',
    'preOcallStack',
    'ustackTop',
    'ustack',
    'thread',
    'ocallExitCalled',
    'threadStarted',
    'readyForExceptions',
    'manifestSize',
    'heapMin',
    'heapMax',
  ];
  const inOrder = names.map((name, index): Field => [name, enclaveSizeOffset + 8 * index, 8]);
  return { sizeBytes: 0x1000, fields: [...inOrder, ...others] };
}
