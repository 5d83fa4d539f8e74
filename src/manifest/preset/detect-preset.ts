import { baseNameOf, imagePath } from '../../base/image-path.ts';
import type { ContainerProcess } from '../../start/container-process.ts';
import { type Preset, presets } from './preset-table.ts';

/**
 * The preset for the program that a container starts: by the first of its names that one knows. A shell counts only if
 * nothing else does, since it starts something. Undefined if none fits.
 */
export function detectPreset(start: ContainerProcess): Preset | undefined {
  const found = programNames(start).flatMap(
    (name) => presets.find(({ programs }) => programs?.test(name)) ?? [],
  );
  return found.find((preset) => !preset.isStarter) ?? found[0];
}

/** Programs that only start what their arguments name. */
const launchers = /^(?:(?:ba|da|a)?sh|busybox|env|exec|tini|dumb-init|gosu|su-exec|setpriv|nice|nohup)$/;

/**
 * Base names that tell what starts, the most telling first: the command, the programs that the kernel loads for it, and for
 * scripts and launchers (`sh -c "exec redis-server"`, `docker-entrypoint.sh nginx`) the words that they are given.
 */
export function programNames({ argv, chain }: ContainerProcess): readonly string[] {
  const own = [argv[0] ?? '', ...chain.steps.map(({ path }) => path)].map(nameOf);
  const isLauncher = chain.steps.length > 1 || own.some((name) => launchers.test(name));
  const hashBangs = chain.steps.flatMap(({ node }) =>
    node.program?.kind === 'script' ? wordsOf(node.program.argument ?? '') : [],
  );
  const given = isLauncher ? argv.slice(1).flatMap(wordsOf) : [];
  return [...new Set([...own, ...hashBangs.map(nameOf), ...given.map(nameOf)])].filter((name) => name !== '');
}

/** The words of a shell's command, without its operators, options and assignments. */
function wordsOf(command: string): readonly string[] {
  return command.split(/[\s;&|()"']+/).filter((word) => word !== '' && !/^-|=/.test(word));
}

function nameOf(path: string): string {
  return path === '' ? '' : baseNameOf(imagePath(path));
}
