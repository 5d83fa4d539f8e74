import { type Digest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import {
  type ImageId,
  type ImageName,
  parseImageName,
  parseImageNameOrId,
  showImageName,
} from './image-name.ts';

/** An image in an OCI layout directory. Without a tag or a digest: the only image that is there. */
export interface OciLayoutReference {
  readonly kind: 'oci';
  readonly path: string;
  readonly tag?: string;
  /** Of a manifest or an index; a tag beside it is then only a note. */
  readonly digest?: Digest;
}

/** An image in a tar of an OCI layout. */
export interface OciArchiveReference {
  readonly kind: 'oci-archive';
  readonly path: string;
  readonly tag?: string;
  /** As in {@link OciLayoutReference}. */
  readonly digest?: Digest;
}

/** An image in a file that `docker save` wrote. Without a name or a digest: the only image that is there. */
export interface DockerArchiveReference {
  readonly kind: 'docker-archive';
  readonly path: string;
  /** Without a digest. */
  readonly name?: ImageName;
  /** Of the config (Docker's image ID), or of a manifest that the file holds; a name beside it is then only a note. */
  readonly digest?: Digest;
}

/** An image of the Docker Engine. */
export interface DockerDaemonReference {
  readonly kind: 'docker-daemon';
  readonly image: ImageName | ImageId;
}

/** An image in a registry (`docker://`). */
export interface RegistryReference {
  readonly kind: 'registry';
  readonly name: ImageName;
}

/** An image in podman's storage. */
export interface ContainersStorageReference {
  readonly kind: 'containers-storage';
  readonly image: ImageName | ImageId;
}

/** A name without a transport; the caller decides where to look for it. */
export interface BareReference {
  readonly kind: 'bare';
  readonly image: ImageName | ImageId;
}

/** Where an image is or goes. The transports and their names are those of skopeo and podman. */
export type ImageReference =
  | OciLayoutReference
  | OciArchiveReference
  | DockerArchiveReference
  | DockerDaemonReference
  | RegistryReference
  | ContainersStorageReference
  | BareReference;

// containers/image, oci/internal: what skopeo takes for the name of an image in an OCI layout.
const ociTagPattern =
  /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/;

const transports: Readonly<Record<string, (rest: string, text: string) => ImageReference>> = {
  oci: (rest, text) => ({ kind: 'oci', ...parsePathAndTag(rest, text) }),
  'oci-archive': (rest, text) => ({ kind: 'oci-archive', ...parsePathAndTag(rest, text) }),
  'docker-archive': parseDockerArchive,
  'docker-daemon': (rest) => ({ kind: 'docker-daemon', image: parseImageNameOrId(rest) }),
  docker: parseRegistry,
  'containers-storage': (rest) => ({ kind: 'containers-storage', image: parseImageNameOrId(rest) }),
};

const foreignTransports = ['dir', 'ostree', 'sif', 'tarball', 'atomic', 'http', 'https'];

/**
 * Reads a reference: `oci:DIR[:TAG][@DIGEST]`, `oci-archive:FILE[:TAG][@DIGEST]`, `docker-archive:FILE[:NAME][@DIGEST]`,
 * `docker-daemon:NAME`, `docker://NAME`, `containers-storage:NAME` or a bare name. As in skopeo a path ends at the first
 * colon that is not the digest's. Throws a `usage` error.
 */
export function parseReference(text: string): ImageReference {
  const colon = text.indexOf(':');
  const transport = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  const parse = Object.hasOwn(transports, transport) ? transports[transport] : undefined;
  if (parse) return parse(rest, text);
  if (foreignTransports.includes(transport) && /^[./]/.test(rest)) {
    throw badReference(
      text,
      `the transport ${transport}: is not supported`,
      'copy the image with skopeo first',
    );
  }
  return { kind: 'bare', image: parseImageNameOrId(text) };
}

/** The reference as a text that {@link parseReference} reads back to the same value. */
export function showReference(reference: ImageReference): string {
  switch (reference.kind) {
    case 'oci':
    case 'oci-archive':
      return showFile(reference, reference.tag);
    case 'docker-archive':
      return showFile(reference, reference.name && showImageName(reference.name));
    case 'docker-daemon':
    case 'containers-storage':
      return `${reference.kind}:${showImage(reference.image)}`;
    case 'registry':
      return `docker://${showImageName(reference.name)}`;
    case 'bare':
      return showImage(reference.image);
  }
}

/** True if `text` may name an image inside an OCI layout. */
export function isOciTag(text: string): boolean {
  return ociTagPattern.test(text);
}

function showImage(image: ImageName | ImageId): string {
  return image.kind === 'id' ? image.digest : showImageName(image);
}

function showFile(
  { kind, path, digest }: OciLayoutReference | OciArchiveReference | DockerArchiveReference,
  name: string | undefined,
): string {
  return `${kind}:${path}${name === undefined ? '' : `:${name}`}${digest === undefined ? '' : `@${digest}`}`;
}

function parsePathAndTag(rest: string, text: string): Pick<OciLayoutReference, 'path' | 'tag' | 'digest'> {
  const { name, ...place } = splitPath(rest, text);
  if (name === undefined) return place;
  if (isOciTag(name)) return { ...place, tag: name };
  throw badReference(
    text,
    `${JSON.stringify(name)} cannot name an image in an OCI layout`,
    'use letters and digits with single separators (. _ : @ + - /) between them',
  );
}

function parseDockerArchive(rest: string, text: string): DockerArchiveReference {
  const { name, ...place } = splitPath(rest, text);
  return { kind: 'docker-archive', ...place, ...(name !== undefined && { name: parseImageName(name) }) };
}

function parseRegistry(rest: string, text: string): RegistryReference {
  if (rest.startsWith('//')) return { kind: 'registry', name: parseImageName(rest.slice(2)) };
  throw badReference(text, 'expected docker://NAME', `write docker://${rest}`);
}

interface PlaceInFile {
  readonly path: string;
  readonly name?: string;
  readonly digest?: Digest;
}

function splitPath(whole: string, text: string): PlaceInFile {
  const at = whole.search(/@sha[0-9]+:/);
  const rest = at < 0 ? whole : whole.slice(0, at);
  const digest = at < 0 ? undefined : whole.slice(at + 1);
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '')
    throw badReference(text, 'there is no path after the transport', 'write TRANSPORT:PATH[:TAG]');
  if (path.includes('\0')) throw badReference(text, 'the path holds a NUL byte', 'give a path without it');
  if (name === '') {
    throw badReference(text, 'there is nothing after the last colon', 'leave the colon out, or give a tag');
  }
  if (digest === undefined) return { path, ...(name !== undefined && { name }) };
  if (isDigest(digest)) return { path, ...(name !== undefined && { name }), digest };
  throw badReference(
    text,
    `expected a digest of the form sha256: and 64 hex digits, got ${JSON.stringify(digest)}`,
    'copy the whole digest as gsc, skopeo or docker prints it',
  );
}

function badReference(text: string, message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject: `image reference ${JSON.stringify(text)}`, message, hint });
}
