import { examine } from '../../doctor/examine.ts';
import type { Finding } from '../../doctor/finding.ts';
import { workspaceOf } from '../../library/images.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { openGraminized } from '../options/graminized-image.ts';
import { defaultKeyPath } from '../options/key-place.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

export const addDoctor: AddCommand = (program, act) => {
  const command = program
    .command('doctor')
    .summary('say what this machine has and lacks')
    .description(
      'Says what this machine has for building, signing and running graminized images, and what it lacks, with one thing to do for each.',
    )
    .argument('[IMAGE]', 'a graminized image that should run here')
    .action(act(doctor));
  addStoreOptions(command);
};

async function doctor(
  context: CommandContext,
  _options: CommonOptions & StoreOptions,
  imageText?: string,
): Promise<number> {
  const { host, images, console, isJson } = context;
  const findings = await examine({
    host,
    connect: () => workspaceOf(images).images.engine(),
    keyPath: () => defaultKeyPath(host),
    ...(imageText !== undefined && { image: await readImage(context, imageText) }),
  });
  const missing = findings.filter(({ state }) => state === 'missing');
  if (isJson) console.result(`${JSON.stringify({ missing: missing.length, findings })}\n`);
  else console.result(showFindings(findings));
  return missing.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function readImage({ images }: CommandContext, name: string) {
  return { name, needs: (await openGraminized(images, name)).needs };
}

const marks = { present: 'ok', missing: 'missing', optional: 'note' } as const;

/** A block per area, a line per finding and one for what to do. */
function showFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  let area = '';
  const lines = findings.flatMap((finding) => {
    const heading = finding.area === area ? [] : [`${finding.area}:`];
    area = finding.area;
    const line = `  ${marks[finding.state].padEnd(7)}  ${finding.name.padEnd(width)}  ${finding.found}`;
    const advice = finding.advice === undefined ? [] : [`${' '.repeat(width + 13)}-> ${finding.advice}`];
    return [...heading, line, ...advice];
  });
  return `${lines.join('\n')}\n`;
}
