import { type ByteString, baseNameOf, bytesOfText, type ImagePath, imagePath } from '../base/image-path.ts';
import type { FileNode, FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { defaultSearchPath } from './executable.ts';
import type { ProgramChain } from './program-chain.ts';
import { commandsOf, type ShellCommand } from './shell-script.ts';

/** Base names of the programs that a container will start, as far as its configuration and its scripts tell. */
export interface StartedPrograms {
  /** The command, what the kernel loads for it, and what it is given if it only starts others; the most telling first. */
  readonly named: readonly string[];
  /** What shell scripts start besides: those that take the script's place first, then the later before the earlier. */
  readonly scripted: readonly string[];
}

export interface StartedProgramsParts {
  readonly argv: readonly string[];
  readonly chain: ProgramChain;
  readonly tree: FileTree;
  /** The working directory. */
  readonly from: ImagePath;
  readonly searchPath: string | undefined;
}

/** Programs that only start what their arguments name. */
const launchers =
  /^(?:(?:ba|da|a|k|z)?sh|busybox|env|command|tini|dumb-init|gosu|su-exec|setpriv|runuser|su|sudo|chpst|nice|ionice|nohup|stdbuf|timeout|set)$/;

/** How deep scripts that start scripts are followed. */
const maximumDepth = 5;

/** Finds what a start leads to: `sh -c "exec redis-server"`, `docker-entrypoint.sh nginx`, a script that ends in `exec java`. */
export function findStartedPrograms(parts: StartedProgramsParts): StartedPrograms {
  const { argv, chain } = parts;
  const own = [argv[0] ?? '', ...chain.steps.map(({ path }) => path)].map(nameOf);
  const isLauncher = chain.steps.length > 1 || own.some((name) => launchers.test(name));
  const hashBangs = chain.steps.flatMap(({ node }) => hashBangNames(node));
  const given = isLauncher ? argv.slice(1).flatMap(wordsOf) : [];
  const named = unique([...own, ...hashBangs, ...given.map(nameOf)]);
  const scripts = [...chain.steps.map(({ node }) => node), ...given.flatMap((word) => scriptAt(word, parts))];
  const search = { parts, passed: new Set<FileNode>() };
  const scripted = unique(scripts.flatMap((script) => namesInScript(script, search, 0)));
  return { named, scripted: scripted.filter((name) => !named.includes(name)) };
}

/** The words of a shell's command, without its operators, options and assignments. */
function wordsOf(command: string): readonly string[] {
  return command.split(/[\s;&|()"']+/).filter((word) => word !== '' && !/^-|=/.test(word));
}

function hashBangNames(node: FileNode): readonly string[] {
  return node.program?.kind === 'script' ? wordsOf(node.program.argument ?? '').map(nameOf) : [];
}

interface ScriptSearch {
  readonly parts: StartedProgramsParts;
  readonly passed: Set<FileNode>;
}

function namesInScript(script: FileNode, search: ScriptSearch, depth: number): readonly string[] {
  const isText = script.content !== undefined && script.program?.kind === 'script';
  if (!isText || depth > maximumDepth || search.passed.has(script)) return [];
  search.passed.add(script);
  const commands = [...commandsOf(script.content.toString('latin1'))].reverse();
  const ordered = [...commands.filter(({ isExec }) => isExec), ...commands.filter(({ isExec }) => !isExec)];
  return ordered.flatMap((command) =>
    programWords(command).flatMap((word) => [nameOf(word), ...namesBehind(word, search, depth)]),
  );
}

/** Of a launcher (`exec gosu postgres java -jar x`) all words may be what starts. */
function programWords({ words }: ShellCommand): readonly ByteString[] {
  const [first = '', ...rest] = words;
  return launchers.test(nameOf(first)) ? [first, ...rest].filter((word) => !/^-|=/.test(word)) : [first];
}

/** What a script of the image that a word names starts in turn, and its interpreter. */
function namesBehind(word: ByteString, search: ScriptSearch, depth: number): readonly string[] {
  return scriptAt(word, search.parts).flatMap((script) => {
    const interpreter = script.program?.kind === 'script' ? script.program.interpreter : '';
    return [...namesInScript(script, search, depth + 1), nameOf(interpreter), ...hashBangNames(script)];
  });
}

function scriptAt(word: ByteString, { tree, from, searchPath }: StartedProgramsParts): readonly FileNode[] {
  const directories = word.includes('/')
    ? ['']
    : (searchPath ?? defaultSearchPath).split(':').map((at) => `${at || '.'}/`);
  for (const directory of directories) {
    const found = resolvePath(tree, bytesOfText(directory) + word, { from });
    if (found.kind !== 'found' || found.node.kind !== 'file' || (found.node.mode & 0o111) === 0) continue;
    return found.node.program?.kind === 'script' ? [found.node] : [];
  }
  return [];
}

function nameOf(path: string): string {
  return path === '' ? '' : baseNameOf(imagePath(path));
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => name !== '');
}
