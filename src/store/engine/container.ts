import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { readJson } from '../../json/read-json.ts';
import { anything, flag, listOf, mapOf, number, object, required, text } from '../../json/shape.ts';
import { readTar } from '../../tar/read-tar.ts';
import type { TarEntry } from '../../tar/tar-entry.ts';
import { ownerLabels, removeOrphans } from './container-owner.ts';
import type { Engine } from './engine.ts';
import { type EngineRequest, readText } from './engine-connection.ts';
import { failureError, refusalError } from './engine-error.ts';

/** A container to be made. Docker Engine API, ContainerCreate. */
export interface ContainerSpec {
  readonly image: string;
  /** `NAME=VALUE`, besides those of the image. */
  readonly environment: readonly string[];
  /** In place of the image's ENTRYPOINT and CMD. */
  readonly entrypoint?: readonly string[];
  readonly securityOptions: readonly string[];
  /** As `docker run --network`; the Engine's default without it. */
  readonly network?: string;
  /** Ports of the container that should be reachable from outside, TCP. */
  readonly ports: readonly number[];
}

/** How a container is. */
export interface ContainerState {
  readonly isRunning: boolean;
  /** Meaningful once it has ended. */
  readonly exitCode: number;
  /** Its own address, if its network gives it one. */
  readonly address: string | undefined;
  /** The Engine's port for a port of the container, TCP. */
  readonly publishedPorts: ReadonlyMap<number, number>;
}

const createdShape = object({ Id: required(text) });

const stateShape = object({
  State: required(object({ Running: required(flag), ExitCode: required(number) })),
  NetworkSettings: required(
    object({
      IPAddress: text,
      Networks: mapOf(object({ IPAddress: text })),
      Ports: mapOf(listOf(object({ HostPort: required(text) }))),
    }),
  ),
});

/**
 * Makes a container and gives its ID; nothing runs yet. What killed runs of gsc have left is removed first. It is made even if
 * the run is aborted meanwhile, so that the caller has the ID and removes it. Throws an `engine` error.
 */
export async function createContainer(engine: Engine, spec: ContainerSpec): Promise<string> {
  await removeOrphans(engine);
  const ports = Object.fromEntries(spec.ports.map((port) => [`${port}/tcp`, {}]));
  const bindings = Object.fromEntries(
    spec.ports.map((port) => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]]),
  );
  const request = {
    Image: spec.image,
    Env: spec.environment,
    Labels: await ownerLabels(),
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint, Cmd: [] }),
    ExposedPorts: ports,
    HostConfig: {
      SecurityOpt: spec.securityOptions,
      PortBindings: bindings,
      ...(spec.network !== undefined && { NetworkMode: spec.network }),
    },
  };
  const purpose = `create a container of ${spec.image}`;
  const answer = await post(engine, '/containers/create', { purpose, json: request, outlastsAbort: true });
  const { value } = readJson(answer, createdShape);
  if (value) return value.Id;
  throw unexpected(engine, purpose, answer);
}

export async function startContainer(engine: Engine, id: string): Promise<void> {
  await post(engine, `/containers/${id}/start`, { purpose: `start the container ${id}` });
}

/** As `docker stop`: the image's stop signal, and after so many seconds SIGKILL. One that has ended already is fine. */
export async function stopContainer(engine: Engine, id: string, timeoutSeconds: number): Promise<void> {
  const purpose = `stop the container ${id}`;
  await post(engine, `/containers/${id}/stop?t=${timeoutSeconds}`, { purpose, isEndless: true });
}

export async function inspectContainer(engine: Engine, id: string): Promise<ContainerState> {
  const purpose = `look at the container ${id}`;
  const found = await engine.ask({ method: 'GET', path: `/containers/${id}/json`, purpose }, stateShape);
  if (!found) throw unexpected(engine, purpose, 'nothing');
  const { State: state, NetworkSettings: network } = found;
  const addresses = [
    network.IPAddress,
    ...Object.values(network.Networks ?? {}).map((each) => each.IPAddress),
  ];
  const published = Object.entries(network.Ports ?? {}).flatMap(([name, bindings]) => {
    const [binding] = bindings ?? [];
    return binding && name.endsWith('/tcp')
      ? [[Number.parseInt(name, 10), Number(binding.HostPort)] as const]
      : [];
  });
  return {
    isRunning: state.Running,
    exitCode: state.ExitCode,
    address: addresses.find((address) => address) ?? undefined,
    publishedPorts: new Map(published),
  };
}

/** The last lines of what a container has printed, both streams in their order. */
export async function containerOutput(engine: Engine, id: string, lines: number): Promise<string> {
  const path = `/containers/${id}/logs?${new URLSearchParams({ stdout: '1', stderr: '1', tail: String(lines) })}`;
  const { status, body } = await engine.send({ method: 'GET', path, purpose: `read the output of ${id}` });
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  return status >= 300 ? '' : withoutFrames(bytes);
}

/** Docker Engine API, ContainerAttach, "Stream format": 8 bytes before each piece, the last four its length. */
function withoutFrames(bytes: Buffer): string {
  const texts: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    if ((bytes[at] ?? 3) > 2) return bytes.toString('utf8');
    texts.push(bytes.toString('utf8', at + 8, at + 8 + length));
    at += 8 + length;
  }
  return texts.join('');
}

/** A file of a container, running or not, piece by piece; `onPiece` sees views that may be reused. Throws `engine`. */
export async function readContainerFile(
  engine: Engine,
  place: ContainerPlace,
  onPiece: (piece: Buffer) => void,
): Promise<void> {
  if (await findContainerFile(engine, place, onPiece)) return;
  const purpose = `read ${place.path} in the container ${place.id}`;
  throw failureError(engine.subject, purpose, 'there is no such file');
}

/** As {@link readContainerFile}; false if nothing is there, or no regular file. */
export async function findContainerFile(
  engine: Engine,
  { id, path }: ContainerPlace,
  onPiece: (piece: Buffer) => void,
): Promise<boolean> {
  const purpose = `read ${path} in the container ${id}`;
  const query = new URLSearchParams({ path });
  const { status, body } = await engine.send({
    method: 'GET',
    path: `/containers/${id}/archive?${query}`,
    purpose,
    isTransfer: true,
  });
  if (status >= 300) {
    const text = await readText(body);
    if (status === 404) return false;
    throw refusalError(engine.subject, purpose, { status, text });
  }
  let isFile = false;
  const entry = ({ type }: TarEntry) => {
    isFile = type === 'file';
  };
  const data = (piece: Buffer) => isFile && onPiece(piece);
  await readTar(body, { entry, data, end: () => undefined }, `${engine.subject}: ${path}`);
  return isFile;
}

export interface ContainerPlace {
  /** The container's ID. */
  readonly id: string;
  /** Absolute, in the container. */
  readonly path: string;
}

/** Removes a container, running or not, even if the run was aborted; one that is gone already is fine. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  const path = `/containers/${id}?force=1&v=1`;
  const purpose = `remove the container ${id}`;
  await engine.ask({ method: 'DELETE', path, purpose, outlastsAbort: true }, anything);
}

/** Status 304: it is so already. */
const alreadySo = 304;

async function post(
  engine: Engine,
  path: string,
  { json, ...request }: Pick<EngineRequest, 'purpose' | 'isEndless' | 'outlastsAbort'> & { json?: object },
): Promise<string> {
  const { status, body } = await engine.send({
    ...request,
    method: 'POST',
    path,
    ...(json && { contentType: 'application/json', body: () => once(Buffer.from(JSON.stringify(json))) }),
  });
  const text = await readText(body);
  const { purpose } = request;
  if (status >= 300 && status !== alreadySo) throw refusalError(engine.subject, purpose, { status, text });
  return text;
}

async function* once(bytes: Buffer): ByteStream {
  yield bytes;
}

function unexpected(engine: Engine, purpose: string, got: string): GscError {
  return new GscError({
    code: 'engine',
    subject: engine.subject,
    message: `cannot ${purpose}: unexpected response ${JSON.stringify(got.slice(0, 200))}`,
    hint: `what listens there may not be an Engine: correct ${engine.address.origin}`,
  });
}
