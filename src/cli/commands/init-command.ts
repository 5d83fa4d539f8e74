import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { draftManifest, type RuntimeVersion } from '../../index.ts';
import { checkIsAppImage, parseReference } from '../../parts.ts';
import { presetNames } from '../../tools.ts';
import { choiceOption } from '../options/choice-option.ts';
import { parseWords } from '../options/choice-values.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import { addStoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly output?: string;
  readonly runtimeVersion?: RuntimeVersion;
  readonly preset: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

export const addInit: AddCommand = (program, act) => {
  const command = program
    .command('init')
    .summary('write a first manifest')
    .description(
      'Writes a commented manifest for an image: what starts, what its program is known to need, what you have to decide.',
    )
    .argument('IMAGE', 'the app image, as for gsc build')
    .option('-o, --output <file>', 'the file to write, which must not exist yet; default standard output')
    .addOption(runtimeVersionOption())
    .addOption(
      choiceOption('--preset <name>', 'what the program needs; auto: by the program', presetNames).default(
        'auto',
      ),
    )
    .option('--entrypoint <words>', "in place of the image's ENTRYPOINT and CMD", (text: string) =>
      parseWords('--entrypoint', text),
    )
    .option('--cmd <words>', "in place of the image's CMD", (text: string) => parseWords('--cmd', text))
    .option('--no-cache', 'neither read nor write the cache of layer indexes (also -nc)')
    .action(act(init));
  addStoreOptions(command);
};

async function init(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const { host, console, isJson, images } = context;
  const { image: app } = await images.open(parseReference(imageText));
  checkIsAppImage(app);
  const { tree } = await images.scan(app);
  for (const warning of tree.warnings) console.warn(warning);
  const { output, entrypoint, cmd, runtimeVersion: version = defaultRuntimeVersion } = options;
  const words = { ...(entrypoint && { entrypoint }), ...(cmd && { cmd }) };
  const { manifest, preset } = draftManifest(app, tree, { version, preset: options.preset, ...words });
  if (output !== undefined) {
    await writeFileAtomically(resolve(host.workingDirectory, output), manifest, { existing: 'refuse' });
    console.say(`written to ${output}`);
  }
  if (isJson) console.result(`${JSON.stringify({ manifest, preset: preset?.preset.name })}\n`);
  else if (output === undefined) console.result(manifest);
  return exitCodes.done;
}
