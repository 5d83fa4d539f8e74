import { GscError } from '../base/error.ts';
import {
  type ImageId,
  type ImageName,
  parseImageName,
  parseImageNameOrId,
  showImageName,
} from './image-name.ts';

/** An image in an OCI layout directory. Without a tag: the only image that is there. */
export interface OciLayoutReference {
  readonly kind: 'oci';
  readonly path: string;
  readonly tag?: string;
}

/** An image in a tar of an OCI layout. */
export interface OciArchiveReference {
  readonly kind: 'oci-archive';
  readonly path: string;
  readonly tag?: string;
}

/** An image in a file that `docker save` wrote. Without a name: the only image that is there. */
export interface DockerArchiveReference {
  readonly kind: 'docker-archive';
  readonly path: string;
  readonly name?: ImageName;
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
 * Reads a reference: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`, `docker-daemon:NAME`,
 * `docker://NAME`, `containers-storage:NAME` or a bare name. As in skopeo a path ends at the first colon.
 * Throws a `usage` error.
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
      return joinPath(reference.kind, reference.path, reference.tag);
    case 'docker-archive':
      return joinPath(reference.kind, reference.path, reference.name && showImageName(reference.name));
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

function joinPath(kind: string, path: string, tag: string | undefined): string {
  return tag === undefined ? `${kind}:${path}` : `${kind}:${path}:${tag}`;
}

function parsePathAndTag(rest: string, text: string): { readonly path: string; readonly tag?: string } {
  const { path, name } = splitPath(rest, text);
  if (name === undefined) return { path };
  if (isOciTag(name)) return { path, tag: name };
  throw badReference(
    text,
    `${JSON.stringify(name)} cannot name an image in an OCI layout`,
    'use letters and digits with single separators (. _ : @ + - /) between them',
  );
}

function parseDockerArchive(rest: string, text: string): DockerArchiveReference {
  const { path, name: nameText } = splitPath(rest, text);
  if (nameText === undefined) return { kind: 'docker-archive', path };
  const name = parseImageName(nameText);
  if (name.digest === undefined) return { kind: 'docker-archive', path, name };
  throw badReference(text, 'images in a docker-archive have no digests', 'give NAME:TAG after the file');
}

function parseRegistry(rest: string, text: string): RegistryReference {
  if (rest.startsWith('//')) return { kind: 'registry', name: parseImageName(rest.slice(2)) };
  throw badReference(text, 'expected docker://NAME', `write docker://${rest}`);
}

function splitPath(rest: string, text: string): { readonly path: string; readonly name: string | undefined } {
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '')
    throw badReference(text, 'there is no path after the transport', 'write TRANSPORT:PATH[:TAG]');
  if (path.includes('\0')) throw badReference(text, 'the path holds a NUL byte', 'give a path without it');
  if (name === '') {
    throw badReference(text, 'there is nothing after the last colon', 'leave the colon out, or give a tag');
  }
  return { path, name };
}

function badReference(text: string, message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject: `image reference ${JSON.stringify(text)}`, message, hint });
}
