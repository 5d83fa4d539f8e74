import type { EnclaveLayout } from '../../../src/enclave/enclave-layout.ts';
import { type Area, permissionsOf } from '../../../src/enclave/memory-area.ts';
import type { VectorArea } from './vectors.ts';

/** The areas of a layout in the form of the vectors; addresses are relative to `origin`. */
export function areaRows(layout: EnclaveLayout, origin: bigint): VectorArea[] {
  return layout.areas.map((area) => ({
    start: hex(area.start - origin),
    end: hex(area.end - origin),
    type: area.kind === 'tcs' ? 'TCS' : 'REG',
    perm: permissionsOf(area),
    what: whatOf(area),
    eextend: area.isMeasured,
  }));
}

function whatOf(area: Area): string {
  if (area.kind === 'pal' || area.kind === 'executable')
    return permissionsOf(area).endsWith('X') ? 'code' : 'data';
  return area.kind === 'sig-stack' ? 'sig_stack' : area.kind;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
