import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { readJson } from '../../json/read-json.ts';
import { mapOf, object, text, type ValueOf } from '../../json/shape.ts';

/** One entry of `auths`. */
export interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** What Docker's config.json and podman's auth.json say about logins. */
export interface AuthFile {
  readonly path: string;
  /** By `HOST` or `HOST/PATH`; scheme and API path of Docker's keys are cut off. */
  readonly auths: ReadonlyMap<string, AuthEntry>;
  /** Name of the helper for all hosts without their own. */
  readonly credsStore: string | undefined;
  /** Name of the helper by host. */
  readonly credHelpers: ReadonlyMap<string, string>;
}

const entryShape = object({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});

const fileShape = object({
  auths: mapOf({ ...entryShape, zero: {} }),
  credsStore: text,
  credHelpers: mapOf(text),
});

/** Reads a file of logins; undefined if it is not there and need not be. Throws if it is damaged. */
export async function readAuthFile(path: string, isRequired: boolean): Promise<AuthFile | undefined> {
  try {
    return parseAuthFile((await readUserFile(path, 'file of logins')).toString('utf8'), path);
  } catch (error) {
    if (!isRequired && error instanceof GscError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** Parses a file of logins. Throws a `registry` error that names `path` and shows nothing of the content. */
export function parseAuthFile(content: string, path: string): AuthFile {
  const { value, problem } = readJson(content, fileShape);
  if (problem !== undefined) throw damaged(path, `not a file of logins: ${problem}`);
  const { auths, credsStore, credHelpers } = value;
  return {
    path,
    auths: new Map(
      Object.entries(auths ?? {}).map(([key, entry]) => [normalizeKey(key), toEntry(entry, key, path)]),
    ),
    credsStore: credsStore || undefined,
    credHelpers: new Map(Object.entries(credHelpers ?? {})),
  };
}

function toEntry(entry: ValueOf<typeof entryShape>, key: string, path: string): AuthEntry {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  const pair = auth ? decodePair(auth, key, path) : { username, password };
  return {
    ...(pair.username && { username: pair.username }),
    ...(pair.password && { password: pair.password }),
    ...(identitytoken && { identityToken: identitytoken }),
    ...(registrytoken && { registryToken: registrytoken }),
  };
}

/** `auth` is base64 of `USER:PASSWORD`; Docker pads it with NUL now and then (docker/cli, config/configfile). */
function decodePair(auth: string, key: string, path: string): { username: string; password: string } {
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon <= 0) throw damaged(path, `the login for ${key} is not USER:PASSWORD in base64`);
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** `https://index.docker.io/v1/` is `index.docker.io`, `https://host/v2/` is `host`; podman's `host/path` stays. */
function normalizeKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, '');
  return bare.replace(/\/v[12]\/?$/, '').replace(/\/$/, '');
}

function damaged(path: string, message: string): GscError {
  return new GscError({
    code: 'registry',
    subject: path,
    message,
    hint: 'repair the file, or recreate it with docker login',
  });
}
