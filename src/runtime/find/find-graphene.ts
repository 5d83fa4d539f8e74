import { GscError } from '../../base/error.ts';
import { childOf, type ImagePath, showBytes } from '../../base/image-path.ts';
import { startsAsElf } from '../../elf/elf.ts';
import { runtimePlacesOf } from '../places.ts';
import { type Runtime, type RuntimeFile, runtimeFile } from '../runtime.ts';
import { contentIn, type TreeSource } from '../tree-source.ts';
import type { GrapheneRelease, RuntimeVersion } from '../version.ts';
import { findGrapheneDirectories, type GrapheneDirectory, listGrapheneFiles } from './graphene-parts.ts';
import { findHostFiles } from './host-libraries.ts';
import { redirectInterpreter } from './interpreter.ts';
import { findTokenTool } from './token-tool.ts';

export interface FindGrapheneOptions {
  readonly subject: string;
  readonly version?: RuntimeVersion;
}

/** What `runtime-standin` writes into every file that it compiles. */
const standInMark = 'gsc runtime stand-in';

const places = runtimePlacesOf({ family: 'graphene', release: '1.1', text: '1.1' });

/** True if a tree has parts of a Graphene. */
export function hasGraphene({ tree }: TreeSource): boolean {
  return findGrapheneDirectories(tree).length > 0;
}

/**
 * Finds a Graphene that was built or installed anywhere in a tree, and takes from it what a graminized image needs: the runtime
 * to `/graphene/Runtime`, the SGX loader's libraries and the token tool with its Python to `/graphene/host`. Throws a
 * `runtime` error that names what is missing, or whose version cannot be told.
 */
export async function findGrapheneRuntime(
  source: TreeSource,
  options: FindGrapheneOptions,
): Promise<Runtime> {
  const { subject } = options;
  const [chosen, ...others] = findGrapheneDirectories(source.tree);
  if (chosen === undefined || chosen.missing.length > 0) throw incomplete(subject, chosen);
  const listed = listGrapheneFiles(source.tree, chosen.path);
  const contents = await source.readFiles(listed.map(({ real }) => real));
  const parts = listed.map(({ name, real }): RuntimeFile => {
    const content = contentIn(contents, real);
    if (!startsAsElf(content)) throw damaged(real);
    const path = childOf(places.packageDirectory, name);
    return runtimeFile(path, path === places.loader ? redirected(content, real) : content);
  });
  const loader = listed.find(({ name }) => name === 'pal-Linux-SGX');
  const host = loader ? await findHostFiles(source, loader.real) : [];
  const tool = await findTokenTool(source);
  const files = mergeFiles([
    ...parts,
    ...host.map(({ name, content }) => runtimeFile(childOf(places.hostDirectory, name), content)),
    ...tool.files,
  ]);
  const complete = others.filter(({ missing }) => missing.length === 0);
  return {
    subject,
    version: options.version ?? tellVersion(parts, subject, chosen.path),
    patches: [],
    isStandIn: parts.some(({ path, content }) => path === places.libos && content.includes(standInMark)),
    origin: chosen.path,
    cLibraries: ['glibc'],
    files,
    sizeBytes: files.reduce((sum, { content }) => sum + content.length, 0),
    warnings: [
      ...source.tree.warnings,
      ...complete.map(
        ({ path }) => `${showBytes(path)} is a runtime too; ${showBytes(chosen.path)} is taken`,
      ),
      ...tool.warnings,
    ],
  };
}

function redirected(content: Buffer, path: ImagePath): Buffer {
  return redirectInterpreter(content, showBytes(path), childOf(places.hostDirectory, 'ld.so'));
}

/** The same library may be taken for the loader and for Python: one tree gives one file of a name. */
function mergeFiles(files: readonly RuntimeFile[]): readonly RuntimeFile[] {
  const byPath = new Map<ImagePath, RuntimeFile>(files.map((file) => [file.path, file]));
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Keys of manifests that the PAL of one release looks for, and that of no earlier one does; newest first. */
const signs: readonly (readonly [release: GrapheneRelease, key: string])[] = [
  ['1.2-rc1', 'sgx.nonpie_binary'],
  ['1.1', 'sgx.zero_heap_on_demand'],
  ['f51aafddf', 'sgx.static_address'],
];

function tellVersion(parts: readonly RuntimeFile[], subject: string, directory: ImagePath): RuntimeVersion {
  const pals = parts.filter(({ path }) => path === places.libpal || path === places.loader);
  const found = signs.find(([, key]) => pals.some(({ content }) => content.includes(key)));
  if (found !== undefined) return { family: 'graphene', text: found[0], release: found[0] };
  throw new GscError({
    code: 'runtime',
    subject,
    message: `no file tells the version of the Graphene in ${showBytes(directory)}: looked into its PAL for the keys of each release`,
    hint: 'say it with --runtime-version graphene-1.1, graphene-1.2-rc1 or graphene-f51aafddf',
  });
}

function incomplete(subject: string, nearest: GrapheneDirectory | undefined): GscError {
  return new GscError({
    code: 'runtime',
    subject,
    message:
      nearest === undefined
        ? 'no Graphene runtime found: looked for pal-Linux-SGX and libpal-Linux-SGX.so'
        : `the Graphene in ${showBytes(nearest.path)} lacks ${nearest.missing.join(', ')}`,
    hint: 'give an image or a directory with a Graphene that was built with SGX=1; gsc build-gramine builds one',
  });
}

function damaged(path: ImagePath): GscError {
  return new GscError({
    code: 'runtime',
    subject: showBytes(path),
    message: 'expected an ELF file',
    hint: 'this part of the runtime is damaged: build Graphene again',
  });
}
