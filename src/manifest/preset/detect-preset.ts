import type { ContainerProcess } from '../../start/container-process.ts';
import { type Preset, presets } from './preset-table.ts';
import { limitsOf } from './program-limits.ts';

/**
 * The preset for what a container starts: by the first of its programs that one knows, where scripts lead to as well. A
 * shell counts only if nothing else does, since it starts something, and not if that is known not to run. Undefined if none
 * fits.
 */
export function detectPreset(start: ContainerProcess): Preset | undefined {
  const { named, scripted } = start.programs;
  const found = [...presetsOf(named), ...presetsOf(scripted).filter(({ isTool }) => !isTool)];
  const application = found.find((preset) => !preset.isStarter);
  if (application) return application;
  return limitsOf(start).some(({ kind }) => kind === 'fails') ? undefined : found[0];
}

function presetsOf(names: readonly string[]): readonly Preset[] {
  return names.flatMap((name) => presets.find(({ programs }) => programs?.test(name)) ?? []);
}
