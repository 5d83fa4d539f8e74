import { encodeRecord, type FieldValues } from '../base/record.ts';
import { pageSizeBytes } from './address.ts';
import { ssaFramesPerThread } from './enclave-blocks.ts';
import { areaOf, type EnclaveLayout } from './enclave-layout.ts';
import type { EnclaveRules } from './enclave-rules.ts';
import type { PageContent } from './page-records.ts';
import { tcsLayout } from './thread-layout.ts';

/** Size of the general-purpose registers at the end of an SSA frame. SDM vol. 3D, "GPRSGX Region". */
const gprSizeBytes = 0xb8n;

/** Gramine's value of the stack protector's canary until the enclave draws its own. */
const canary = 0xbadbadbadbadn;

/** The TCS and TLS pages of an enclave, by the thread's number from 0. */
export function threadPagesOf(
  layout: EnclaveLayout,
  rules: EnclaveRules,
): { readonly tcs: PageContent; readonly tls: PageContent } {
  const stacks = layout.areas.filter((area) => area.kind === 'stack');
  const sigStacks = layout.areas.filter((area) => area.kind === 'sig-stack');
  const frameBytes = BigInt(rules.ssaFramePages) * pageSizeBytes;
  const [ssaArea, tcsArea, tlsArea] = [areaOf(layout, 'ssa'), areaOf(layout, 'tcs'), areaOf(layout, 'tls')];
  const ssaOf = (thread: number): bigint => ssaArea.start + BigInt(thread) * ssaFramesPerThread * frameBytes;
  const tcs = (thread: number): Uint8Array =>
    encodeRecord(tcsLayout, {
      ossa: ssaOf(thread) - layout.base,
      nssa: Number(ssaFramesPerThread),
      oentry: BigInt.asUintN(64, layout.entryOffset),
      ogsbase: pageAt(tlsArea.start, thread) - layout.base,
      fslimit: 0xfff,
      gslimit: 0xfff,
    });
  const tls = (thread: number): Uint8Array => {
    const stackEnd = stacks[thread]?.end ?? 0n;
    const values: FieldValues = {
      self: pageAt(tlsArea.start, thread),
      stackProtectorCanary: canary,
      enclaveSize: layout.sizeBytes,
      tcsOffset: pageAt(tcsArea.start, thread) - layout.base,
      initialStack: rules.initialStack === 'offset' ? stackEnd - layout.base : stackEnd,
      sigStackLow: sigStacks[thread]?.start ?? 0n,
      sigStackHigh: sigStacks[thread]?.end ?? 0n,
      ssa: ssaOf(thread),
      gpr: ssaOf(thread) + frameBytes - gprSizeBytes,
      manifestSize: layout.manifestSizeBytes,
      heapMin: layout.heapMin,
      heapMax: layout.heapMax,
      execAddress: layout.executable?.address ?? 0n,
      execSize: layout.executable?.sizeBytes ?? 0n,
    };
    return encodeRecord(rules.tls, fieldsOf(rules, values));
  };
  return { tcs, tls };
}

function pageAt(start: bigint, index: number): bigint {
  return start + BigInt(index) * pageSizeBytes;
}

/** The values that the runtime's TLS page has a field for. */
function fieldsOf({ tls }: EnclaveRules, values: FieldValues): FieldValues {
  const names = new Set(tls.fields.map(([name]) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
}
