import { run, shellWord } from './dockerfile-text.ts';
import { applyScript } from './patches/apply-script.ts';
import type { SourcePatch } from './patches/source-patch.ts';
import type { RecipeFile } from './recipe.ts';

/** Where the build has the patches, and the context too. */
const directory = 'patches';
const scriptName = 'apply-patches.py';

/** The files of a build's context that change the sources; none without patches. */
export function patchFiles(patches: readonly SourcePatch[]): readonly RecipeFile[] {
  if (patches.length === 0) return [];
  const script = { path: `${directory}/${scriptName}`, mode: 0o644, content: Buffer.from(applyScript) };
  const files = patches.map((patch, index) => ({
    path: `${directory}/${numberedName(patch, index)}`,
    mode: 0o644,
    content: patch.content,
  }));
  return [script, ...files];
}

/** Instructions that change the sources in `sources`, after Meson has what it needs to have their subprojects. */
export function patchSteps(patches: readonly SourcePatch[], sources: string): readonly string[] {
  if (patches.length === 0) return [];
  const names = patches.map((patch, index) => shellWord(`/${directory}/${numberedName(patch, index)}`));
  const command = ['python3', `/${directory}/${scriptName}`, sources, ...names].join(' ');
  return [`COPY ${directory}/ /${directory}/`, run([command])];
}

/** Two patches may have the same base name, and their order counts. */
function numberedName({ fileName }: SourcePatch, index: number): string {
  return `${index + 1}-${fileName}`;
}
