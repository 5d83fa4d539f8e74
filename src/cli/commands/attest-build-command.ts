import { attestBuild } from '../../attest.ts';
import { parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { privateEvidenceKey } from '../options/evidence-key.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly evidenceKey: string;
}

export const addAttestBuild: AddCommand = (program, act) => {
  const command = program
    .command('attest-build')
    .summary('sign how an image was built, and attach that to it')
    .description(
      'Signs SLSA provenance of a signed image as a sigstore bundle, and attaches it to the image in its registry or OCI layout.',
    )
    .argument('IMAGE', 'the signed image')
    .requiredOption('--evidence-key <file>', 'private key, PEM: ECDSA P-256 or Ed25519')
    .action(act(attestBuildCommand));
  addStoreOptions(command);
};

async function attestBuildCommand(
  { host, console, images, isJson }: CommandContext,
  { evidenceKey }: Options,
  imageText: string,
): Promise<number> {
  const reference = parseReference(imageText);
  const key = await privateEvidenceKey(host, evidenceKey);
  const opened = await images.open(reference);
  const { statement, artifact, outcome } = await attestBuild(images, opened, key);
  if (outcome === 'unchanged') console.say('this key has signed the same before: nothing was added');
  const { digest } = artifact;
  console.result(isJson ? `${JSON.stringify({ evidence: digest, outcome, statement })}\n` : `${digest}\n`);
  return exitCodes.done;
}
