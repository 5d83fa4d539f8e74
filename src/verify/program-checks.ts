import {
  type ByteString,
  baseNameOf,
  bytesOfText,
  type ImagePath,
  imagePath,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import { ownDirectories } from '../elf/elf-needs.ts';
import { decideAccess, type ManifestNames } from '../manifest/files/access-decision.ts';
import { pathOfUri } from '../manifest/schema/file-uri.ts';
import { isTable, valueAt } from '../manifest/toml/toml.ts';
import { glibcDefaultDirectories } from '../start/library-paths.ts';
import type { FileNode } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import {
  type Finding,
  failed,
  failures,
  type ImageCheck,
  mismatch,
  notChecked,
  ok,
  okUnless,
} from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { pathHistory } from './path-history.ts';

/** Group 3: the library OS, the program, and what that is started by and linked with are there and trusted. */
export function programChecks(image: GraminizedImage): readonly ImageCheck[] {
  const manifest = image.manifest.value;
  if (manifest === undefined) {
    const detail = 'needs a manifest that can be read';
    return [
      notChecked('library-os', { subject: 'loader.entrypoint', detail }),
      notChecked('program', { subject: 'libos.entrypoint', detail }),
      notChecked('libraries', { subject: 'libos.entrypoint', detail }),
    ];
  }
  const inside = { image, names: manifest.names, libraryPath: libraryPathOf(image) };
  return [libraryOsCheck(image), ...startedChecks(inside)];
}

function libraryOsCheck(image: GraminizedImage): ImageCheck {
  const { tree, manifest } = image;
  const given = valueAt(manifest.value?.root ?? new Map(), ['loader', 'entrypoint']);
  const path = pathOfUri(given);
  const name = 'library-os';
  if (path === undefined)
    return failed(name, {
      subject: 'loader.entrypoint',
      detail: 'expected a file: URI with an absolute path',
    });
  const subject = showBytes(path);
  const found = resolvePath(tree, path);
  const node = found.kind === 'found' && found.node.kind === 'file' ? found.node : undefined;
  const sha256 = isTable(given) ? given.get('sha256') : manifest.value?.names.trusted.get(path);
  if (node === undefined) {
    const detail = found.kind === 'found' ? `it is a ${found.node.kind}` : showFailure(found);
    return failed(name, { subject, detail: showBytes(detail), lines: pathHistory(image, path) });
  }
  if (typeof sha256 !== 'string') {
    const detail =
      'the manifest has no hash of it: releases before 1.8 take it as it is; --runtime compares it';
    return notChecked(name, { subject, detail, protection: 'not-protected' });
  }
  return node.sha256 === sha256
    ? ok(name, { subject, detail: `it has the manifest's hash ${sha256}`, protection: 'checked-at-open' })
    : failed(name, {
        subject,
        detail: mismatch(`SHA-256 ${sha256}`, node.sha256),
        protection: 'checked-at-open',
        lines: pathHistory(image, path),
      });
}

interface Inside {
  readonly image: GraminizedImage;
  readonly names: ManifestNames;
  /** LD_LIBRARY_PATH, then where the loaders of distributions look. */
  readonly libraryPath: readonly ImagePath[];
}

function libraryPathOf({ manifest }: GraminizedImage): readonly ImagePath[] {
  const value = valueAt(manifest.value?.root ?? new Map(), ['loader', 'env', 'LD_LIBRARY_PATH']);
  const text = isTable(value) ? value.get('value') : value;
  const given = typeof text === 'string' ? text.split(':').filter((entry) => entry.startsWith('/')) : [];
  const defaults = [...glibcDefaultDirectories, imagePath('/usr/local/lib')];
  return [...given.map((entry) => imagePath(bytesOfText(entry))), ...defaults];
}

/** What opening a name inside comes to. */
type Opened =
  | { readonly kind: 'opens'; readonly realPath: ImagePath; readonly node: FileNode }
  /** Storage of the enclave or a file of the host's, which the image cannot answer for. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'refused' | 'absent'; readonly reason: string };

function open({ image, names }: Inside, path: ImagePath): Opened {
  const access = decideAccess(names, path);
  if (!('hostPath' in access)) return { kind: 'elsewhere' };
  const found = resolvePath(image.tree, access.hostPath);
  if (access.kind === 'allowed' && found.kind !== 'found') return { kind: 'elsewhere' };
  if (found.kind !== 'found') return { kind: 'absent', reason: showBytes(showFailure(found)) };
  if (found.node.kind !== 'file') return { kind: 'absent', reason: `it is a ${found.node.kind}` };
  if (access.kind === 'refused')
    return { kind: 'refused', reason: 'it is in the image, but the manifest does not list it' };
  return { kind: 'opens', realPath: found.path, node: found.node };
}

function startedChecks(inside: Inside): readonly ImageCheck[] {
  const { image } = inside;
  const given = valueAt(image.manifest.value?.root ?? new Map(), ['libos', 'entrypoint']);
  if (typeof given !== 'string')
    return [failed('program', { subject: 'libos.entrypoint', detail: mismatch('a path', 'none') })];
  const program = imagePath(bytesOfText(given));
  const opened = open(inside, program);
  const subject = showBytes(program);
  if (opened.kind === 'elsewhere') {
    const detail = 'it is in storage outside the image';
    return [notChecked('program', { subject, detail }), notChecked('libraries', { subject, detail })];
  }
  if (opened.kind !== 'opens') {
    const lines = pathHistory(image, program);
    return [failed('program', { subject, detail: opened.reason, protection: 'checked-at-open', lines })];
  }
  const { missing, count, unknown } = neededBy(inside, program, opened);
  const what = `${count} interpreters and libraries that it needs are there and trusted`;
  const rest = unknown.length > 0 ? `; could not be looked into: ${unknown.map(showBytes).join(', ')}` : '';
  return [
    ok('program', { subject, detail: 'it is there and trusted', protection: 'checked-at-open' }),
    ...(unknown.length > 0 && missing.length === 0
      ? [notChecked('libraries', { subject, detail: `${what}${rest}` })]
      : okUnless(failures('libraries', missing, subject), 'libraries', () => ({
          subject,
          detail: what,
          protection: 'checked-at-open',
        }))),
  ];
}

interface Needed {
  readonly missing: readonly Finding[];
  readonly count: number;
  readonly unknown: readonly ImagePath[];
}

interface LoadedFile {
  /** The name under which it was looked for. */
  readonly as: ImagePath;
  readonly realPath: ImagePath;
  readonly node: FileNode;
  /** What the files that led to it search for libraries: DT_RPATH is handed down. */
  readonly inherited: readonly ImagePath[];
  readonly isMusl: boolean;
}

/** Everything that the program's file needs, directly or through others. */
function neededBy(inside: Inside, as: ImagePath, { realPath, node }: Opened & { kind: 'opens' }): Needed {
  const missing: Finding[] = [];
  const unknown: ImagePath[] = [];
  const seen = new Set([realPath]);
  const pending: LoadedFile[] = [{ as, realPath, node, inherited: [], isMusl: false }];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const needs = needsOf(inside, file);
    if (needs === undefined) unknown.push(file.as);
    for (const { name, places, ...handedDown } of needs ?? []) {
      const { opened, at } = firstThatOpens(inside, places);
      if (opened.kind === 'refused' || opened.kind === 'absent') {
        const detail = `${showBytes(file.as)} needs it: ${opened.reason}`;
        missing.push({ subject: showBytes(name), detail, protection: 'checked-at-open' });
      } else if (opened.kind === 'opens' && !seen.has(opened.realPath)) {
        seen.add(opened.realPath);
        pending.push({ as: at, ...opened, ...handedDown });
      }
    }
  }
  return { missing, count: seen.size - 1, unknown };
}

/** The first place that opens; else what says most about why none does. */
function firstThatOpens(
  inside: Inside,
  places: readonly ImagePath[],
): { readonly opened: Opened; readonly at: ImagePath } {
  let best = { opened: { kind: 'absent', reason: 'the image has no such file' } as Opened, at: rootPath };
  for (const at of places) {
    const opened = open(inside, at);
    if (opened.kind === 'opens' || opened.kind === 'elsewhere') return { opened, at };
    if (opened.kind === 'refused' && best.opened.kind === 'absent')
      best = { opened: { ...opened, reason: `${showBytes(at)}: ${opened.reason}` }, at };
  }
  return best;
}

interface Need extends Pick<LoadedFile, 'inherited' | 'isMusl'> {
  readonly name: ByteString;
  readonly places: readonly ImagePath[];
}

/** musl's loader is all of these itself. musl, ldso/dynlink.c, `load_library`. */
const muslOwn = /^lib(?:c|pthread|rt|m|dl|util|xnet|c\.musl-x86_64)\./;

/** What one file needs; undefined if it could not be looked into. */
function needsOf(
  { image, libraryPath }: Inside,
  { realPath, node: { program, sha256 }, inherited, isMusl }: LoadedFile,
): readonly Need[] | undefined {
  if (program?.kind === 'script') {
    return [{ name: program.interpreter, places: [imagePath(program.interpreter)], inherited, isMusl }];
  }
  if (program?.kind !== 'elf') return [];
  const needs = image.contents.needsOf(sha256);
  if (needs === undefined) return undefined;
  const own = ownDirectories(needs, realPath);
  const loader = needs.interpreter;
  const handedDown = {
    inherited: [...inherited, ...own],
    isMusl: isMusl || (loader !== undefined && baseNameOf(imagePath(loader)).startsWith('ld-musl-')),
  };
  const placesOf = (name: ByteString) =>
    [...own, ...inherited, ...libraryPath].map((directory) => imagePath(`${directory}/${name}`));
  const libraries = needs.needed.filter((name) => !(handedDown.isMusl && muslOwn.test(name)));
  return [
    ...(loader === undefined ? [] : [loader]).map((name) => ({
      name,
      places: [...placesOf(baseNameOf(imagePath(name))), imagePath(name)],
      ...handedDown,
    })),
    ...libraries.map((name) => ({
      name,
      places: name.includes('/') ? [imagePath(name)] : placesOf(name),
      ...handedDown,
    })),
  ];
}
