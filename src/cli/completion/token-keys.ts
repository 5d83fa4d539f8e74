import type { HostEnvironment } from '../../base/host-environment.ts';
import { showPkcs11Uri } from '../../key/pkcs11-uri.ts';
import { type ListedToken, listTokenKeys, parseKeyReference } from '../../tools.ts';
import type { Candidate } from './candidate.ts';

/**
 * URIs of the tokens that this machine's PKCS#11 library shows without a PIN, each before the keys on it that are seen so: their public
 * halves. None where there is not a library: whoever goes on gets the error with its reason.
 */
export async function tokenKeyUris(host: HostEnvironment): Promise<readonly Candidate[]> {
  try {
    const reference = parseKeyReference('pkcs11:');
    if (reference.kind !== 'pkcs11') return [];
    return (await listTokenKeys(reference.uri, { host })).flatMap(urisOf);
  } catch {
    return [];
  }
}

/** A key by its label, or where several have one, or it has none, by its ID as well. */
function urisOf({ facts, keys }: ListedToken): readonly Candidate[] {
  const token = { text: showPkcs11Uri({ token: facts.label }), description: facts.model };
  return [
    token,
    ...keys.map(({ label, id, kind, isUsable }) => {
      const isOne = label !== '' && keys.filter((other) => other.label === label).length === 1;
      const object = {
        ...(label !== '' && { object: label }),
        ...(!isOne && { id: Buffer.from(id, 'hex') }),
      };
      return {
        text: showPkcs11Uri({ token: facts.label, ...object }),
        description: isUsable ? kind : `${kind}, cannot sign enclaves`,
      };
    }),
  ];
}
