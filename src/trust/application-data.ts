import {
  type ByteString,
  bytesOfText,
  componentsOf,
  type ImagePath,
  imagePath,
  isWithin,
} from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { isBaseSystem } from './base-system.ts';
import type { ExcludedFile } from './classify-paths.ts';
import { FileSums } from './path-order.ts';
import { excludedByOption } from './trust-policy.ts';
import type { TrustedSelection } from './trusted-files.ts';

/** Why content that is left out looks like the application's own. */
export type DataSign =
  | { readonly kind: 'working-directory' }
  /** `index` as in argv. */
  | { readonly kind: 'argument'; readonly index: number }
  | { readonly kind: 'variable'; readonly name: string }
  /** A link in a trusted place leads there. */
  | { readonly kind: 'link'; readonly from: ImagePath }
  /** The place is a link, left out, to what is trusted under its own name. */
  | { readonly kind: 'target'; readonly to: ImagePath }
  /** The place itself: `/var/www`, `/var/lib/APP`, … */
  | { readonly kind: 'place' };

/** Files that are left out, and that the application probably reads. */
export interface ApplicationData {
  /** What to give to `--trust`. */
  readonly place: ImagePath;
  readonly signs: readonly DataSign[];
  readonly fileCount: number;
  readonly sizeBytes: number;
}

export interface ApplicationDataOptions {
  readonly tree: FileTree;
  readonly start: Pick<ContainerProcess, 'argv' | 'workingDirectory' | 'environment'>;
  readonly selection: TrustedSelection;
}

/** Finds what rules, not the user, left out although the image's configuration, its links or its place speak for it. */
export function findApplicationData(options: ApplicationDataOptions): readonly ApplicationData[] {
  const { tree, selection } = options;
  const excluded = selection.excluded.filter(({ origin }) => origin === 'built-in' || origin === 'level');
  const sums = { leftOut: new FileSums(excluded), trusted: new FileSums(selection.trusted) };
  const signs = [...mentioned(options, sums), ...linked(options, sums), ...inPlaces(tree, excluded)];
  const found = placesOf(signs.map(([place]) => place));
  const places = new Map<ImagePath, DataSign[]>();
  for (const [place, sign] of signs) {
    const outermost = found.above(place).at(-1) ?? place;
    const others = places.get(outermost);
    if (others === undefined) places.set(outermost, [sign]);
    else others.push(sign);
  }
  const data = [...places].map(([place, all]) => ({ place, signs: all, ...sums.leftOut.within(place) }));
  return [...data, ...linksToTrusted(options, sums).filter(({ place }) => !found.holds(place))];
}

/** What is left out by a rule, and what is trusted. */
interface Sums {
  readonly leftOut: FileSums;
  readonly trusted: FileSums;
}

/** Links below /var to trusted content, which cannot be reached through them. */
function linksToTrusted(
  { tree, selection }: ApplicationDataOptions,
  { trusted }: Sums,
): readonly ApplicationData[] {
  const links = selection.ignoredLinks.filter(
    ({ kind, path, reason }) =>
      kind === 'in-excluded-place' &&
      reason !== excludedByOption &&
      !isBaseSystem(path) &&
      dataPlaceOf(path) !== undefined,
  );
  return links.flatMap(({ path }) => {
    const found = resolvePath(tree, path);
    if (found.kind !== 'found') return [];
    const { fileCount, sizeBytes } = trusted.within(found.path);
    return fileCount === 0
      ? []
      : [{ place: path, signs: [{ kind: 'target', to: found.path }], fileCount, sizeBytes }];
  });
}

type DataFinding = readonly [place: ImagePath, sign: DataSign];

/** What the configuration names: the working directory, paths in the arguments and in the environment. */
function mentioned(options: ApplicationDataOptions, sums: Sums): readonly DataFinding[] {
  const { start, tree } = options;
  const from = start.workingDirectory.realPath;
  const named: readonly (readonly [ByteString, DataSign])[] = [
    [from, { kind: 'working-directory' }],
    ...start.argv.flatMap((word, index) =>
      [...new Set([word, ...pathsIn(word)])].map(
        (path) => [bytesOfText(path), { kind: 'argument', index }] as const,
      ),
    ),
    ...start.environment.variables.flatMap(([name, value]) =>
      pathsIn(value).map((path) => [bytesOfText(path), { kind: 'variable', name }] as const),
    ),
  ];
  return named.flatMap(([path, sign]) => {
    const found = resolvePath(tree, path, { from });
    if (found.kind !== 'found' || !isLeftOut(found.path, sums)) return [];
    const isVariable = sign.kind === 'variable';
    return isVariable && found.node.kind === 'directory' && found.node.uid !== 0 ? [] : [[found.path, sign]];
  });
}

/** Absolute paths in a word: alone, in a list, or in a command line for a shell. */
export function pathsIn(text: string): readonly string[] {
  return text.match(/(?<![^\s'"`;|&<>()$:,=])\/[^\s'"`;|&<>()$:,=]+/g) ?? [];
}

function isLeftOut(place: ImagePath, { leftOut, trusted }: Sums): boolean {
  return place !== '/' && leftOut.within(place).fileCount > 0 && trusted.within(place).fileCount === 0;
}

/** Links in trusted places to what is below /var: an image that has them wants it read. */
function linked(options: ApplicationDataOptions, sums: Sums): readonly DataFinding[] {
  return options.selection.ignoredLinks.flatMap((link) => {
    const found = resolvePath(options.tree, link.path);
    if (link.kind !== 'to-excluded-place' || found.kind !== 'found') return [];
    const place = dataPlaceOf(found.path) ?? found.path;
    const isData = isWithin(place, imagePath('/var')) && isLeftOut(place, sums);
    return isData ? [[place, { kind: 'link', from: link.path }]] : [];
  });
}

/** Directories below /var that no distribution makes for itself. What belongs to a service is data that it changes. */
function inPlaces(tree: FileTree, leftOut: readonly ExcludedFile[]): readonly DataFinding[] {
  const places = new Set(
    leftOut.flatMap(({ path, rule }) => {
      const place = rule === '/var' && !isBaseSystem(path) ? dataPlaceOf(path) : undefined;
      return place === undefined ? [] : [place];
    }),
  );
  return [...places]
    .filter((place) => {
      const found = resolvePath(tree, place, { followLast: false });
      return found.kind === 'found' && (found.node.kind === 'file' || found.node.uid === 0);
    })
    .map((place) => [place, { kind: 'place' }]);
}

/** What changes while programs run, and is not data of the image; Filesystem Hierarchy Standard 3.0, chapter 5. */
const changing = new Set([
  'account',
  'backups',
  'cache',
  'crash',
  'lock',
  'log',
  'mail',
  'run',
  'spool',
  'tmp',
  'yp',
]);

/** `/var/www` of what is below it; in the Standard's collections one component more: `/var/lib/APP`, `/var/opt/APP`. */
function dataPlaceOf(path: ImagePath): ImagePath | undefined {
  const [first, second, third] = componentsOf(path);
  if (first !== 'var' || second === undefined || changing.has(second)) return undefined;
  const isCollection = second === 'lib' || second === 'opt';
  if (!isCollection) return imagePath(`/var/${second}`);
  return third === undefined ? undefined : imagePath(`/var/${second}/${third}`);
}
