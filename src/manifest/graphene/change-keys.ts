import type { GrapheneRelease } from '../../runtime/version.ts';
import { serializeManifest } from '../toml/serialize.ts';
import { isTable, parseToml, type TomlValue } from '../toml/toml.ts';
import { lineValue } from './write-manifest.ts';

/** Sets keys of `sgx` in the text of a complete manifest; all else stays as it is written there. */
export function changeKeys(
  text: string,
  values: ReadonlyMap<string, TomlValue>,
  release: GrapheneRelease,
): string {
  if (release === '1.2-rc1') {
    const { root } = parseToml(text, 'manifest');
    const sgx = root.get('sgx');
    return serializeManifest(new Map(root).set('sgx', new Map([...(isTable(sgx) ? sgx : []), ...values])));
  }
  const lines = text.split('\n').slice(0, -1);
  for (const [key, value] of values) {
    const start = `sgx.${key} = `;
    const index = lines.findIndex((line) => line.startsWith(start));
    lines.splice(index < 0 ? lines.length : index, index < 0 ? 0 : 1, `${start}${lineValue(value)}`);
  }
  return `${lines.join('\n')}\n`;
}
