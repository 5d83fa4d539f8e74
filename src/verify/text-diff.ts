/** Two texts line by line: what is only in the first with `-`, only in the second with `+`, with a line of context around. */
export function diffLines(before: string, after: string): readonly string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  if (start === endA && start === endB) return [];
  const changed =
    (endA - start) * (endB - start) <= mostCells
      ? longestCommon(a.slice(start, endA), b.slice(start, endB))
      : [
          ...a.slice(start, endA).map((line) => `-${line}`),
          ...b.slice(start, endB).map((line) => `+${line}`),
        ];
  const context = (line: string | undefined) => (line === undefined ? [] : [` ${line}`]);
  return [...context(a[start - 1]), ...changed, ...context(a[endA])];
}

/** Texts that differ in more than that are shown as a whole. */
const mostCells = 4_000_000;

/** By the longest common subsequence of lines, in the usual table. */
function longestCommon(a: readonly string[], b: readonly string[]): readonly string[] {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(` ${a[i]}`);
      [i, j] = [i + 1, j + 1];
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`-${a[i]}`);
      i += 1;
    } else {
      lines.push(`+${b[j]}`);
      j += 1;
    }
  }
  return lines;
}
