import {
  type ByteString,
  baseNameOf,
  childOf,
  type ImagePath,
  imagePath,
  parentOf,
  showBytes,
} from '../../base/image-path.ts';
import { parseElf } from '../../elf/elf.ts';
import { dynamicLinksOf } from '../../elf/elf-dynamic.ts';
import { resolvePath } from '../../tree/resolve-path.ts';
import { walkTree } from '../../tree/walk-tree.ts';
import { tokenPython, tokenTools } from '../graphene-launch.ts';
import { libraryDirectories } from '../library-directories.ts';
import { type RuntimeFile, runtimeFile } from '../runtime.ts';
import { readOne, realFileAt, type TreeSource } from '../tree-source.ts';
import { findHostFiles } from './host-libraries.ts';
import { redirectInterpreter } from './interpreter.ts';
import { type NeededFile, neededFiles } from './needed-libraries.ts';

/** What a runtime has to make launch tokens with. */
export interface TokenTool {
  readonly files: readonly RuntimeFile[];
  /** Why it has none, or less than it takes. */
  readonly warnings: readonly string[];
}

/** Parts of Python's library that no tool like this needs, and that are large. */
const unneeded =
  /^(?:test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|distutils|pydoc_data|unittest|curses|dbm|sqlite3|xmlrpc|wsgiref|venv|msilib|site-packages|dist-packages|__pycache__|config-[^/]*)$/;

/** The distributions' places for modules beside Python's own, `PYTHON` standing for `python3.6` and the like. */
const modulePlaces = [
  '/usr/local/lib/PYTHON/dist-packages',
  '/usr/local/lib/PYTHON/site-packages',
  '/usr/lib/python3/dist-packages',
  '/usr/lib/PYTHON/dist-packages',
  '/usr/lib/PYTHON/site-packages',
];

/** What the tools import that does not come with Python. */
const modules = ['google', 'six.py'];

/**
 * Takes the tool for launch tokens out of a runtime's tree, with the Python of its distribution: the interpreter, its library
 * and protobuf, all in the host directory. Empty, with a warning, if the tree lacks one of these.
 */
export async function findTokenTool(source: TreeSource): Promise<TokenTool> {
  const tool = await findTool(source);
  if (tool === undefined) return without('pal-sgx-get-token or graphene-sgx-get-token with its modules');
  const python =
    realFileAt(source.tree, '/usr/bin/python3') ?? realFileAt(source.tree, '/usr/local/bin/python3');
  const release = python && /^python3\.\d+/.exec(baseNameOf(python.path))?.[0];
  if (python === undefined || release === undefined)
    return without('/usr/bin/python3, which the token tool needs');
  const library = imagePath(`${parentOf(parentOf(python.path))}/lib/${release}`);
  const protobuf = modulesIn(source, release);
  if (protobuf.length === 0) return without('the protobuf module for Python, which the token tool needs');
  const host = parentOf(tokenPython);
  const compiled = await compiledModules(source, python.path, library);
  const copies = [
    ...filesBelow(source, library, imagePath(`${host}/lib/${release}`)),
    ...protobuf.flatMap(({ from, to }) => filesBelow(source, from, to)),
    ...compiled.modules.map((from) => ({
      from,
      to: imagePath(`${host}/lib/${release}${from.slice(library.length)}`),
    })),
  ];
  const contents = await source.readFiles([python.path, ...copies.map(({ from }) => from)]);
  const program = redirectInterpreter(
    contents.get(python.path) ?? Buffer.alloc(0),
    showBytes(python.path),
    childOf(host, 'ld.so'),
  );
  return {
    files: [
      ...tool,
      runtimeFile(tokenPython, program),
      ...compiled.libraries.map(({ name, content }) => runtimeFile(childOf(host, name), content)),
      ...copies.map(({ from, to }) => runtimeFile(to, contents.get(from) ?? Buffer.alloc(0))),
    ],
    warnings: [],
  };
}

function without(what: string): TokenTool {
  return {
    files: [],
    warnings: [`the runtime's tree has no ${what}: images cannot make launch tokens themselves`],
  };
}

/** Compiled modules that bring large libraries along, and those for tests. The tools use none of them; `hashlib` does without. */
const heavyModule =
  /^(?:_ssl|_hashlib|_sqlite3|_curses|_tkinter|_dbm|_gdbm|_lzma|_bz2|_codecs_|_test|_ctypes_test|_xx|xx|readline|nis|ossaudiodev)/;

/** Python's compiled modules, and the libraries that it and they need; a module that lacks one is left out. */
async function compiledModules(
  source: TreeSource,
  python: ImagePath,
  library: ImagePath,
): Promise<{ readonly modules: readonly ImagePath[]; readonly libraries: readonly NeededFile[] }> {
  const libraries = new Map((await findHostFiles(source, python)).map((file) => [file.name, file]));
  const directories = await libraryDirectories(source, 'glibc');
  const place = imagePath(`${library}/lib-dynload`);
  const found = resolvePath(source.tree, place);
  const names =
    found.kind === 'found' && found.node.kind === 'directory' ? [...found.node.children.keys()] : [];
  const paths = names
    .filter((name) => name.endsWith('.so') && !heavyModule.test(name))
    .sort()
    .flatMap((name) => realFileAt(source.tree, childOf(place, name))?.path ?? []);
  const modules: ImagePath[] = [];
  for (const path of paths) {
    const links = dynamicLinksOf(parseElf(await readOne(source, path), showBytes(path)));
    const isInterpreter = (name: ByteString) => name.startsWith('ld-linux');
    const needed = await neededFiles(
      source,
      { path, links },
      { directories, isPassedOver: isInterpreter, ifMissing: 'skip' },
    );
    const here = new Set(needed.map(({ name }) => name));
    if (!links.needed.every((name) => isInterpreter(name) || here.has(name))) continue;
    modules.push(path);
    for (const file of needed) if (!libraries.has(file.name)) libraries.set(file.name, file);
  }
  return { modules, libraries: [...libraries.values()] };
}

/** The tool's script and the modules beside it; `generated_offsets.py` of a build lies in the directory above. */
async function findTool(source: TreeSource): Promise<readonly RuntimeFile[] | undefined> {
  for (const place of tokenTools) {
    const found = [...walkTree(source.tree)].find(
      ({ path, node }) => node.kind !== 'directory' && baseNameOf(path) === baseNameOf(place),
    );
    const script = found && realFileAt(source.tree, found.path);
    if (found === undefined || script === undefined) continue;
    const directory = parentOf(found.path);
    const names = ['aesm_pb2.py', 'generated_offsets.py', '../generated_offsets.py'];
    const packaged = ['__init__.py', 'sgx_get_token.py', '_aesm_pb2.py', '_offsets.py'];
    const beside = [...names, ...packaged.map((name) => `graphenelibos/${name}`)].flatMap((name) => {
      const real = realFileAt(source.tree, `${directory}/${name}`)?.path;
      return real === undefined
        ? []
        : [{ real, to: imagePath(`${parentOf(place)}/${name.replace('../', '')}`) }];
    });
    const files = new Map([[place, runtimeFile(place, await readOne(source, script.path))]]);
    for (const { real, to } of beside) {
      if (!files.has(to)) files.set(to, runtimeFile(to, await readOne(source, real)));
    }
    return [...files.values()];
  }
  return undefined;
}

interface Copy {
  readonly from: ImagePath;
  readonly to: ImagePath;
}

/** Each module at the first place that has it. */
function modulesIn({ tree }: TreeSource, release: string): readonly Copy[] {
  const found = modules.map((module) => {
    const place = modulePlaces
      .map((each) => imagePath(`${each.replace('PYTHON', release)}/${module}`))
      .find((path) => resolvePath(tree, path).kind === 'found');
    return place && { from: place, to: imagePath(`${parentOf(tokenPython)}/dist-packages/${module}`) };
  });
  return found[0] === undefined ? [] : found.flatMap((copy) => copy ?? []);
}

/** The sources below a directory, or one file. */
function filesBelow({ tree }: TreeSource, from: ImagePath, to: ImagePath): readonly Copy[] {
  const top = resolvePath(tree, from);
  if (top.kind !== 'found') return [];
  return [...walkTree(tree, top.path)].flatMap(({ path }): Copy[] => {
    const below = path.slice(top.path.length);
    const isWanted = path.endsWith('.py') && !below.split('/').some((part) => unneeded.test(part));
    const real = isWanted ? realFileAt(tree, path)?.path : undefined;
    return real === undefined ? [] : [{ from: real, to: imagePath(`${to}${below}`) }];
  });
}
