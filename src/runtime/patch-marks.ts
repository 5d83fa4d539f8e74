import { type RuntimeVersion, showVersion } from './version.ts';

/** What a patch of gsc's leaves in every file that is compiled from the patched source; its name follows. */
const markStart = 'gsc patch: ';

/** The text that a patch of this name leaves in what is compiled from the source that it changes. */
export function patchMark(name: string): string {
  return `${markStart}${name}`;
}

/** The names of the patches whose marks a compiled file has, sorted, each once. Marks end with a NUL, as strings of C do. */
export function patchesIn(content: Buffer): readonly string[] {
  const names = new Set<string>();
  for (let at = content.indexOf(markStart); at >= 0; at = content.indexOf(markStart, at + 1)) {
    const rest = content.subarray(at + markStart.length, at + markStart.length + 64).toString('latin1');
    const name = /^([a-z0-9][a-z0-9-]*)\0/.exec(rest)?.[1];
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

/** The patch after which Gramine parses a manifest in linear time. */
export const linearParse = 'linear-parse';

/** The patch after which Gramine hashes trusted files with the processor's SHA instructions. */
export const shaExtensions = 'sha-extensions';

/** What the runtime is called in reports: `Gramine 1.9, linear parse`. */
export function showRuntimeVersion(version: RuntimeVersion, patches: readonly string[]): string {
  return [showVersion(version), ...patches.map((name) => name.replaceAll('-', ' '))].join(', ');
}
