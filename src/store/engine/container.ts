import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { readJson } from '../../json/read-json.ts';
import { anything, flag, listOf, mapOf, number, object, required, text } from '../../json/shape.ts';
import { readTar } from '../../tar/read-tar.ts';
import type { Engine } from './engine.ts';
import { readText } from './engine-connection.ts';
import { refusalError } from './engine-error.ts';

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

/** Makes a container and gives its ID; nothing runs yet. Throws an `engine` error. */
export async function createContainer(engine: Engine, spec: ContainerSpec): Promise<string> {
  const ports = Object.fromEntries(spec.ports.map((port) => [`${port}/tcp`, {}]));
  const bindings = Object.fromEntries(
    spec.ports.map((port) => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]]),
  );
  const request = {
    Image: spec.image,
    Env: spec.environment,
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint, Cmd: [] }),
    ExposedPorts: ports,
    HostConfig: {
      SecurityOpt: spec.securityOptions,
      PortBindings: bindings,
      ...(spec.network !== undefined && { NetworkMode: spec.network }),
    },
  };
  const purpose = `create a container of ${spec.image}`;
  const answer = await post(engine, '/containers/create', purpose, request);
  const { value } = readJson(answer, createdShape);
  if (value) return value.Id;
  throw unexpected(engine, purpose, answer);
}

export async function startContainer(engine: Engine, id: string): Promise<void> {
  await post(engine, `/containers/${id}/start`, `start the container ${id}`);
}

/** As `docker stop`: the image's stop signal, and after so many seconds SIGKILL. One that has ended already is fine. */
export async function stopContainer(engine: Engine, id: string, timeoutSeconds: number): Promise<void> {
  await post(
    engine,
    `/containers/${id}/stop?t=${timeoutSeconds}`,
    `stop the container ${id}`,
    undefined,
    true,
  );
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
  { id, path }: { readonly id: string; readonly path: string },
  onPiece: (piece: Buffer) => void,
): Promise<void> {
  const purpose = `read ${path} in the container ${id}`;
  const request = {
    method: 'GET',
    path: `/containers/${id}/archive?${new URLSearchParams({ path })}`,
    purpose,
  } as const;
  const { status, body } = await engine.send({ ...request, isTransfer: true });
  if (status >= 300) throw refusalError(engine.subject, purpose, { status, text: await readText(body) });
  const visitor = { entry: () => undefined, data: onPiece, end: () => undefined };
  await readTar(body as ByteStream, visitor, `${engine.subject}: ${path}`);
}

/** Removes a container, running or not; one that is gone already is fine. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  const path = `/containers/${id}?force=1&v=1`;
  await engine.ask({ method: 'DELETE', path, purpose: `remove the container ${id}` }, anything);
}

/** Status 304: it is so already. */
const alreadySo = 304;

async function post(
  engine: Engine,
  path: string,
  purpose: string,
  json?: object,
  isEndless = false,
): Promise<string> {
  const { status, body } = await engine.send({
    method: 'POST',
    path,
    purpose,
    isEndless,
    ...(json && { contentType: 'application/json', body: () => once(Buffer.from(JSON.stringify(json))) }),
  });
  const text = await readText(body);
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
