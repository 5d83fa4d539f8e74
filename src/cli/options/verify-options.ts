import { resolve } from 'node:path';
import type { Command } from 'commander';
import { findEvidence, parsePolicy } from '../../attest.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import {
  type AttachedEvidence,
  type EvidenceKey,
  type Images,
  type OpenedImage,
  openRuntime,
  type VerifyImageOptions,
} from '../../index.ts';
import { fullNameOf, parseReference } from '../../parts.ts';
import { mrSignerOfPem, parseManifest, parseProfile } from '../../tools.ts';
import { parseHash } from './attest-options.ts';
import type { CommandContext } from './command-context.ts';
import { publicEvidenceKey } from './evidence-key.ts';
import { repeatable } from './repeatable.ts';

/** Options that say what a graminized image is held against. */
export interface VerifyOptions {
  readonly key?: string;
  readonly mrsigner?: string;
  readonly mrenclave?: string;
  readonly base?: string;
  readonly manifest?: readonly string[];
  readonly profile?: string;
  readonly runtime?: readonly string[];
  readonly policy?: string;
  readonly evidenceKey?: string;
}

export function addVerifyOptions(command: Command): Command {
  return command
    .option('--key <file>', 'the public key that must have signed, PEM')
    .option('--mrsigner <hex>', 'the MRSIGNER that is expected', parseHash)
    .option('--mrenclave <hex>', 'the MRENCLAVE that is expected', parseHash)
    .option('--base <ref>', 'the app image that it was made of: build it again and compare')
    .option(
      '--manifest <file>',
      "the user's manifest of that build; of several all, in its order (repeatable)",
      repeatable,
    )
    .option('--profile <file>', 'the profile of that build')
    .option('--runtime <ref>', 'the runtime that it must have (repeatable)', repeatable)
    .option('--policy <file>', 'what is accepted: docs/policy.md')
    .option('--evidence-key <file>', 'the public key that must have signed the evidence attached to it, PEM');
}

/** What an image is held against, but for its evidence: that is looked for when the image is open. */
export type VerifyInputs = Omit<VerifyImageOptions, 'at' | 'evidence'> & {
  readonly evidenceKey?: EvidenceKey;
};

/** Reads what the options name. Throws a `usage` error for options that contradict each other, and what reading them throws. */
export async function readVerifyOptions(
  context: CommandContext,
  options: VerifyOptions,
  commandName: string,
): Promise<VerifyInputs> {
  checkBaseOptions(options);
  const mrSigner = await expectedSigner(context, options, commandName);
  const { evidenceKey } = options;
  const key = evidenceKey === undefined ? undefined : await publicEvidenceKey(context.host, evidenceKey);
  return {
    ...(mrSigner !== undefined && { mrSigner }),
    ...(options.mrenclave !== undefined && { mrEnclave: options.mrenclave }),
    ...(await readInputs(context, options)),
    ...(key && { evidenceKey: key }),
  };
}

/** The same with the evidence that is attached to an image. */
export async function inputsFor(
  images: Images,
  opened: OpenedImage,
  { evidenceKey: key, ...inputs }: VerifyInputs,
): Promise<Omit<VerifyImageOptions, 'at'>> {
  const evidence = key && { key, attached: await attachedTo(images, opened) };
  return { ...inputs, ...(evidence && { evidence }) };
}

/** A manifest without an app image would be given in vain. */
function checkBaseOptions({ base, manifest, profile }: VerifyOptions): void {
  if (base !== undefined || (manifest === undefined && profile === undefined)) return;
  throw new GscError({
    code: 'usage',
    subject: manifest === undefined ? '--profile' : '--manifest',
    message: 'there is no --base whose build it could belong to',
    hint: 'name the app image with --base REF',
  });
}

async function readInputs(
  { host, images }: CommandContext,
  options: VerifyOptions,
): Promise<Pick<VerifyImageOptions, 'base' | 'runtime' | 'policy'>> {
  const read = (file: string, what: string) => readUserFile(resolve(host.workingDirectory, file), what);
  const { base, manifest, profile, runtime, policy } = options;
  const rules =
    policy === undefined ? undefined : parsePolicy((await read(policy, 'policy')).toString('utf8'), policy);
  const documents = await Promise.all(
    (manifest ?? []).map(async (file) => parseManifest(await read(file, 'manifest'), file)),
  );
  const [document, ...childManifests] = documents;
  const given = profile === undefined ? undefined : parseProfile(await read(profile, 'profile'), profile);
  const app = base === undefined ? undefined : await images.open(parseReference(base));
  const name = app && fullNameOf(app.reference);
  return {
    ...(app && {
      base: {
        app: app.image,
        ...(name !== undefined && { name }),
        ...(document && { manifest: document }),
        ...(childManifests.length > 0 && { childManifests }),
        ...(given && { profile: { profile: given, subject: profile ?? '' } }),
      },
    }),
    ...(runtime && { runtime: await openRuntime(images, { sources: runtime }) }),
    ...(rules && { policy: rules.verifyImage }),
  };
}

/** Undefined where nothing can be attached to an image. */
async function attachedTo(
  images: Images,
  opened: OpenedImage,
): Promise<readonly AttachedEvidence[] | undefined> {
  try {
    return await findEvidence(images, opened);
  } catch (error) {
    if (error instanceof GscError && error.code === 'usage') return undefined;
    throw error;
  }
}

async function expectedSigner(
  { host }: CommandContext,
  { key, mrsigner }: VerifyOptions,
  commandName: string,
): Promise<string | undefined> {
  if (key === undefined) return mrsigner;
  if (mrsigner !== undefined) {
    throw new GscError({
      code: 'usage',
      subject: `gsc ${commandName}`,
      message: 'both --key and --mrsigner name the signer',
      hint: 'give one of them',
    });
  }
  return mrSignerOfPem(await readUserFile(resolve(host.workingDirectory, key), 'public key'), key);
}
