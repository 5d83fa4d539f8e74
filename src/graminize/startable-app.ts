import { type ByteString, baseNameOf, imagePath, showBytes, textOfBytes } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import { type ContainerProcess, findStart } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';

/** An app image as it is to start, and how it starts. */
export interface StartableApp {
  readonly app: Image;
  readonly start: ContainerProcess;
  /** What is started otherwise than the image says, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Finds out how an image starts. Where the library OS cannot run scripts, the interpreter takes the script's place in the
 * ENTRYPOINT, as the kernel would start it, with the script as its argument. Throws what finding the start throws.
 */
export function startableApp(
  app: Image,
  tree: FileTree,
  { runsScripts }: { readonly runsScripts: boolean },
): StartableApp {
  const start = findStart(app.config, tree, app.name);
  const script = start.executable;
  if (runsScripts || script.node.program?.kind !== 'script') return { app, start, notes: [] };
  const { interpreter, argument } = script.node.program;
  const words = [...interpreterWords(interpreter, argument), script.name].map(
    (word) => textOfBytes(word) ?? showBytes(word),
  );
  const { Entrypoint, Cmd, ...run } = app.config.config ?? {};
  const [entrypoint, command] = Entrypoint?.length
    ? [Entrypoint.slice(1), Cmd ?? []]
    : [[], (Cmd ?? []).slice(1)];
  const config = { ...run, Entrypoint: [...words, ...entrypoint], Cmd: command };
  const changed = startableApp({ ...app, config: { ...app.config, config } }, tree, { runsScripts });
  const note = `${showBytes(script.path)} is a script, which this release does not start: its interpreter ${words[0]} starts, with ${words.slice(1).join(' ')} as its first arguments`;
  return { ...changed, notes: [note, ...changed.notes] };
}

/** `env NAME` is NAME: it would have to start another program. */
function interpreterWords(interpreter: ByteString, argument: ByteString | undefined): readonly ByteString[] {
  const isEnv = baseNameOf(imagePath(interpreter)) === 'env';
  if (isEnv && argument !== undefined && /^[\w.+/-]+$/.test(argument) && !argument.startsWith('-'))
    return [argument];
  return [interpreter, ...(argument === undefined ? [] : [argument])];
}
