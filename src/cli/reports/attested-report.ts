import { showBytes } from '../../base/image-path.ts';
import type { Graminized } from '../../index.ts';
import { valueAt } from '../../tools.ts';
import type { Transcript } from './transcript.ts';

/** Says how the application proves who it is, and what it fetches before it runs. */
export function sayAttested(console: Transcript, graminized: Graminized): void {
  const { raTls, secrets } = graminized.attested;
  if (raTls) {
    const { certificate, key } = raTls.choice;
    console.say(
      `  certificate    gramine-ratls writes ${showBytes(certificate)}, its key ${showBytes(key)}, inside the enclave`,
    );
  }
  if (secrets) {
    const key = fetchedKey(graminized);
    const use = key === null ? 'SECRET_PROVISION_SECRET_STRING' : `the key ${JSON.stringify(key)}`;
    console.say(`  secret         from ${secrets.servers.join(', ')}, becomes ${use}`);
  }
}

/** The same as plain values, for `--json`; null for what is not asked for. */
export function attestedToJson(graminized: Graminized): object {
  const { raTls, secrets } = graminized.attested;
  return {
    ratls: raTls
      ? {
          certificate: showBytes(raTls.choice.certificate),
          key: showBytes(raTls.choice.key),
          format: raTls.choice.format ?? 'pem',
        }
      : null,
    secret_from: secrets
      ? {
          servers: secrets.servers,
          authorities: showBytes(secrets.authorities),
          set_key: fetchedKey(graminized),
        }
      : null,
  };
}

/** As the manifest has it, where the user's own wins. */
function fetchedKey({ manifest: { root } }: Graminized): string | null {
  const name = valueAt(root, ['loader', 'env', 'SECRET_PROVISION_SET_KEY']);
  return typeof name === 'string' ? name : null;
}
