import { showBytes } from '../base/image-path.ts';
import { showCount } from '../base/show-size.ts';
import type { Image } from '../image/image.ts';
import type { ContainerNeeds } from '../inspect/container-needs.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { listedMounts, type Mount } from '../manifest/files/mounts.ts';
import { uriOf } from '../manifest/schema/file-uri.ts';
import { variableIn } from '../manifest/schema/variable.ts';
import { isArray, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { startsByRaTls } from './program-report.ts';

/** What becomes of data at a place, from the most guarded to the least. */
export const flowKinds = ['checked', 'memory', 'encrypted', 'attested', 'host'] as const;
export type FlowKind = (typeof flowKinds)[number];

/** One way of data into the enclave or out of it. */
export interface DataFlow {
  readonly kind: FlowKind;
  /** A path, a variable, a server. */
  readonly place: string;
  /** What that is, in a phrase or a sentence. */
  readonly meaning: string;
}

/** Another name of a place: mounts stand for the links of an image, which Gramine does not see. */
export interface PlaceAlias {
  readonly place: string;
  readonly shows: string;
}

export interface DataReport {
  /** Grouped by kind, in the manifest's order. */
  readonly flows: readonly DataFlow[];
  readonly aliases: readonly PlaceAlias[];
}

/** Where data come from and go to. */
export function dataReport(image: Image, manifest: CompleteManifest, needs: ContainerNeeds): DataReport {
  const { root } = manifest;
  const mounts = listedMounts(root);
  const flows = [
    ...imageFlows(manifest),
    ...mounts.filter(({ type }) => type !== 'chroot').map(mountFlow),
    ...attestationFlows(root, needs),
    ...hostFlows(manifest, needs),
    ...volumeFlows(image, root),
  ];
  return {
    flows: flowKinds.flatMap((kind) => flows.filter((flow) => flow.kind === kind)),
    aliases: mounts.filter(({ type }) => type === 'chroot').map(aliasOf),
  };
}

function aliasOf({ at, uri = 'file:.' }: Mount): PlaceAlias {
  return { place: showBytes(at), shows: uri.replace(/^file:/, '') };
}

function imageFlows({ trustedFileCount, names }: CompleteManifest): readonly DataFlow[] {
  const meaning = `${showCount(trustedFileCount)} trusted files of the image, read only; each is checked against its hash in the manifest when it is opened`;
  const generated = names.generated.map((path): DataFlow => {
    return {
      kind: 'host',
      place: showBytes(path),
      meaning: 'written by Gramine; the host chooses the name servers',
    };
  });
  return [{ kind: 'checked', place: '/', meaning }, ...generated];
}

function mountFlow({ type, at, uri = 'file:/', keyName = 'default' }: Mount): DataFlow {
  const place = showBytes(at);
  const source = uri.replace(/^\w+:/, '');
  switch (type) {
    case 'tmpfs':
      return { kind: 'memory', place, meaning: 'empty at the start of each process, gone at its end' };
    case 'encrypted':
      return { kind: 'encrypted', place, meaning: `kept at ${source}, ${keyMeaning(keyName)}` };
    case 'untrusted_shm':
      return {
        kind: 'host',
        place,
        meaning: `memory shared with the host (${source}), which reads and changes it`,
      };
    default:
      return { kind: 'host', place, meaning: `a mount of the type ${type} (${uri})` };
  }
}

/** Gramine documentation, "Encrypted files": names with a leading `_sgx_` are derived by the processor. */
function keyMeaning(keyName: string): string {
  switch (keyName) {
    case '_sgx_mrenclave':
      return 'encrypted with a key of this processor that only this very enclave gets';
    case '_sgx_mrsigner':
      return 'encrypted with a key of this processor that enclaves of this signer and product get';
    default:
      return `encrypted with the key "${keyName}", which has to be brought when the enclave runs`;
  }
}

function attestationFlows(root: TomlTable, needs: ContainerNeeds): readonly DataFlow[] {
  const servers = variableIn(root, 'SECRET_PROVISION_SERVERS');
  const key = variableIn(root, 'SECRET_PROVISION_SET_KEY');
  const argv = valueAt(root, ['loader', 'argv']);
  return [
    ...(needs.makesQuotes ? [quoteFlow] : []),
    ...(startsByRaTls(root) && isArray(argv)
      ? raTlsFlows(argv.filter((word) => typeof word === 'string'))
      : []),
    ...(servers === undefined
      ? []
      : [
          {
            kind: 'attested' as const,
            place: servers,
            meaning: `gives a secret to this enclave after attestation; it becomes ${key === undefined ? 'SECRET_PROVISION_SECRET_STRING' : `the key "${key}"`}`,
          },
        ]),
  ];
}

const quoteFlow: DataFlow = {
  kind: 'attested',
  place: '/dev/attestation',
  meaning: 'quotes, by which others can check which enclave this is; AESM on the host makes them',
};

/** `gramine-ratls [-D] -- CERTIFICATE KEY PROGRAM…`: Gramine, tools/sgx/ra-tls. */
function raTlsFlows(argv: readonly string[]): readonly DataFlow[] {
  const [certificate, key] = argv.slice(argv.indexOf('--') + 1);
  if (certificate === undefined || key === undefined) return [];
  return [
    {
      kind: 'attested',
      place: certificate,
      meaning: 'an RA-TLS certificate that proves this enclave to whoever connects; made at the start',
    },
    { kind: 'attested', place: key, meaning: 'its key, made at the start' },
  ];
}

function hostFlows({ root, names }: CompleteManifest, needs: ContainerNeeds): readonly DataFlow[] {
  const secrets = new Set(needs.secrets.map(({ path }) => showBytes(path)));
  const listed = valueAt(root, ['sgx', 'allowed_files']);
  const allowed = (isArray(listed) ? listed : []).map((entry) => uriOf(entry) ?? '');
  return [
    ...allowed.map((uri): DataFlow => {
      const place = uri.replace(/^file:/, '');
      const meaning = secrets.has(place)
        ? 'a secret that the engine puts there; the host reads it and can change it'
        : 'the host reads and changes it at will; what the application writes there is in plain';
      return { kind: 'host', place, meaning };
    }),
    ...(names.allowsUnlisted ? [hostFlow('every other file', 'is let through unchecked')] : []),
    ...(names.allowsCreation
      ? [hostFlow('files that the program creates', 'are not protected, wherever they are')]
      : []),
    ...needs.passedVariables.map((name): DataFlow => {
      return { kind: 'host', place: `$${name}`, meaning: 'a variable whose value the host chooses' };
    }),
    {
      kind: 'host',
      place: 'standard input, output and error',
      meaning: 'pass through the host as they are',
    },
    {
      kind: 'host',
      place: 'network',
      meaning: 'passes through the host as it is; TLS inside the application protects it',
    },
  ];
}

function hostFlow(place: string, meaning: string): DataFlow {
  return { kind: 'host', place, meaning: `${meaning}; the host reads and changes it at will` };
}

/** A declared volume that no mount and no list speaks of is there, but nothing in it can be opened. */
function volumeFlows({ config }: Image, root: TomlTable): readonly DataFlow[] {
  const mounted = new Set(listedMounts(root).map(({ at }) => showBytes(at)));
  const listed = valueAt(root, ['sgx', 'allowed_files']);
  const allowed = (isArray(listed) ? listed : []).map((entry) => (uriOf(entry) ?? '').replace(/^file:/, ''));
  const isDecided = (path: string) =>
    mounted.has(path) || allowed.some((place) => path === place || path.startsWith(`${place}/`));
  return Object.keys(config.config?.Volumes ?? {})
    .sort()
    .filter((path) => !isDecided(path.replace(/\/+$/, '')))
    .map((place) => ({
      kind: 'host',
      place,
      meaning: 'a declared volume that the manifest says nothing of: programs can open nothing new there',
    }));
}
