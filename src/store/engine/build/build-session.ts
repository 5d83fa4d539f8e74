import { randomUUID } from 'node:crypto';
import { PbfReader, PbfWriter } from 'pbf';
import { dockerHub } from '../../../reference/docker-hub.ts';
import type { Engine } from '../engine.ts';
import { serveUnary, type UnaryMethod } from './unary-service.ts';

/** Name and password for a registry. */
export interface BuildLogin {
  readonly username: string;
  readonly password: string;
}

/** What a build may ask for while it runs. */
export interface BuildSupplies {
  /** Contents by the id that the Dockerfile names. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** The login for a registry's host; undefined for anonymous. */
  readonly loginFor: (host: string) => Promise<BuildLogin | undefined>;
}

/** A connection on which BuildKit asks back. */
export interface BuildSession {
  readonly id: string;
  readonly close: () => void;
}

/** Docker Hub's name in logins. */
const hubServers: readonly string[] = [dockerHub.apiHost, dockerHub.loginServer];

/** moby/buildkit: session/auth/auth.proto, session/secrets/secrets.proto; grpc, health/v1/health.proto. */
const paths = {
  health: '/grpc.health.v1.Health/Check',
  secret: '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  credentials: '/moby.filesync.v1.Auth/Credentials',
} as const;

/**
 * Opens a session for a build: the Engine gets secrets and logins when it needs them, and none of them is part of a
 * request, a layer or a log. Docker Engine API, "Initialize interactive session". Throws `engine`, `aborted`.
 */
export async function openBuildSession(engine: Engine, supplies: BuildSupplies): Promise<BuildSession> {
  const id = randomUUID();
  const socket = await engine.upgrade({
    path: '/session',
    purpose: 'open a session for the build',
    protocol: 'h2c',
    headers: {
      'x-docker-expose-session-uuid': id,
      'x-docker-expose-session-name': 'gsc',
      'x-docker-expose-session-grpc-method': Object.values(paths),
    },
  });
  // A connection that breaks shows in the build that needs it.
  socket.on('error', () => {});
  const server = serveUnary(socket, methodsFor(supplies));
  return {
    id,
    close: () => {
      server.close();
      socket.destroy();
    },
  };
}

function methodsFor({ secrets, loginFor }: BuildSupplies): ReadonlyMap<string, UnaryMethod> {
  return new Map<string, UnaryMethod>([
    [paths.health, async () => message((writer) => writer.writeVarintField(1, 1))],
    [
      paths.secret,
      async (request) => {
        const secret = secrets.get(firstText(request));
        return secret && message((writer) => writer.writeBytesField(1, secret));
      },
    ],
    [
      paths.credentials,
      async (request) => {
        const asked = firstText(request);
        const login = await loginFor(hubServers.includes(asked) ? dockerHub.domain : asked);
        return message((writer) => {
          if (!login) return;
          writer.writeStringField(1, login.username);
          writer.writeStringField(2, login.password);
        });
      },
    ],
  ]);
}

function message(write: (writer: PbfWriter) => void): Uint8Array {
  const writer = new PbfWriter();
  write(writer);
  return writer.finish();
}

/** The first field of a message, which is a text in all that is asked here. */
function firstText(request: Uint8Array): string {
  const read = { text: '' };
  new PbfReader(request).readFields((field, result, reader) => {
    if (field === 1) result.text = reader.readString();
  }, read);
  return read.text;
}
