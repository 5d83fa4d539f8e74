import { type Digest, digestOf } from '../base/digest.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { RunConfig } from './config.ts';
import { type Labels, labels } from './labels.ts';

/**
 * The fields that Docker's and OCI's image formats share: tools that convert images keep these. OCI image-spec, config.md;
 * Docker's HEALTHCHECK, SHELL and ONBUILD have no place there.
 */
export const sharedRunFields = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'StopSignal',
] as const;

/** Labels that are there after signing only, or hold the digest itself. */
const unhashedLabels: ReadonlySet<string> = new Set([
  labels.build,
  labels.mrEnclave,
  labels.mrSigner,
  labels.isvProdId,
  labels.isvSvn,
]);

/**
 * SHA-256 over how an image is started, as canonical JSON: the fields that all formats have, without empty ones (which tools
 * write as null, as empty or not at all), and the labels that do not come from signing.
 */
export function runConfigDigest(config: RunConfig): Digest {
  const fields = sharedRunFields.flatMap((name) =>
    isEmpty(config[name]) ? [] : [[name, config[name]] as const],
  );
  const Labels = hashedLabels(config.Labels ?? {});
  return digestOf(canonicalJson({ ...Object.fromEntries(fields), Labels }));
}

function hashedLabels(found: Labels): Labels {
  return Object.fromEntries(Object.entries(found).filter(([name]) => !unhashedLabels.has(name)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
