import { baseNameOf, type ImagePath, imagePath, parentOf } from '../base/image-path.ts';
import { valueAt } from '../manifest/toml/toml.ts';
import { appLaunch } from '../runtime/app-launch.ts';
import type { AppLaunch } from '../runtime/launch-order.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { type GraminizedImage, versionOf } from './graminized-image.ts';
import { runtimeFilesIn } from './image-runtime.ts';

/** How gsc build would have the image start, by its manifests and the files of its runtime. */
export function launchIn(image: GraminizedImage): AppLaunch {
  const [first] = image.enclaves;
  const order = {
    passesArguments: passesArguments(image),
    directory: parentOf(first?.files.manifest ?? imagePath('/')),
    names: image.enclaves.map(({ files }) => baseNameOf(files.sigstruct).replace(/\.sig$/, '')),
    isUserRoot: true,
  };
  const runtime = { version: versionOf(image), files: runtimeFilesIn(image) };
  const byScript = appLaunch(runtime, { ...order, hasShell: true });
  const [script] = byScript.files;
  return script !== undefined && hasScript(image, script.path)
    ? byScript
    : appLaunch(runtime, { ...order, hasShell: false });
}

/** It does where the build found a shell. */
function hasScript({ tree, record }: GraminizedImage, path: ImagePath): boolean {
  if (record.value) return record.value.launch[path] !== undefined;
  return resolvePath(tree, path).kind === 'found';
}

/** Whether the arguments come from the host, as the manifest, which is measured, has it. */
export function passesArguments({ enclaves }: GraminizedImage): boolean {
  const root = enclaves[0]?.manifest.value?.root ?? new Map();
  const fromHost = valueAt(root, ['loader', 'insecure__use_cmdline_argv']) === true;
  return fromHost && valueAt(root, ['loader', 'argv_src_file']) === undefined;
}
