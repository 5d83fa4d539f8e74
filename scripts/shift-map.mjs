// Source maps (version 3, ECMA-426) of texts whose beginning of a line was changed.
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The map, as JSON, for a text in which everything on a line (from 0) that is mapped lies `columns` further right. */
export function shiftMap(json, line, columns) {
  const map = JSON.parse(json);
  const lines = map.mappings.split(';');
  // Only the first column of a line is counted from its beginning.
  lines[line] = (lines[line] ?? '').replace(/^[g-z0-9+/]*[A-Za-f]/, (first) =>
    encode(decode(first) + columns),
  );
  return JSON.stringify({ ...map, mappings: lines.join(';') });
}

function decode(text) {
  const value = [...text].reduce((sum, digit, index) => sum + (digits.indexOf(digit) & 31) * 32 ** index, 0);
  return value % 2 === 0 ? value / 2 : -(value - 1) / 2;
}

function encode(number) {
  let rest = number < 0 ? -2 * number + 1 : 2 * number;
  let text = '';
  do {
    const more = rest >= 32 ? 32 : 0;
    text += digits[(rest % 32) + more];
    rest = Math.floor(rest / 32);
  } while (rest > 0);
  return text;
}
