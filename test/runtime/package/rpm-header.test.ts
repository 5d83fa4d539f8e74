import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { parseRpmHeader } from '../../../src/runtime/package/rpm-header.ts';

type Entry = readonly [tag: number, type: number, offset: number];

function header(
  entries: readonly Entry[],
  store: Buffer,
  more: { count?: number; storeBytes?: number } = {},
): Buffer {
  const intro = Buffer.alloc(16);
  intro.write('8eade801', 'hex');
  intro.writeUInt32BE(more.count ?? entries.length, 8);
  intro.writeUInt32BE(more.storeBytes ?? store.length, 12);
  const index = entries.map(([tag, type, offset]) => {
    const bytes = Buffer.alloc(16);
    for (const [i, value] of [tag, type, offset, 1].entries()) bytes.writeUInt32BE(value, 4 * i);
    return bytes;
  });
  return Buffer.concat([intro, ...index, store]);
}

const store = Buffer.from('gramine\0\0\0\0\x08end\0', 'latin1');
const entries: readonly Entry[] = [
  [1000, 6, 0],
  [5093, 4, 8],
  [5092, 8, 12],
];

test('tags have texts and numbers; what is not there is undefined', () => {
  const bytes = Buffer.concat([Buffer.alloc(3), header(entries, store), Buffer.from('payload')]);
  const parsed = parseRpmHeader(bytes, 3, 'x.rpm');
  expect([parsed.text(1000), parsed.number(5093), parsed.text(5092), parsed.text(1001)]).toEqual([
    'gramine',
    8,
    'end',
    undefined,
  ]);
  expect(bytes.toString('latin1', parsed.end)).toBe('payload');
});

describe('refused', () => {
  const reads = (bytes: Buffer) => {
    const parsed = parseRpmHeader(bytes, 0, 'x.rpm');
    return [parsed.text(1000), parsed.number(5093)];
  };
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /a header is cut short/],
    ['another magic number', Buffer.alloc(200), /expected a header/],
    ['fewer entries than it says', header([], Buffer.alloc(0), { count: 5 }), /a header is cut short/],
    ['a smaller store than it says', header(entries, store, { storeBytes: 99 }), /a header is cut short/],
    ['more entries than rpm allows', header(entries, store, { count: 0xffffffff }), /larger than rpm allows/],
    [
      'a larger store than rpm allows',
      header(entries, store, { storeBytes: 0xfffffff0 }),
      /larger than rpm allows/,
    ],
    ['a value beyond the store', header([[1000, 6, 99]], store), /tag 1000 has no value of its type/],
    ['a value of another type', header([[1000, 4, 8]], store), /tag 1000 has no value of its type/],
    ['a text without an end', header([[1000, 6, 0]], Buffer.from('gramine')), /an unterminated string/],
    ['half a number', header([[5093, 4, 15]], store), /tag 5093 is cut short/],
  ])('%s', (_, bytes, message) => {
    expect(() => reads(bytes)).toThrow(message);
    expect(() => reads(bytes)).toThrow(GscError);
  });
});
