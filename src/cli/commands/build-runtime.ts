import { once } from '../../base/once.ts';
import { digestOfValue } from '../../base/value-digest.ts';
import type { Runtime } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import type { FoundRuntime } from '../../provision/open-runtime.ts';
import type { CommandContext } from '../options/command-context.ts';

/** A runtime for one build: it is read once, and only if it must be. */
export interface BuildRuntime {
  /** What decides which runtime it is; read unless that is known from its state. */
  find(): Promise<unknown>;
  open(): Promise<Runtime>;
  /** The same by what was read: since its state was looked at, a runtime in a directory may have become another one. */
  read(): Promise<unknown>;
}

export function buildRuntime({ images }: CommandContext, found: FoundRuntime): BuildRuntime {
  const { identity, state } = found;
  const { builds } = workspaceOf(images).cache;
  const opened = once(() => found.open());
  const digest = once(async () => digestOfValue(withoutContents(await opened())));
  const find = async () => (builds ? builds.digestOf(state, digest) : digest());
  return {
    open: opened,
    find: once(async () => identity ?? (await find())),
    read: async () => identity ?? (await digest()),
  };
}

/** Each file is named by its digest. */
function withoutContents({ files, ...runtime }: Runtime): object {
  return { ...runtime, files: files.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })) };
}
