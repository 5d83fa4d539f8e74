import { baseNameOf, type ImagePath } from '../base/image-path.ts';
import type { ProgramFacts } from '../tree/entry.ts';

/** A file whose content goes into the layer index, up to a size. */
export interface KeptFile {
  /** The whole path; `*` stands for any characters but a slash. */
  readonly pattern: string;
  readonly limitBytes: number;
  readonly purpose: string;
}

/** The few small files that graminizing reads. A larger one is listed like any other, without its content. */
export const keptFiles: readonly KeptFile[] = [
  { pattern: '/etc/passwd', limitBytes: 1 << 20, purpose: 'user names' },
  { pattern: '/etc/group', limitBytes: 1 << 20, purpose: 'group names' },
  { pattern: '/etc/ld.so.conf', limitBytes: 1 << 16, purpose: 'library directories' },
  { pattern: '/etc/ld.so.conf.d/*', limitBytes: 1 << 16, purpose: 'library directories' },
  { pattern: '/usr/etc/ld.so.conf', limitBytes: 1 << 16, purpose: 'library directories (openSUSE)' },
  { pattern: '/etc/ld-musl-*.path', limitBytes: 1 << 16, purpose: 'library directories of musl' },
  { pattern: '/etc/os-release', limitBytes: 1 << 16, purpose: 'name of the distribution' },
  { pattern: '/usr/lib/os-release', limitBytes: 1 << 16, purpose: 'name of the distribution' },
  { pattern: '/etc/nsswitch.conf', limitBytes: 1 << 16, purpose: 'how names are looked up' },
  { pattern: '/etc/hosts', limitBytes: 1 << 20, purpose: 'addresses of hosts' },
];

/** Larger ones are not looked at: what an entrypoint script of an image does takes a tenth of this. */
const scriptLimitBytes = 1 << 15;

/** Where distributions keep their own scripts, by the hundred. */
const distributionPlaces = /^\/(?:(?:usr\/)?(?:s?bin|lib\w*|share|include|src)|etc|var|boot|dev|proc|sys)\//;

/** True if the content of the file, should it be a shell script, is kept: it may be what starts the application. */
export function mayBeStartScript(path: ImagePath, sizeBytes: number): boolean {
  if (sizeBytes > scriptLimitBytes) return false;
  return !distributionPlaces.test(path) || /entrypoint/i.test(baseNameOf(path));
}

/** True for scripts whose `#!` line names a shell, also by `env`. */
export function isShellScript(program: ProgramFacts | undefined): boolean {
  if (program?.kind !== 'script') return false;
  const words = [program.interpreter, ...(program.argument ?? '').split(' ')];
  return words.some((word) => /(?:^|\/)(?:ba|da|a|k|z)?sh$/.test(word));
}

const compiled = keptFiles.map(({ pattern, limitBytes }) => ({
  expression: expressionOf(pattern),
  limitBytes,
}));
const quickTest = /^\/(usr\/)?(etc|lib)\/[^/]+(\/[^/]+)?$/;

/** True if the content of a file of this name and size is kept. */
export function isContentKept(path: ImagePath, sizeBytes: number): boolean {
  if (!quickTest.test(path)) return false;
  return compiled.some(({ expression, limitBytes }) => sizeBytes <= limitBytes && expression.test(path));
}

function expressionOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
}
