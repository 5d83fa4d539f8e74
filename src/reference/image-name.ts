import { type Digest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { dockerHub } from './docker-hub.ts';

/** A repository and what is picked from it, in full: `python` is `docker.io`, `library/python`. */
export interface ImageName {
  readonly kind: 'name';
  /** Registry host with its port, if one is given. */
  readonly domain: string;
  /** Path of the repository below the host; the last component is the image's own name. */
  readonly path: string;
  readonly tag?: string;
  /** Picks the image; a tag beside it is then only a note. */
  readonly digest?: Digest;
}

/** An image of a local engine by the digest of its config. */
export interface ImageId {
  readonly kind: 'id';
  readonly digest: Digest;
}

/** What stands for a missing tag. distribution/reference, `TagNameOnly`. */
export const defaultTag = 'latest';

const { domain: defaultDomain, formerDomain: legacyDefaultDomain, officialFolder } = dockerHub;

// The grammar of distribution/reference, reference.go.
const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const hexIdPattern = /^[0-9a-f]{64}$/;
const maximalNameLength = 255;

/**
 * Reads `[domain[:port]/]path[:tag][@digest]` by the distribution grammar, with Docker's defaults for familiar names.
 * Throws a `usage` error that quotes `text`.
 */
export function parseImageName(text: string): ImageName {
  const { repository, tag, digest } = splitName(text);
  if (digest !== undefined && !isDigest(digest)) {
    throw badName(text, `expected a digest of the form sha256: and 64 hex digits, got ${digest}`);
  }
  if (hexIdPattern.test(repository)) {
    throw badName(text, 'a repository cannot have a name of 64 hex digits: that is an image ID');
  }
  const name: ImageName = {
    kind: 'name',
    ...splitDomain(repository),
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
  const problem = problemOf(name);
  if (problem !== undefined) throw badName(text, problem);
  return name;
}

/** Reads an image ID (`sha256:` and 64 hex digits, or the digits alone) or a name. Throws as {@link parseImageName}. */
export function parseImageNameOrId(text: string): ImageName | ImageId {
  const digest = hexIdPattern.test(text) ? `sha256:${text}` : text;
  return isDigest(digest) ? { kind: 'id', digest } : parseImageName(text);
}

/** The hex digits of a name that Docker takes for the beginning of an image ID (`docker images` shows 12), where no image has it. */
export function shortIdOf({ domain, path, tag, digest }: ImageName): string | undefined {
  if (domain !== defaultDomain || tag !== undefined || digest !== undefined) return undefined;
  return /^library\/([0-9a-f]{12,63})$/.exec(path)?.[1];
}

/** What the grammar has against a name, or undefined if it is a good one. */
export function problemOf(name: ImageName): string | undefined {
  const { domain, path, tag } = name;
  if (path === '' || path === officialFolder) return 'the repository has no name';
  if (!domainPattern.test(domain)) return `${JSON.stringify(domain)} is not a host name`;
  if (path !== path.toLowerCase()) return 'repository names are written in lower case';
  if (!pathPattern.test(path)) {
    return `${JSON.stringify(path)} is not a repository name: letters, digits and single separators (. _ __ -) between them`;
  }
  if (domain.length + 1 + path.length > maximalNameLength) {
    return `the name is longer than ${maximalNameLength} characters`;
  }
  if (tag !== undefined && !tagPattern.test(tag)) {
    return `${JSON.stringify(tag)} is not a tag: up to 128 letters, digits, and . _ - after the first`;
  }
  return undefined;
}

/** The name as Docker shows it: without `docker.io/` and `library/`, unless it would then mean another image. */
export function showImageName(name: ImageName): string {
  const full = `${name.domain}/${name.path}`;
  const left = [`${defaultDomain}/${officialFolder}`, `${defaultDomain}/`].filter((start) =>
    full.startsWith(start),
  );
  const familiar = left.map((start) => full.slice(start.length)).find((text) => means(text, name)) ?? full;
  return withTagAndDigest(familiar, name);
}

/** The name with its domain and folder: `docker.io/library/python:3.12`. */
export function showFullName(name: ImageName): string {
  return withTagAndDigest(`${name.domain}/${name.path}`, name);
}

/** The name with the tag `latest` if it has neither tag nor digest. */
export function withDefaultTag(name: ImageName): ImageName {
  return name.tag === undefined && name.digest === undefined ? { ...name, tag: defaultTag } : name;
}

/** The full name, with the default tag, that a text is a form of; undefined if it is not an image name. */
export function fullNameIn(text: string): string | undefined {
  try {
    return showFullName(withDefaultTag(parseImageName(text)));
  } catch {
    return undefined;
  }
}

function means(repository: string, name: ImageName): boolean {
  const { domain, path } = splitDomain(repository);
  return domain === name.domain && path === name.path;
}

function withTagAndDigest(repository: string, { tag, digest }: ImageName): string {
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function splitName(text: string): {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
} {
  const at = text.indexOf('@');
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  // A colon before the last slash belongs to a port.
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  if (colon < 0) return { repository: beforeDigest, tag: undefined, digest };
  return { repository: beforeDigest.slice(0, colon), tag: beforeDigest.slice(colon + 1), digest };
}

/** The first component is a host if it could not be a folder: it has a dot, a port, a capital, or is `localhost`. */
function splitDomain(repository: string): { readonly domain: string; readonly path: string } {
  const slash = repository.indexOf('/');
  const first = repository.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = isHost && first !== legacyDefaultDomain ? first : defaultDomain;
  const path = isHost ? repository.slice(slash + 1) : repository;
  return {
    domain,
    path: domain === defaultDomain && !path.includes('/') ? `${officialFolder}${path}` : path,
  };
}

function badName(text: string, message: string): GscError {
  return new GscError({
    code: 'usage',
    subject: `image name ${JSON.stringify(text)}`,
    message,
    hint: looksLikeFile(text)
      ? `for an image in a file use docker-archive:${text} or oci-archive:${text}, in a directory oci:${text}`
      : 'write it as [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST], for example python:3.12',
  });
}

function looksLikeFile(text: string): boolean {
  return /^[./~]|\.(?:tar|tgz|gz|zst)$/.test(text) && !text.includes(':');
}
