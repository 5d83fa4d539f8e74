import { resolve } from 'node:path';
import { findEvidence, parsePolicy } from '../../attest.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import {
  type AttachedEvidence,
  type EvidenceKey,
  type Images,
  type ImageVerdict,
  type OpenedImage,
  openRuntime,
  type VerifyImageOptions,
  verifyImage,
} from '../../index.ts';
import { damagedImage, isDamage, labels, parseReference } from '../../parts.ts';
import { mrSignerOfPem, parseManifest, parseProfile } from '../../tools.ts';
import { parseHash } from '../options/attest-options.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { publicEvidenceKey } from '../options/evidence-key.ts';
import { groupOptions } from '../options/option-groups.ts';
import { repeatable } from '../options/repeatable.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { isAccepted, printVerification } from '../reports/verify-report.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly key?: string;
  readonly mrsigner?: string;
  readonly mrenclave?: string;
  readonly base?: string;
  readonly manifest?: string;
  readonly profile?: string;
  readonly runtime?: readonly string[];
  readonly policy?: string;
  readonly evidenceKey?: string;
  readonly strict?: boolean;
}

export const addVerifyImage: AddCommand = (program, act) => {
  const command = program
    .command('verify-image')
    .summary('check whether a graminized image is what it claims to be')
    .description(
      'Checks signature, measurement, trusted files, launch path and runtime of a graminized image from the image itself, and by building it again from the app image.',
    )
    .argument('IMAGE', 'the graminized image')
    .option('--key <file>', 'the public key that must have signed, PEM')
    .option('--mrsigner <hex>', 'the MRSIGNER that is expected', parseHash)
    .option('--mrenclave <hex>', 'the MRENCLAVE that is expected', parseHash)
    .option('--base <ref>', 'the app image that it was made of: build it again and compare')
    .option('--manifest <file>', "the user's manifest of that build")
    .option('--profile <file>', 'the profile of that build')
    .option('--runtime <ref>', 'the Gramine runtime that it must have (repeatable)', repeatable)
    .option('--policy <file>', 'what is accepted: docs/policy.md')
    .option('--evidence-key <file>', 'the public key that must have signed the evidence attached to it, PEM')
    .option('--strict', 'what is not checked counts as failed')
    // What a cache knows of an image is what it was once: what is verified is what lies there now.
    .setOptionValue('cache', false)
    .action(act(verify));
  addStoreOptions(command);
  groupOptions(command);
};

async function verify(context: CommandContext, options: Options, imageText: string): Promise<number> {
  checkBaseOptions(options);
  const mrSigner = await expectedSigner(context, options);
  const { evidenceKey } = options;
  const key = evidenceKey === undefined ? undefined : await publicEvidenceKey(context.host, evidenceKey);
  const verdict = await verdictOn(context, imageText, {
    ...(mrSigner !== undefined && { mrSigner }),
    ...(options.mrenclave !== undefined && { mrEnclave: options.mrenclave }),
    ...(await readInputs(context, options)),
    at: context.host.today(),
    ...(key && { key }),
  });
  const report = { verdict, isStrict: options.strict === true };
  printVerification(context, report);
  if (verdict.labels[labels.standIn] === 'true') {
    context.console.warn(
      'the runtime in this image is a stand-in for tests: it has no enclave and protects nothing',
    );
  }
  return isAccepted(report) ? exitCodes.done : exitCodes.failed;
}

/** A manifest without an app image would be given in vain. */
function checkBaseOptions({ base, manifest, profile }: Options): void {
  if (base !== undefined || (manifest === undefined && profile === undefined)) return;
  throw new GscError({
    code: 'usage',
    subject: manifest === undefined ? '--profile' : '--manifest',
    message: 'there is no --base whose build it could belong to',
    hint: 'name the app image with --base REF',
  });
}

/** What the image is held against. */
async function readInputs(
  { host, images }: CommandContext,
  options: Options,
): Promise<Pick<VerifyImageOptions, 'base' | 'runtime' | 'policy'>> {
  const read = (file: string, what: string) => readUserFile(resolve(host.workingDirectory, file), what);
  const { base, manifest, profile, runtime, policy } = options;
  const rules =
    policy === undefined ? undefined : parsePolicy((await read(policy, 'policy')).toString('utf8'), policy);
  const document =
    manifest === undefined ? undefined : parseManifest(await read(manifest, 'manifest'), manifest);
  const given = profile === undefined ? undefined : parseProfile(await read(profile, 'profile'), profile);
  const app = base === undefined ? undefined : (await images.open(parseReference(base))).image;
  return {
    ...(app && {
      base: {
        app,
        ...(document && { manifest: document }),
        ...(given && { profile: { profile: given, subject: profile ?? '' } }),
      },
    }),
    ...(runtime && { runtime: await openRuntime(images, { sources: runtime }) }),
    ...(rules && { policy: rules.verifyImage }),
  };
}

/** An image that is damaged is not verified; one that cannot be reached is an error. */
async function verdictOn(
  { images, host }: CommandContext,
  imageText: string,
  { key, ...options }: VerifyImageOptions & { readonly key?: EvidenceKey },
): Promise<ImageVerdict> {
  const reference = parseReference(imageText);
  try {
    const opened = await images.open(reference);
    const evidence = key && { key, attached: await attachedTo(images, opened) };
    return await verifyImage(opened.image, {
      ...options,
      ...(evidence && { evidence }),
      signal: host.signal,
    });
  } catch (error) {
    if (isDamage(error)) return damagedImage(error);
    throw error;
  }
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

async function expectedSigner({ host }: CommandContext, options: Options): Promise<string | undefined> {
  const { key, mrsigner } = options;
  if (key === undefined) return mrsigner;
  if (mrsigner !== undefined) {
    throw new GscError({
      code: 'usage',
      subject: 'gsc verify-image',
      message: 'both --key and --mrsigner name the signer',
      hint: 'give one of them',
    });
  }
  return mrSignerOfPem(await readUserFile(resolve(host.workingDirectory, key), 'public key'), key);
}
