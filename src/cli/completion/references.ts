import { resolve } from 'node:path';
import type { HostEnvironment } from '../../base/host-environment.ts';
import { type EngineFlavour, findEngine } from '../../store/engine/find-engine.ts';
import { listImages } from '../../store/engine/image-facts.ts';
import { layoutNames } from '../../store/layout/oci-image.ts';
import { openDirectory } from '../../store/local/directory-files.ts';
import { after, beginning, type Candidate } from './candidate.ts';
import { completeFileName, type FilePlaces } from './file-names.ts';

export interface ReferencePlaces {
  readonly host: HostEnvironment;
}

/** A transport, and what its references are made of. docs/images.md. */
interface Transport {
  readonly prefix: string;
  readonly description: string;
  readonly rest: (typed: string, places: ReferencePlaces) => Promise<readonly Candidate[]>;
}

const file = (typed: string, places: FilePlaces) => completeFileName(typed, places, 'any');

const transports: readonly Transport[] = [
  { prefix: 'docker://', description: 'an image in a registry', rest: async () => [] },
  {
    prefix: 'docker-daemon:',
    description: 'an image of the Docker Engine',
    rest: (typed, { host }) => engineImages(typed, host, 'docker'),
  },
  {
    prefix: 'containers-storage:',
    description: "an image of Podman's",
    rest: (typed, { host }) => engineImages(typed, host, 'podman'),
  },
  { prefix: 'oci:', description: 'an OCI layout', rest: completeLayout },
  { prefix: 'oci-archive:', description: 'an OCI layout in a tar', rest: file },
  { prefix: 'docker-archive:', description: 'a file of docker save', rest: file },
];

/** Transports and names of images; after a transport what it has: files, names of an Engine, tags in a layout. */
export async function completeReference(
  typed: string,
  places: ReferencePlaces,
): Promise<readonly Candidate[]> {
  const transport = transports.find(({ prefix }) => typed.startsWith(prefix));
  if (transport) {
    const { prefix, rest } = transport;
    return after(prefix, await rest(typed.slice(prefix.length), places));
  }
  return [
    ...(await engineImages(typed, places.host, 'any')),
    ...transports
      .filter(({ prefix }) => prefix.startsWith(typed))
      .map(({ prefix: text, description }) => ({ text, description })),
  ];
}

/** A directory, or after it the tags of the layout that it is. */
async function completeLayout(typed: string, places: ReferencePlaces): Promise<readonly Candidate[]> {
  const colon = typed.indexOf(':');
  if (colon < 0) return completeFileName(typed, places, 'directories');
  const directory = typed.slice(0, colon);
  return after(`${directory}:`, beginning(typed.slice(colon + 1), await tagsIn(directory, places)));
}

/** None where there is not a layout: whoever goes on gets the error with its reason. */
async function tagsIn(directory: string, { host }: ReferencePlaces): Promise<readonly string[]> {
  try {
    const files = await openDirectory(resolve(host.workingDirectory, directory), directory);
    return await layoutNames(files).finally(() => files.close());
  } catch {
    return [];
  }
}

/** A user waits for it at the prompt. */
const timeouts = { connectMs: 500, answerMs: 2000 };

/** Names of the images that an Engine has; none if there is no Engine that answers soon. */
async function engineImages(
  typed: string,
  host: HostEnvironment,
  flavour: EngineFlavour,
): Promise<readonly Candidate[]> {
  const { environment, homeDirectory, userId, signal } = host;
  try {
    const engine = await findEngine({
      ...{ flavour, environment, homeDirectory, signal, timeouts },
      ...(userId !== undefined && { userId }),
    });
    const images = await listImages(engine).finally(() => engine.close());
    return beginning(typed, [...new Set(images.flatMap(({ names }) => names))].sort());
  } catch {
    return [];
  }
}
