import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { readMounts } from '../manifest/files/mounts.ts';
import { mergeManifests } from '../manifest/merge.ts';
import { showPlace, showValue } from '../manifest/schema/problem.ts';
import { type KeyPath, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import type { GraminizeContext } from './graminize-context.ts';
import {
  type RaTlsChoice,
  type RaTlsPlace,
  type RaTlsProgram,
  raTlsPlaceNotes,
  raTlsPlaces,
  raTlsProgram,
} from './ra-tls.ts';
import { provisioningManifest, type SecretProvisioning, secretProvisioning } from './secret-provisioning.ts';

/** How an application starts that proves who it is before anything of its own runs. */
export interface AttestedStart {
  /** `gramine-ratls` starts it. */
  readonly raTls?: {
    readonly choice: RaTlsChoice;
    readonly program: RaTlsProgram;
    readonly places: readonly RaTlsPlace[];
  };
  /** Gramine's client library fetches a secret first. */
  readonly secrets?: SecretProvisioning;
  /** What that adds to the manifest. */
  readonly manifest: TomlTable;
  /** What that adds to the image, and what is to be trusted. */
  readonly added: readonly AddedFile[];
  readonly trusted: readonly TrustedFile[];
  readonly notes: readonly string[];
}

/** Keys of the user's manifest that `gramine-ratls` needs for itself. */
const startKeys: readonly KeyPath[] = [
  ['libos', 'entrypoint'],
  ['loader', 'argv'],
  ['loader', 'argv_src_file'],
];
const attestationKey = ['sgx', 'remote_attestation'];

/**
 * Decides what `--ratls` and `--secret-from` mean for an image. `given` is the user's manifest merged over what the options say.
 * Throws a `manifest` error for a manifest that decides on the same things, a `usage` error for arguments from the host, and
 * what `raTlsProgram`, `raTlsPlaces` and `secretProvisioning` throw.
 */
export function attestedStart(context: GraminizeContext, given: TomlTable): AttestedStart {
  const { raTls: choice, secretBrokers } = context.choices;
  if (choice === undefined && secretBrokers === undefined)
    return { manifest: new Map(), added: [], trusted: [], notes: [] };
  checkAttestation(context);
  const raTls = choice && {
    choice,
    program: startingProgram(context),
    places: raTlsPlaces(choice, {
      tree: context.tree,
      given: readMounts(given),
      scratchPlaces: context.scratchPlaces,
      linked: context.selection.mounts,
    }),
  };
  const parts = { ...context, ...(choice && { raTls: choice }) };
  const secrets = secretBrokers && secretProvisioning(secretBrokers, parts, given);
  const added = secretBrokers?.authorities
    ? [{ path: graminizedPaths.brokerAuthorities, mode: 0o644, content: secretBrokers.authorities }]
    : [];
  const attesting: TomlTable = new Map([['sgx', new Map([['remote_attestation', 'dcap']])]]);
  return {
    ...(raTls && { raTls }),
    ...(secrets && { secrets }),
    manifest: secrets ? mergeManifests(provisioningManifest(secrets), attesting).merged : attesting,
    added,
    trusted: [...(raTls ? [programEntry(raTls.program)] : []), ...added.map(entryOf)],
    notes: raTls ? raTlsPlaceNotes(raTls.places) : [],
  };
}

function programEntry({ file: { path, sha256, content } }: RaTlsProgram): TrustedFile {
  return { path, sha256, sizeBytes: content.length };
}

function entryOf({ path, content }: AddedFile): TrustedFile {
  return { path, sha256: hexOf(digestOf(content)), sizeBytes: content.length };
}

function startingProgram({ user, argumentSource, runtime }: GraminizeContext): RaTlsProgram {
  const hint = '--entrypoint and --cmd say what starts after it';
  const taken = startKeys.find((key) => user && valueAt(user.root, key) !== undefined);
  if (user && taken) {
    const message = 'not allowed with --ratls: gramine-ratls builds the arguments itself';
    throw new GscError({ code: 'manifest', subject: showPlace(user, taken), message, hint });
  }
  if (argumentSource === 'own') return raTlsProgram(runtime);
  throw new GscError({
    code: 'usage',
    subject: '--ratls',
    message: 'the arguments come from the host, which could make gramine-ratls start anything',
    hint: 'leave out --insecure-args and loader.insecure__use_cmdline_argv',
  });
}

/** Certificates and keys come by DCAP quotes only. */
function checkAttestation({ user }: GraminizeContext): void {
  const value = user && valueAt(user.root, attestationKey);
  if (user === undefined || value === undefined || value === 'dcap') return;
  throw new GscError({
    code: 'manifest',
    subject: showPlace(user, attestationKey),
    message: `expected "dcap" with --ratls and --secret-from, got ${showValue(value)}`,
    hint: 'leave the key out, or write sgx.remote_attestation = "dcap"',
  });
}
