import { type Digest, isDigest } from '../base/digest.ts';
import {
  anything,
  exactly,
  flag,
  listOf,
  mapOf,
  object,
  required,
  text,
  textLike,
  type ValueOf,
} from '../json/shape.ts';
import { readImageJson } from './image-json.ts';

/** A digest that gsc can compute. */
export const digestShape = textLike<Digest>('sha256: and 64 hex digits', isDigest);

/**
 * Docker's and OCI's keys of a run configuration. Those that gsc has no use for stand here so that they are written in
 * their proper case, once. moby, api/types/container/config.go; OCI image-spec, config.md.
 */
const runConfigShape = object({
  User: text,
  Env: listOf(text),
  Entrypoint: listOf(text),
  Cmd: listOf(text),
  WorkingDir: text,
  Volumes: mapOf(anything),
  ExposedPorts: mapOf(anything),
  Labels: mapOf(text),
  StopSignal: text,
  Healthcheck: object({
    Test: listOf(text),
    Interval: anything,
    Timeout: anything,
    StartPeriod: anything,
    StartInterval: anything,
    Retries: anything,
  }),
  Shell: listOf(text),
  ArgsEscaped: anything,
  AttachStderr: anything,
  AttachStdin: anything,
  AttachStdout: anything,
  CpuShares: anything,
  Domainname: anything,
  Hostname: anything,
  Image: anything,
  MacAddress: anything,
  Memory: anything,
  MemorySwap: anything,
  NetworkDisabled: anything,
  OnBuild: anything,
  OpenStdin: anything,
  StdinOnce: anything,
  StopTimeout: anything,
  Tty: anything,
});

/** moby, image/image.go; OCI image-spec, config.md. */
const imageConfigShape = object({
  os: text,
  architecture: text,
  variant: text,
  created: text,
  config: runConfigShape,
  rootfs: required(object({ type: required(exactly('layers')), diff_ids: listOf(digestShape) })),
  history: listOf(
    object({
      created: anything,
      created_by: anything,
      author: anything,
      comment: anything,
      empty_layer: flag,
    }),
  ),
  'os.version': anything,
  'os.features': anything,
  author: anything,
  comment: anything,
  container: anything,
  container_config: anything,
  docker_version: anything,
  id: anything,
  parent: anything,
  Size: anything,
});

/** How a container of the image is started. Docker leaves out, or sets to null, what is not given. */
export type RunConfig = ValueOf<typeof runConfigShape>;

/** An image's configuration, with every key that gsc does not know kept. OCI image-spec, config.md. */
export type ImageConfig = ValueOf<typeof imageConfigShape>;

/** Reads a config blob as engines do. Throws an `image` error that names `subject` if it is not one. */
export function parseImageConfig(bytes: Buffer, subject: string): ImageConfig {
  const words = { subject, what: 'image config', hint: 'build or pull the image again' };
  return readImageJson(bytes, imageConfigShape, words);
}
