import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { digestShape } from '../../image/config.ts';
import { listOf, mapOf, number, object, required, text } from '../../json/shape.ts';
import { dockerHub } from '../../reference/docker-hub.ts';
import {
  defaultTag,
  type ImageId,
  type ImageName,
  shortIdOf,
  showFullName,
  showImageName,
  withDefaultTag,
} from '../../reference/image-name.ts';
import type { Engine } from './engine.ts';

/** What of `GET /images/NAME/json` counts; newer Engines leave out whatever is empty. Docker Engine API, ImageInspect. */
const inspectShape = object({
  Id: required(digestShape),
  RepoTags: listOf(text),
  Os: text,
  Architecture: text,
  RootFS: object({ Layers: listOf(digestShape) }),
  Config: object({ Labels: mapOf(text) }),
});

const listShape = listOf(object({ Id: required(text), RepoTags: listOf(text), Created: number }));

/** What an Engine says about an image that it has. */
export interface ImageFacts {
  /** The digest of the config; Engines that keep images in containerd give that of the manifest or the index. */
  readonly id: Digest;
  readonly names: readonly string[];
  readonly os: string;
  readonly architecture: string;
  readonly diffIds: readonly Digest[];
  readonly labels: Readonly<Record<string, string>>;
}

/** One line of an Engine's list of images. */
export interface ListedImage {
  readonly id: string;
  readonly names: readonly string[];
  /** Seconds since 1970; 0 if it does not say. */
  readonly createdSeconds: number;
}

/** A label and its value. */
export interface LabelFilter {
  readonly label: string;
  readonly value: string;
}

/** Where Podman puts names without a host; a name of Docker Hub that it pulled keeps `docker.io`. */
const podmanHost = 'localhost';

/** Docker's own host, which names leave out, and what it means by one without a folder. distribution/reference, normalize.go. */

/** The image's facts, or undefined if the Engine has no such image. Throws an `engine` error. */
export async function inspectEngineImage(
  engine: Engine,
  image: ImageName | ImageId,
): Promise<ImageFacts | undefined> {
  for (const name of namesFor(engine, image)) {
    const facts = await inspectName(engine, name);
    if (facts) return facts;
  }
  return undefined;
}

/** The facts of the image that has exactly this name. Throws an `engine` error. */
export function inspectStored(engine: Engine, stored: ImageName): Promise<ImageFacts | undefined> {
  return inspectName(engine, showFullName(stored));
}

async function inspectName(engine: Engine, name: string): Promise<ImageFacts | undefined> {
  const purpose = `inspect the image ${name}`;
  const facts = await engine.ask({ method: 'GET', path: `/images/${name}/json`, purpose }, inspectShape);
  if (!facts) return undefined;
  const { Id, RepoTags, Os, Architecture, RootFS, Config } = facts;
  return {
    id: Id,
    names: RepoTags ?? [],
    os: Os || 'linux',
    architecture: Architecture || 'amd64',
    diffIds: RootFS?.Layers ?? [],
    labels: Config?.Labels ?? {},
  };
}

/** The image's facts. Throws a `not-found` error that proposes near names if the Engine has no such image. */
export async function findImage(engine: Engine, image: ImageName | ImageId): Promise<ImageFacts> {
  const facts = await inspectEngineImage(engine, image);
  if (facts) return facts;
  const shown = shownName(image);
  throw new GscError({
    code: 'not-found',
    subject: `${engine.subject}: ${shown}`,
    message: 'there is no such image',
    hint: hintFor(engine, image, shown, await nearImageName(engine, image)),
  });
}

/** The name of an image of the Engine that the user may have meant instead. */
export async function nearImageName(engine: Engine, image: ImageName | ImageId): Promise<string | undefined> {
  const names = (await listImages(engine)).flatMap((listed) => listed.names);
  return nearName(shownName(image), names);
}

/** The facts of the newest image that has a label with this value, or undefined. Throws an `engine` error. */
export async function newestWithLabel(engine: Engine, filter: LabelFilter): Promise<ImageFacts | undefined> {
  const listed = await listImages(engine, filter);
  const [newest] = listed.toSorted((a, b) => b.createdSeconds - a.createdSeconds);
  return newest && inspectName(engine, newest.id);
}

/** All images that the Engine has, or those with a label. */
export async function listImages(engine: Engine, filter?: LabelFilter): Promise<readonly ListedImage[]> {
  const filters = filter && { label: [`${filter.label}=${filter.value}`] };
  const query = filters ? `?${new URLSearchParams({ filters: JSON.stringify(filters) })}` : '';
  const request = { method: 'GET', path: `/images/json${query}`, purpose: 'list the images' } as const;
  return ((await engine.ask(request, listShape)) ?? []).map(({ Id, RepoTags, Created }) => ({
    id: Id,
    createdSeconds: Created ?? 0,
    names: (RepoTags ?? []).filter((name) => !name.includes('<none>')),
  }));
}

/**
 * The name under which a result is stored: Podman keeps what has no host under `localhost/`, as its own build does.
 * Throws a `usage` error if the output is not a name with a tag.
 */
export function storedName(engine: Engine, image: ImageName | ImageId): ImageName {
  if (image.kind === 'id' || image.digest !== undefined) {
    throw new GscError({
      code: 'usage',
      subject: image.kind === 'id' ? image.digest : showImageName(image),
      message: 'the result cannot be stored under a digest: an Engine computes it',
      hint: 'name the result NAME:TAG',
    });
  }
  const tagged = { ...image, tag: image.tag ?? defaultTag };
  return engine.kind === 'podman' && isFamiliar(tagged) ? onThisHost(tagged) : tagged;
}

/** The names to ask for, in this order. */
function namesFor(engine: Engine, image: ImageName | ImageId): readonly string[] {
  if (image.kind === 'id') return [image.digest];
  const { kind, domain, path, digest } = image;
  // A tag beside a digest is only a note.
  const name = digest === undefined ? withDefaultTag(image) : { kind, domain, path, digest };
  const shortId = shortIdOf(image);
  return [
    ...(engine.kind === 'podman' && domain === dockerHub.domain ? [showFullName(onThisHost(name))] : []),
    showFullName(name),
    ...(shortId === undefined ? [] : [shortId]),
  ];
}

function isFamiliar({ domain, path }: ImageName): boolean {
  return domain === dockerHub.domain && path.startsWith(dockerHub.officialFolder);
}

function onThisHost(name: ImageName): ImageName {
  const path = isFamiliar(name) ? name.path.slice(dockerHub.officialFolder.length) : name.path;
  return { ...name, domain: podmanHost, path };
}

function shownName(image: ImageName | ImageId): string {
  return image.kind === 'id' ? image.digest : showImageName(withDefaultTag(image));
}

/** Compared without the hosts that users leave out; where no name is near, another tag of a repository may be. */
function nearName(wanted: string, names: readonly string[]): string | undefined {
  const byShort = new Map(
    names.map((name) => [name.replace(/^(?:localhost|docker\.io(?:\/library)?)\//, ''), name]),
  );
  const shorts = [...byShort.keys()];
  const repository = nearestName(repositoryOf(wanted), shorts.map(repositoryOf));
  const near =
    nearestName(wanted, shorts) ??
    shorts.find((short) => short.endsWith(`/${wanted}`) || repositoryOf(short) === repository);
  return near === undefined ? undefined : byShort.get(near);
}

function repositoryOf(name: string): string {
  return name.replace(/:[^:/]*$/, '');
}

function hintFor(
  engine: Engine,
  image: ImageName | ImageId,
  shown: string,
  near: string | undefined,
): string {
  if (near !== undefined) return `did you mean ${near}?`;
  const program = engine.kind === 'podman' ? 'podman' : 'docker';
  if (image.kind === 'id') return `${program} images lists the images`;
  return `pull it first (${program} pull ${shown}), or read it from its registry: docker://${shown}`;
}
