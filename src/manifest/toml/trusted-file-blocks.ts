import type { TomlTable } from './toml-value.ts';

/** A run of trusted files in the form that gsc and Gramine's tools write, and the text without all of them but the first. */
export interface TrustedFileRun {
  readonly files: readonly TomlTable[];
  readonly rest: string;
}

const header = '[[sgx.trusted_files]]\n';
/** Of the escapes those that names of files have: units of systemd have a backslash. */
const block =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the others stand for control characters
  /\[\[sgx\.trusted_files\]\]\nuri = "([^"\\\u0000-\u001f\u007f]*(?:\\["\\][^"\\\u0000-\u001f\u007f]*)*)"\nsha256 = "([0-9a-f]*)"\n\n/y;

/**
 * Finds the first run of trusted files in a TOML text. They are nearly all of a manifest, and a parser that knows nothing of them
 * takes most of its time for them. Undefined if there is none, or if it may stand inside a text of several lines.
 */
export function findTrustedFileRun(text: string): TrustedFileRun | undefined {
  const start = text.startsWith(header) ? 0 : text.indexOf(`\n${header}`) + 1;
  const before = text.slice(0, start);
  if ((start === 0 && !text.startsWith(header)) || /"""|'''/.test(before)) return undefined;
  const files: TomlTable[] = [];
  let [end, firstEnd] = [start, start];
  block.lastIndex = start;
  for (let match = block.exec(text); match !== null; match = block.exec(text)) {
    const [, uri, sha256] = match as unknown as readonly [string, string, string];
    files.push(new Map().set('uri', unescaped(uri)).set('sha256', sha256));
    end = block.lastIndex;
    if (files.length === 1) firstEnd = end;
  }
  if (files.length < 2) return undefined;
  return { files, rest: text.slice(0, firstEnd) + text.slice(end) };
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, '$1') : text;
}
