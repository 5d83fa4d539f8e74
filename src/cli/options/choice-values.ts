import { isIP } from 'node:net';
import { GscError } from '../../base/error.ts';
import { bytesOfText, type ImagePath, imagePath } from '../../base/image-path.ts';
import type { HostAddress, RaTlsChoice, Secret, Variable, Volume } from '../../index.ts';
import { secretPath } from '../../manifest/option-manifest.ts';
import { harmfulHostVariables, hostEnvironment } from '../../runtime/launch.ts';
import { mountHint, mountPlaceIn } from './foreign-options.ts';

/** `--volume PATH=tmpfs|encrypted[:KEYNAME]|allowed`; the last `=` parts them. Throws a `usage` error. */
export function parseVolume(text: string): Volume {
  const mounted = mountPlaceIn(text);
  const hint = mounted === undefined ? 'write it as in --volume /data=tmpfs' : mountHint(mounted);
  const fail = (message: string) => usageError('--volume', `${message}, got ${JSON.stringify(text)}`, hint);
  const split = text.lastIndexOf('=');
  if (split < 0) throw fail('expected PATH=tmpfs, PATH=encrypted[:KEYNAME] or PATH=allowed');
  const path = parsePath('--volume', text.slice(0, split));
  const [kind, keyName] = splitOnce(text.slice(split + 1), ':');
  if ((kind === 'tmpfs' || kind === 'allowed') && keyName === undefined) return { path, use: { kind } };
  if (kind !== 'encrypted') throw fail('expected tmpfs, encrypted[:KEYNAME] or allowed after the =');
  if (keyName === undefined) return { path, use: { kind } };
  if (!/^\w[\w-]*$/.test(keyName)) throw fail('expected a key name of letters, digits, _ and - after the :');
  return { path, use: { kind, keyName } };
}

/** `--secret NAME[=PATH]`. Throws a `usage` error. */
export function parseSecret(text: string): Secret {
  const [name, path] = splitOnce(text, '=');
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
    throw usageError(
      '--secret',
      `expected a name of letters, digits, _, - and ., got ${JSON.stringify(name)}`,
      'write it as in --secret db-password, or --secret db-password=/etc/app/password',
    );
  }
  return { name, path: path === undefined ? secretPath(name) : parsePath('--secret', path) };
}

const hostVariables: ReadonlySet<string> = new Set([
  ...Object.keys(hostEnvironment),
  ...harmfulHostVariables,
]);

/** `--env NAME` (the host's value at the start) or `--env NAME=VALUE`. Throws a `usage` error. */
export function parseVariable(text: string): Variable {
  const [name, value] = splitOnce(text, '=');
  if (name === '' || text.includes('\0')) {
    throw usageError(
      '--env',
      `expected NAME or NAME=VALUE, got ${JSON.stringify(text)}`,
      'write it as in --env LANG=C.UTF-8',
    );
  }
  if (value !== undefined) return { kind: 'value', name, value };
  if (!hostVariables.has(name)) return { kind: 'passthrough', name };
  throw usageError(
    '--env',
    `expected a variable of the application, got ${name}, for which the loader outside the enclave has its own value`,
    `give it a value, as in --env ${name}=/opt/lib`,
  );
}

/** `--host NAME=ADDRESS`. Throws a `usage` error. */
export function parseHost(text: string): HostAddress {
  const hint = 'write it as in --host db.example.com=10.0.0.5';
  const [name, address = ''] = splitOnce(text, '=');
  if (!/^(?=.{1,253}$)\w(?:[\w.-]*\w)?$/.test(name)) {
    const problem = `expected the name of a host before the =, got ${JSON.stringify(text)}`;
    throw usageError('--host', problem, hint);
  }
  if (isIP(address) !== 0) return { name, address };
  const problem = `expected an IPv4 or IPv6 address after ${name}=, got ${JSON.stringify(address)}`;
  throw usageError('--host', problem, hint);
}

/** A key broker, and the file with the authorities of its certificate. */
export interface BrokerChoice {
  readonly server: string;
  readonly authorities?: string;
}

/** `--secret-from HOST:PORT[=CA-FILE]`. Gramine's client parts addresses at `:`, `,`, `;` and blanks. Throws a `usage` error. */
export function parseBroker(text: string): BrokerChoice {
  const hint = 'write it as in --secret-from broker.example.com:4433=ca.pem';
  const [server, authorities] = splitOnce(text, '=');
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(server) ?? [];
  if (host.includes(':')) {
    const problem = `expected a name or an IPv4 address, which is all that Gramine's client understands, got ${JSON.stringify(server)}`;
    throw usageError('--secret-from', problem, hint);
  }
  const isAddress =
    /^(?=.{1,253}$)\w(?:[\w.-]*\w)?$/.test(host) && Number(port) > 0 && Number(port) <= 0xffff;
  if (!isAddress || authorities === '') {
    throw usageError('--secret-from', `expected HOST:PORT[=CA-FILE], got ${JSON.stringify(text)}`, hint);
  }
  return { server: `${host}:${Number(port)}`, ...(authorities !== undefined && { authorities }) };
}

/** `--ratls CERT=PATH,KEY=PATH[,FORMAT=pem|der]`, in any order. Throws a `usage` error. */
export function parseRaTls(text: string): RaTlsChoice {
  const fail = (problem: string) =>
    usageError('--ratls', problem, 'write it as in --ratls CERT=/run/tls/cert.pem,KEY=/run/tls/key.pem');
  const values = new Map<string, string>();
  for (const part of text.split(/,(?=\w+=)/)) {
    const [name, value] = splitOnce(part, '=');
    const known = name.toLowerCase();
    if (!['cert', 'key', 'format'].includes(known) || value === undefined || values.has(known))
      throw fail(`expected CERT=PATH,KEY=PATH[,FORMAT=pem|der], got ${JSON.stringify(text)}`);
    values.set(known, value);
  }
  const [cert, key, format = 'pem'] = [values.get('cert'), values.get('key'), values.get('format')];
  if (cert === undefined || key === undefined)
    throw fail(`expected both CERT= and KEY=, got ${JSON.stringify(text)}`);
  if (format !== 'pem' && format !== 'der')
    throw fail(`expected FORMAT=pem or FORMAT=der, got ${JSON.stringify(format)}`);
  const [certificate, keyPlace] = [parsePath('--ratls', cert), parsePath('--ratls', key)];
  if (certificate === keyPlace) throw fail(`expected two files, got ${JSON.stringify(cert)} twice`);
  return { certificate, key: keyPlace, format };
}

/** A file of this machine and the place in the image that it gets. */
export interface FileChoice {
  readonly hostPath: string;
  readonly path: ImagePath;
}

/** `--file HOSTPATH:PATH`; the last `:` that an absolute path follows parts them. Throws a `usage` error. */
export function parseFile(text: string): FileChoice {
  const split = text.lastIndexOf(':/');
  if (split <= 0) {
    throw usageError(
      '--file',
      `expected HOSTPATH:PATH, the second absolute, got ${JSON.stringify(text)}`,
      'write it as in --file settings.json:/etc/app/settings.json',
    );
  }
  const path = parsePath('--file', text.slice(split + 1));
  // Engines take such a name in a layer for the removal of a file. OCI image-spec, layer.md.
  if (/\/\.wh\.[^/]*$/.test(path) || text.endsWith('/')) {
    throw usageError(
      '--file',
      `expected the name of a file, got ${JSON.stringify(text.slice(split + 1))}`,
      'give the full path in the image, with a name that does not begin with .wh.',
    );
  }
  return { hostPath: text.slice(0, split), path };
}

/**
 * The words of `--entrypoint` and `--cmd`: a JSON array of strings, or one word as it is; none for an empty text. A text with
 * blanks that is not an array is refused, since Docker takes it for one word and a shell for several. Throws a `usage` error.
 */
export function parseWords(option: '--entrypoint' | '--cmd', text: string): readonly string[] {
  const fail = (expected: string) =>
    usageError(
      option,
      `expected ${expected}, got ${JSON.stringify(text)}`,
      `write several words as in ${option} '["python3", "app.py"]'`,
    );
  if (text === '') return [];
  if (text.startsWith('[') && text !== '[') return parseArray(text, () => fail('a JSON array of strings'));
  if (/\s/.test(text)) throw fail('one word or a JSON array of strings');
  return [text];
}

function parseArray(text: string, fail: () => GscError): readonly string[] {
  const words = parseJsonOr(text, fail);
  const areWords =
    Array.isArray(words) && words.every((word) => typeof word === 'string' && !word.includes('\0'));
  if (!areWords) throw fail();
  return words;
}

function parseJsonOr(text: string, fail: () => GscError): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fail();
  }
}

/** Refuses two values for one place; `showPlace` names it. */
export function checkDistinct<Value>(
  option: string,
  values: readonly Value[],
  placeOf: (value: Value) => string,
): void {
  const seen = new Set<string>();
  for (const value of values) {
    const place = placeOf(value);
    if (seen.has(place))
      throw usageError(option, `expected each only once, got ${place} twice`, 'remove one of the two');
    seen.add(place);
  }
}

function parsePath(option: string, text: string): ImagePath {
  if (!text.startsWith('/') || text.includes('\0')) {
    throw usageError(
      option,
      `expected an absolute path in the image, got ${JSON.stringify(text)}`,
      'begin the path with /',
    );
  }
  const path = imagePath(bytesOfText(text));
  if (path !== '/') return path;
  throw usageError(option, 'expected a path below /, got the root itself', 'name a directory below it');
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function usageError(option: string, message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject: option, message, hint });
}
