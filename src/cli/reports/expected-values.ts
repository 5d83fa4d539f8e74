import { stringify } from 'yaml';
import type { ImageReference, SigstructDescription } from '../../index.ts';

/** For whom the expected identity is written. */
export const expectedValueForms = ['json', 'ratls', 'marblerun', 'kubernetes'] as const;
export type ExpectedValueForm = (typeof expectedValueForms)[number];

/** A package or a ConfigMap is called after the image; Kubernetes takes 63 letters, digits and dashes (RFC 1123). */
const longestName = 63;

/**
 * The identity that a remote verifier should expect of a signed image, as that verifier reads it: `json` with the keys of
 * `gsc attest --json`; `ratls` the variables of Gramine's RA-TLS library, for `--env-file`; `marblerun` the `Packages` of a
 * MarbleRun manifest; `kubernetes` a ConfigMap with the same variables. The package and the ConfigMap
 * are named after the image.
 */
export function expectedValues(
  sigstruct: SigstructDescription,
  { form, reference }: { readonly form: ExpectedValueForm; readonly reference: ImageReference },
): string {
  const { mrEnclave, mrSigner, isvProdId, isvSvn, isDebug } = sigstruct;
  const variables = {
    RA_TLS_MRENCLAVE: mrEnclave,
    RA_TLS_MRSIGNER: mrSigner,
    RA_TLS_ISV_PROD_ID: String(isvProdId),
    RA_TLS_ISV_SVN: String(isvSvn),
  };
  const name = resourceName(reference);
  switch (form) {
    case 'json':
      return json({
        mr_enclave: mrEnclave,
        mr_signer: mrSigner,
        isv_prod_id: isvProdId,
        isv_svn: isvSvn,
        debug: isDebug,
      });
    case 'ratls':
      return Object.entries(variables)
        .map(([key, value]) => `${key}=${value}\n`)
        .join('');
    case 'marblerun':
      // UniqueID alone decides: it covers signer, product and version.
      return json({ Packages: { [name]: { UniqueID: mrEnclave, Debug: isDebug } } });
    case 'kubernetes':
      return stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `${name.slice(0, longestName - identitySuffix.length)}${identitySuffix}` },
        data: variables,
      });
  }
}

const identitySuffix = '-identity';

/** The last component of the image's name or path, in the characters of a Kubernetes name. */
export function resourceName(reference: ImageReference): string {
  const last = placeOf(reference).split('/').at(-1) ?? '';
  const plain = last.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return plain.slice(0, longestName).replace(/^-|-$/g, '') || 'enclave';
}

function placeOf(reference: ImageReference): string {
  if ('path' in reference) return reference.path.replace(/\.tar$/, '');
  const name = reference.kind === 'registry' ? reference.name : reference.image;
  return 'path' in name ? name.path : name.digest;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
