/** A file that a word of an option names: the word at `index` holds its path from `start` to `end`. */
export interface NamedFile {
  readonly option: string;
  readonly path: string;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** Options of `gsc build` whose values name files: where in the value the path is. */
const fileOptions: Readonly<Record<string, RegExp>> = {
  '-c': /^(?<path>.+)$/d,
  '--config': /^(?<path>.+)$/d,
  '--profile': /^(?<path>.+)$/d,
  '--ca-file': /^(?<path>.+)$/d,
  '--runtime': /^(?<path>[^:]+)$/d,
  '--file': /^(?<path>.+?):/d,
  '--secret-from': /=(?<path>.+)$/d,
};

/** The files that options of `gsc build` name, as far as the words tell; `--runtime` may name an image instead. */
export function filesNamedBy(options: readonly string[]): readonly NamedFile[] {
  const found: NamedFile[] = [];
  for (const [index, word] of options.entries()) {
    const [, joined] = /^(--[\w-]+)=/.exec(word) ?? [];
    const option = joined ?? options[index - 1] ?? '';
    const pattern = Object.hasOwn(fileOptions, option) ? fileOptions[option] : undefined;
    if (pattern === undefined || (joined === undefined && word.startsWith('-'))) continue;
    const before = joined === undefined ? 0 : joined.length + 1;
    const match = pattern.exec(word.slice(before));
    const [start, end] = match?.indices?.groups?.path ?? [];
    if (start === undefined || end === undefined) continue;
    const range = { start: before + start, end: before + end };
    found.push({ option, path: word.slice(range.start, range.end), index, ...range });
  }
  return found;
}

/** The values of `--runtime`, files and images. */
export function runtimesIn(options: readonly string[]): readonly string[] {
  return options.flatMap((word, index) => {
    if (word.startsWith('--runtime=')) return [word.slice('--runtime='.length)];
    return options[index - 1] === '--runtime' ? [word] : [];
  });
}

/** The options with the paths of files replaced. */
export function withPaths(
  options: readonly string[],
  replaced: readonly { readonly file: NamedFile; readonly path: string }[],
): readonly string[] {
  return options.map((word, index) => {
    const change = replaced.find(({ file }) => file.index === index);
    return change ? word.slice(0, change.file.start) + change.path + word.slice(change.file.end) : word;
  });
}
