import { defaultRuntimeImage } from './default-runtime-image.ts';
import { type SettingRow, settingTable } from './setting-table.ts';

/**
 * A configuration with every setting explained and none made: a setting is made by taking the `#` away, from its own line
 * and from that of its table.
 */
export function configTemplate(): string {
  const lines = [
    '# Configuration of gsc: remove the # before a setting, and before the table above it, to set it.',
    '# Paths are relative to the directory of this file. gsc config shows the values in effect.',
    '# Without a runtime this one is fetched:',
    `#   ${defaultRuntimeImage}`,
  ];
  let table: string | undefined;
  for (const row of settingTable) {
    const above = row.name.includes('.') ? row.name.slice(0, row.name.indexOf('.')) : undefined;
    if (above === undefined || above !== table) lines.push('');
    if (above !== undefined && above !== table) lines.push(`#${above}:`);
    table = above;
    lines.push(...linesOf(row, above === undefined ? '' : '  '));
  }
  return `${lines.join('\n')}\n`;
}

function linesOf({ name, about, example }: SettingRow, indent: string): readonly string[] {
  const word = name.slice(name.lastIndexOf('.') + 1);
  return [`# ${about}`, `#${indent}${word}: ${example}`];
}
