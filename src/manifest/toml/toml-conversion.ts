import { TomlDate as ParsedDate } from 'smol-toml';
import { GscError } from '../../base/error.ts';
import { positionAt, type SourceNode } from './toml-positions.ts';
import { deepestNesting, type TomlDate, type TomlTable, type TomlValue } from './toml-value.ts';

export interface Conversion {
  readonly text: string;
  readonly subject: string;
  readonly scan: () => SourceNode;
}

/** What plain objects lose (the order of keys like `10`, the digits of dates) comes from the scan, which is done only then. */
export function convertDocument(plain: object, conversion: Conversion): TomlTable {
  const lossless = convert(plain, undefined, conversion, 0);
  return (lossless ?? convert(plain, conversion.scan(), conversion, 0)) as TomlTable;
}

/** Without a node: undefined if the value holds something that only the text tells. */
function convert(
  value: unknown,
  node: SourceNode | undefined,
  conversion: Conversion,
  depth: number,
): TomlValue | undefined {
  if (typeof value !== 'object' || value === null) return value as TomlValue;
  if (depth > deepestNesting) throw tooDeep(conversion.subject);
  if (value instanceof ParsedDate) return node && convertDate(node, conversion);
  if (Array.isArray(value)) {
    const items: TomlValue[] = [];
    for (const [index, item] of value.entries()) {
      const converted = convert(item, node?.children.get(index), conversion, depth + 1);
      if (converted === undefined) return undefined;
      items.push(converted);
    }
    return items;
  }
  return convertTable(value as Readonly<Record<string, unknown>>, node, conversion, depth);
}

function convertTable(
  value: Readonly<Record<string, unknown>>,
  node: SourceNode | undefined,
  conversion: Conversion,
  depth: number,
): TomlTable | undefined {
  const table = new Map<string, TomlValue>();
  const keys = node ? (node.children.keys() as Iterable<string>) : Object.keys(value);
  for (const key of keys) {
    if (node === undefined && /^\d+$/.test(key)) return undefined;
    const converted = convert(value[key], node?.children.get(key), conversion, depth + 1);
    if (converted === undefined) return undefined;
    table.set(key, converted);
  }
  return table;
}

function tooDeep(subject: string): GscError {
  return new GscError({
    code: 'manifest',
    subject,
    message: `tables and arrays are nested deeper than ${deepestNesting} levels`,
  });
}

const datePattern =
  /^(\d{4}-\d{2}-\d{2})?[Tt ]?(?:(\d{2}:\d{2})(?::(\d{2}))?(?:\.(\d+))?)?(?:([Zz])|([+-]\d{2}:\d{2}))?$/;

function convertDate(node: SourceNode, conversion: Conversion): TomlDate {
  const [matched, day, time, seconds = '00', fraction = '', zulu, offset] =
    datePattern.exec(node.scalar ?? '') ?? [];
  if (matched === undefined || (day !== undefined && !isCalendarDay(day))) {
    const { line, column } = positionAt(conversion.text, node.offset);
    throw new GscError({
      code: 'manifest',
      subject: `${conversion.subject}:${line}:${column}`,
      message: `expected a date of the calendar, got ${node.scalar}`,
    });
  }
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const clock = time && `${time}:${seconds}${micros === '000000' ? '' : `.${micros}`}`;
  const zone = zulu || offset === '-00:00' ? '+00:00' : (offset ?? '');
  return { kind: 'date', text: `${[day, clock].filter(Boolean).join(' ')}${zone}` };
}

function isCalendarDay(day: string): boolean {
  const date = new Date(`${day}T00:00:00Z`);
  return !day.startsWith('0000') && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}
