import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { readJson } from '../../json/read-json.ts';
import { flag, object, required, type Shape, text } from '../../json/shape.ts';
import { ignoring } from '../local/temporary-file.ts';
import { type EngineAddress, type EngineTls, parseAddress } from './engine-address.ts';

const configShape = object({ currentContext: text });

const contextShape = object({
  Endpoints: required(object({ docker: required(object({ Host: required(text), SkipTLSVerify: flag })) })),
});

/** The context that stands for `DOCKER_HOST` or the default socket. docker/cli, cli/command/defaultcontextstore.go. */
const defaultContext = 'default';

/** The context that `docker context use` chose, or undefined for the default one. Throws `config` or `unreadable`. */
export async function currentContext(directory: string): Promise<string | undefined> {
  const path = join(directory, 'config.json');
  const bytes = await readFile(path).catch(ignoring('ENOENT', 'ENOTDIR', 'EACCES'));
  if (bytes === undefined) return undefined;
  return parse(configShape, bytes, path, 'configuration of Docker').currentContext || undefined;
}

/**
 * The Engine of a Docker context; undefined for the context `default`. Contexts are under the SHA-256 of their names
 * (docker/cli, cli/context/store). Throws a `config` or `unreadable` error.
 */
export async function contextAddress(
  directory: string,
  name: string,
  origin: string,
): Promise<EngineAddress | undefined> {
  if (name === defaultContext) return undefined;
  const folder = hexOf(digestOf(name));
  const path = join(directory, 'contexts', 'meta', folder, 'meta.json');
  const bytes = await readFile(path).catch(ignoring('ENOENT', 'ENOTDIR'));
  if (bytes === undefined) {
    throw new GscError({
      code: 'config',
      subject: origin,
      message: `there is no Docker context ${JSON.stringify(name)}`,
      hint: 'docker context ls lists them; docker context use default switches back to the default one',
    });
  }
  const { docker } = parse(contextShape, bytes, path, 'Docker context').Endpoints;
  const keys = await readTls(
    join(directory, 'contexts', 'tls', folder, 'docker'),
    docker.SkipTLSVerify !== true,
  );
  return parseAddress(docker.Host, origin, keys);
}

/** The `ca.pem`, `cert.pem` and `key.pem` of a directory, or undefined if none of them is there. */
export async function readTls(directory: string, isVerified: boolean): Promise<EngineTls | undefined> {
  const read = (name: string) =>
    readUserFile(join(directory, name), 'key or certificate').catch((error: unknown) => {
      if (error instanceof GscError && error.code === 'not-found') return undefined;
      throw error;
    });
  const [ca, cert, key] = [await read('ca.pem'), await read('cert.pem'), await read('key.pem')];
  if (!ca && !cert && !key) return undefined;
  return { isVerified, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function parse<Value>(shape: Shape<Value>, bytes: Buffer, subject: string, what: string): Value {
  const { value, problem } = readJson(bytes.toString('utf8'), shape);
  if (problem === undefined) return value;
  throw new GscError({
    code: 'config',
    subject,
    message: `not a valid ${what}: ${problem}`,
    hint: 'correct the file, or set DOCKER_HOST, which takes precedence',
  });
}
