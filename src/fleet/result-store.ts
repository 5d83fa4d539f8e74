import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError, writeFileAtomically } from '../base/atomic-file.ts';
import { digestOf } from '../base/digest.ts';
import { GscError, systemErrorCode } from '../base/error.ts';
import { readError } from '../base/read-file.ts';
import { assembleArtifact } from '../image/artifact.ts';
import type { TaggedArtifacts } from '../image/tagged-artifacts.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import { type SharedCacheKey, signatureAnnotation } from '../workspace/shared-indexes.ts';
import { type FleetResult, parseFleetResult, recordName } from './fleet-result.ts';

/** Where the results of a fleet are recorded, one record for each result's name. */
export interface ResultStore {
  /** For messages. */
  readonly name: string;
  /** The record of a result; undefined if there is none, or one that is not to be believed. */
  load(output: string): Promise<FleetResult | undefined>;
  /** Records a result in place of an earlier one of that name. */
  save(result: FleetResult): Promise<void>;
}

/** Records in a directory, which is made when the first one is written: each file whole or not there. */
export function resultDirectory(path: string): ResultStore {
  const fileOf = (output: string) => join(path, `${recordName(output)}.json`);
  return {
    name: path,
    load: async (output) => {
      try {
        return ownResult(await readFile(fileOf(output)), output);
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return undefined;
        throw readError(path, 'directory of the results', error);
      }
    },
    save: async (result) => {
      await mkdir(path, { recursive: true }).catch((error: unknown) => {
        throw writeError(path, error);
      });
      const bytes = Buffer.from(`${JSON.stringify(result, undefined, 2)}\n`);
      await writeFileAtomically(fileOf(result.output), bytes, { existing: 'replace' });
    },
  };
}

export const fleetResultType = 'application/vnd.gsc.fleet-result.v1+json';

/**
 * Records as artifacts, tagged `fleet-result-…`. Others may write there, and a record says that nothing has to be done: only those that
 * `key` has signed count. Without a key they are written, for people, and none is believed.
 */
export function resultArtifacts(place: TaggedArtifacts, key: SharedCacheKey | undefined): ResultStore {
  const tagOf = (output: string) => `fleet-result-${recordName(output)}`;
  const statementOf = (content: string) => canonicalJson({ type: fleetResultType, content });
  return {
    name: place.name,
    load: async (output) => {
      const artifact = await place.find(tagOf(output)).catch(unlessUnfit);
      const signature = Buffer.from(artifact?.annotations[signatureAnnotation] ?? '', 'base64');
      if (artifact === undefined || key === undefined) return undefined;
      if (!key.verify(statementOf(artifact.content.digest), signature)) return undefined;
      return ownResult(await artifact.read(), output);
    },
    save: async (result) => {
      const content = canonicalJson(result);
      const signature = key?.sign?.(statementOf(digestOf(content)));
      const annotations = {
        'org.opencontainers.image.title': result.output,
        ...(signature && { [signatureAnnotation]: signature.toString('base64') }),
      };
      await place.put(
        tagOf(result.output),
        assembleArtifact({ artifactType: fleetResultType, annotations, content }),
      );
    },
  };
}

function ownResult(bytes: Buffer, output: string): FleetResult | undefined {
  const result = parseFleetResult(bytes);
  return result?.output === output ? result : undefined;
}

function unlessUnfit(error: unknown): undefined {
  if (error instanceof GscError && ['image', 'blob'].includes(error.code)) return undefined;
  throw error;
}
