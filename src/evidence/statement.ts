import { digestOf, hexOf } from '../base/digest.ts';
import { type BuildRecord, readBuildRecord } from '../graminize/build-record.ts';
import type { Image } from '../image/image.ts';
import { type Labels, labels, patchesOf } from '../image/labels.ts';
import type { ImageInspection } from '../inspect/inspect-image.ts';
import { isArray, isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { labelledEnclaves } from '../runtime/places.ts';

export const statementType = 'https://in-toto.io/Statement/v1';
export const provenanceType = 'https://slsa.dev/provenance/v1';
/** What the parameters of a build mean: docs/evidence.md, "Build type". */
export const buildType = 'https://gsc.example/build-type/v1';
const builderId = 'https://gsc.example/gsc';

/** A thing by its digest. in-toto, ResourceDescriptor v1. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** An in-toto Statement v1 about one image, with SLSA provenance v1. */
export interface Statement {
  readonly _type: typeof statementType;
  readonly subject: readonly ResourceDescriptor[];
  readonly predicateType: typeof provenanceType;
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: Readonly<Record<string, unknown>>;
      readonly internalParameters: Readonly<Record<string, unknown>>;
      readonly resolvedDependencies: readonly ResourceDescriptor[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
      readonly byproducts: readonly ResourceDescriptor[];
    };
  };
}

/**
 * What the builder of a signed image says of it: app image, runtime, manifest, tool, and what the enclave is. `repository` is the
 * image's name without tag. No time is in it: the same image gives the same statement. SLSA v1, in-toto Attestation v1.
 */
export function statementOf(
  image: Image,
  inspection: ImageInspection,
  { repository }: { readonly repository: string },
): Statement {
  const { labels: found, sigstruct } = inspection;
  const manifestSgx = inspection.manifestDigest;
  const [mainEnclave] = labelledEnclaves(found);
  const record = recordIn(image, found);
  return {
    _type: statementType,
    subject: [{ name: repository, digest: { sha256: hexOf(image.manifest.digest) } }],
    predicateType: provenanceType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: { image: found[labels.baseName] ?? null, options: record?.options ?? null },
        internalParameters: {
          runtime: {
            family: found[labels.family],
            version: found[labels.runtimeVersion],
            patches: patchesOf(found),
          },
        },
        resolvedDependencies: [appImage(found, record), runtime(found)],
      },
      runDetails: {
        builder: { id: builderId, version: { gsc: found[labels.toolVersion] ?? 'unknown' } },
        byproducts: [
          { name: 'MRENCLAVE', digest: { sha256: sigstruct.mrEnclave } },
          { name: 'MRSIGNER', digest: { sha256: sigstruct.mrSigner } },
          {
            name: 'SIGSTRUCT',
            annotations: {
              date: sigstruct.date,
              debug: sigstruct.isDebug,
              isvprodid: sigstruct.isvProdId,
              isvsvn: sigstruct.isvSvn,
            },
          },
          { name: mainEnclave?.manifestSgx ?? '', digest: { sha256: hexOf(manifestSgx) } },
          {
            name: 'trusted files',
            digest: { sha256: trustedListDigest(inspection.manifest) },
            annotations: { count: inspection.trustedFileCount },
          },
        ],
      },
    },
  };
}

/** The app image by its manifest where that is known, and by its layers where the build noted them. */
function appImage(found: Labels, record: BuildRecord | undefined): ResourceDescriptor {
  const digest = found[labels.baseDigest];
  const name = found[labels.baseName];
  return {
    name: 'app image',
    ...(name !== undefined && { uri: `docker://${name}` }),
    ...(digest !== undefined && { digest: { sha256: digest.replace(/^sha256:/, '') } }),
    ...(record && { annotations: { layers: record.base } }),
  };
}

/** What the build noted of itself, if it did. Throws an `image` error for a label that gsc does not write. */
function recordIn(image: Image, found: Labels): BuildRecord | undefined {
  const text = found[labels.build];
  return text === undefined ? undefined : readBuildRecord(text, `${image.name}: ${labels.build}`);
}

function runtime(found: Labels): ResourceDescriptor {
  const digest = found[labels.runtimeDigest];
  const [family = 'gramine', version = 'unknown'] = [found[labels.family], found[labels.runtimeVersion]];
  return {
    name: 'runtime',
    ...(digest !== undefined && { digest: { sha256: digest.replace(/^sha256:/, '') } }),
    annotations: { version: `${family} ${version}`, patches: patchesOf(found) },
  };
}

/** Of lines like those of sha256sum, sorted: `HEX  URI`. */
function trustedListDigest(manifest: TomlTable): string {
  const listed = valueAt(manifest, ['sgx', 'trusted_files']);
  const lines = (isArray(listed) ? listed : []).flatMap((entry) =>
    isTable(entry) ? [`${String(entry.get('sha256'))}  ${String(entry.get('uri'))}\n`] : [],
  );
  return hexOf(digestOf(lines.sort().join('')));
}
