import * as z from 'zod/mini';
import { isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { describeShape } from '../base/shape-problem.ts';
import { parseJson } from './json.ts';

const strings = z.nullish(z.array(z.string()));
const flags = z.nullish(z.record(z.string(), z.unknown()));

const runConfigSchema = z.looseObject({
  User: z.nullish(z.string()),
  Env: strings,
  Entrypoint: strings,
  Cmd: strings,
  WorkingDir: z.nullish(z.string()),
  Volumes: flags,
  ExposedPorts: flags,
  Labels: z.nullish(z.record(z.string(), z.string())),
  StopSignal: z.nullish(z.string()),
  Healthcheck: z.nullish(z.looseObject({ Test: strings })),
  Shell: strings,
});

const digest = z.string().check(z.refine((text) => isDigest(text), 'expected sha256: and 64 hex digits'));

const imageConfigSchema = z.looseObject({
  os: z.nullish(z.string()),
  architecture: z.nullish(z.string()),
  variant: z.nullish(z.string()),
  created: z.nullish(z.string()),
  config: z.nullish(runConfigSchema),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.nullish(z.array(digest)) }),
  history: z.nullish(z.array(z.looseObject({ empty_layer: z.nullish(z.boolean()) }))),
});

/** How a container of the image is started. Docker leaves out, or sets to null, what is not given. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/** An image's configuration, with every key that gsc does not know kept. OCI image-spec, config.md. */
export type ImageConfig = z.infer<typeof imageConfigSchema>;

/** Reads a config blob. Throws an `image` error that names `subject` if it is not one. */
export function parseImageConfig(bytes: Buffer, subject: string): ImageConfig {
  const parsed = imageConfigSchema.safeParse(parseJson(bytes, subject, 'image config'));
  if (parsed.success) return parsed.data;
  throw new GscError({
    code: 'image',
    subject,
    message: `not a valid image config: ${describeShape(parsed.error)}`,
    hint: 'build or pull the image again',
  });
}
