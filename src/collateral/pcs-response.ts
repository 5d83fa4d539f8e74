import type { RawCollateral } from './collateral.ts';
import { memberTexts } from './signed-json.ts';

/** Members that hold the signed object; `qeIdentity` is the name of the first versions. */
const objects = { tcbInfo: 'tcbInfo', enclaveIdentity: 'qeIdentity', qeIdentity: 'qeIdentity' } as const;

/** Whether an object's members are those of a response of PCS or PCCS. */
export function isPcsResponse(names: readonly string[]): boolean {
  return names.some((name) => name in objects);
}

/**
 * Reads `{"tcbInfo": …, "signature": …}` or `{"enclaveIdentity": …, "signature": …}`, of versions 3 and 4. What is about TDX, or about
 * Intel's verifying enclave, gives nothing. Throws a plain Error.
 */
export function readPcsResponse(json: string): RawCollateral {
  const members = memberTexts(json);
  const [name] = Object.keys(objects).filter((each) => members.has(each)) as (keyof typeof objects)[];
  if (name === undefined) throw new Error('expected the member tcbInfo or enclaveIdentity');
  const text = members.get(name) as string;
  const { id } = JSON.parse(text) as { readonly id?: unknown };
  if (id === 'TDX' || id === 'TD_QE' || id === 'QVE') return { pckCrls: [] };
  const signature = JSON.parse(members.get('signature') ?? '""') as string;
  return objects[name] === 'tcbInfo'
    ? { tcbInfo: text, tcbInfoSignature: signature, pckCrls: [] }
    : { qeIdentity: text, qeIdentitySignature: signature, pckCrls: [] };
}

/** The text of a response that {@link readPcsResponse} reads to the same values. */
export function writePcsResponse(
  name: 'tcbInfo' | 'enclaveIdentity',
  text: string,
  signature: string,
): string {
  return `{"${name}":${text},"signature":"${signature}"}`;
}
