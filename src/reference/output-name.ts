import { type Digest, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { dockerHub } from './docker-hub.ts';
import { type ImageId, type ImageName, problemOf } from './image-name.ts';
import { type ImageReference, isOciTag, showReference } from './image-reference.ts';

/** How an application's name becomes those of gsc's images; the same in the Python GSC. */
const prefix = 'gsc-';
const unsignedSuffix = '-unsigned';
/** Hex digits of a digest that stand for it in a name: as many as `docker images` shows of an ID. */
const shortIdLength = 12;

/**
 * The name under which `gsc build` stores the unsigned image of an application: `python:3.12` gives
 * `gsc-python:3.12-unsigned`, `python` gives `gsc-python-unsigned`. Rules for the other kinds:
 * - the prefix goes to the last component of the repository, the directory or the file name;
 * - the suffix goes to the tag, or to the name if there is no tag; an archive's file name and the name in it get both;
 * - of `name@sha256:…` the first 12 hex digits become the tag, unless there is a tag already; an image ID becomes a
 *   repository of that name; in an archive a digest leaves no trace;
 * - archives are named `.tar`, as they are written uncompressed.
 * Throws a `usage` error if the result would not be a valid name.
 */
export function unsignedName(app: ImageReference): ImageReference {
  return derive(app, unsignedSuffix);
}

/** The name of the signed image of an application: as {@link unsignedName}, without `-unsigned`. */
export function signedName(app: ImageReference): ImageReference {
  return derive(app, '');
}

/**
 * The name of the signed image that belongs to an unsigned image's own name (`gsc-python:3.12-unsigned` gives
 * `gsc-python:3.12`), or undefined if `reference` is not such a name. A digest is dropped.
 */
export function signedNameOfUnsigned(reference: ImageReference): ImageReference | undefined {
  const stripped = stripReference(reference);
  return stripped && problemOfReference(stripped) === undefined ? stripped : undefined;
}

function stripReference(reference: ImageReference): ImageReference | undefined {
  switch (reference.kind) {
    case 'oci': {
      const name = stripUnsigned(lastComponent(reference.path), reference.tag);
      return name && { kind: 'oci', path: replaceLast(reference.path, name.base), ...name.tag };
    }
    case 'oci-archive':
    case 'docker-archive':
      return stripArchive(reference);
    case 'registry': {
      const name = stripImageName(reference.name);
      return name && { kind: 'registry', name };
    }
    case 'docker-daemon':
    case 'containers-storage':
    case 'bare': {
      const name = reference.image.kind === 'name' ? stripImageName(reference.image) : undefined;
      return name && { kind: reference.kind, image: name };
    }
  }
}

function derive(app: ImageReference, suffix: string): ImageReference {
  const derived = deriveUnchecked(app, suffix);
  const problem = problemOfReference(derived);
  if (problem === undefined) return derived;
  throw new GscError({
    code: 'usage',
    subject: showReference(app),
    message: `no output name can be derived from it: ${problem}`,
    hint: 'name the output with -o',
  });
}

function deriveUnchecked(app: ImageReference, suffix: string): ImageReference {
  switch (app.kind) {
    case 'oci': {
      const base = prefix + lastComponent(app.path);
      const tag = app.tag ?? (app.digest && shortIdOf(app.digest));
      return tag === undefined
        ? { kind: 'oci', path: replaceLast(app.path, base + suffix) }
        : { kind: 'oci', path: replaceLast(app.path, base), tag: tag + suffix };
    }
    case 'oci-archive': {
      const { kind, path, tag } = app;
      return { kind, path: deriveFile(path, suffix), ...(tag && { tag: tag + suffix }) };
    }
    case 'docker-archive': {
      const { kind, path, name } = app;
      return { kind, path: deriveFile(path, suffix), ...(name && { name: deriveName(name, suffix) }) };
    }
    case 'registry':
      return { kind: 'registry', name: deriveName(app.name, suffix) };
    case 'docker-daemon':
    case 'containers-storage':
    case 'bare':
      return { kind: app.kind, image: deriveName(app.image, suffix) };
  }
}

function deriveName(image: ImageName | ImageId, suffix: string): ImageName {
  if (image.kind === 'id') {
    const path = `${dockerHub.officialFolder}${prefix}${shortIdOf(image.digest)}${suffix}`;
    return { kind: 'name', domain: dockerHub.domain, path };
  }
  const { kind, domain } = image;
  const path = replaceLast(image.path, prefix + lastComponent(image.path));
  const tag = image.tag ?? (image.digest && shortIdOf(image.digest));
  return tag === undefined
    ? { kind, domain, path: path + suffix }
    : { kind, domain, path, tag: tag + suffix };
}

function shortIdOf(digest: Digest): string {
  return hexOf(digest).slice(0, shortIdLength);
}

function deriveFile(path: string, suffix: string): string {
  return replaceLast(path, `${prefix}${stemOf(lastComponent(path))}${suffix}.tar`);
}

function stripArchive(
  reference: Extract<ImageReference, { kind: 'oci-archive' | 'docker-archive' }>,
): ImageReference | undefined {
  const file = stripUnsigned(stemOf(lastComponent(reference.path)), undefined);
  if (file === undefined) return undefined;
  const path = replaceLast(reference.path, `${file.base}.tar`);
  if (reference.kind === 'docker-archive') {
    const name = reference.name && (stripImageName(reference.name) ?? reference.name);
    return { kind: 'docker-archive', path, ...(name && { name }) };
  }
  const tag = reference.tag && (stripSuffix(reference.tag) ?? reference.tag);
  return { kind: 'oci-archive', path, ...(tag && { tag }) };
}

function stripImageName({ kind, domain, path, tag }: ImageName): ImageName | undefined {
  const name = stripUnsigned(lastComponent(path), tag);
  return name && { kind, domain, path: replaceLast(path, name.base), ...name.tag };
}

function stripUnsigned(
  base: string,
  tag: string | undefined,
): { readonly base: string; readonly tag: { readonly tag?: string } } | undefined {
  if (!base.startsWith(prefix)) return undefined;
  const stripped = stripSuffix(tag ?? base);
  if (stripped === undefined) return undefined;
  return tag === undefined ? { base: stripped, tag: {} } : { base, tag: { tag: stripped } };
}

function stripSuffix(text: string): string | undefined {
  if (!text.endsWith(unsignedSuffix) || text === unsignedSuffix) return undefined;
  return text.slice(0, -unsignedSuffix.length);
}

function problemOfReference(reference: ImageReference): string | undefined {
  switch (reference.kind) {
    case 'oci':
    case 'oci-archive': {
      if (reference.tag !== undefined && !isOciTag(reference.tag)) return `${reference.tag} is not a tag`;
      return problemOfPath(reference.path);
    }
    case 'docker-archive':
      return problemOfPath(reference.path) ?? (reference.name && problemOf(reference.name));
    case 'registry':
      return problemOf(reference.name);
    case 'docker-daemon':
    case 'containers-storage':
    case 'bare':
      return reference.image.kind === 'name' ? problemOf(reference.image) : undefined;
  }
}

/** The file system's own limit on a name is 255 bytes; `.` and `..` are what the user typed for another directory. */
function problemOfPath(path: string): string | undefined {
  const base = lastComponent(path);
  if (/^gsc-(?:\.{0,2}|\.{0,2}-unsigned)(?:\.tar)?$/.test(base)) return 'the path does not end in a name';
  return Buffer.byteLength(base) > 255 ? 'the file name is longer than 255 bytes' : undefined;
}

function lastComponent(path: string): string {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '');
}

function replaceLast(path: string, base: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(0, trimmed.lastIndexOf('/') + 1) + base;
}

function stemOf(fileName: string): string {
  return fileName.replace(/\.(?:tar|tar\.gz|tgz|tar\.zst)$/, '');
}
