import type { ImageConfig } from './config.ts';

/** The times of an image that gsc makes. */
export interface ImageTimes {
  /** The config's `created`, RFC 3339. */
  readonly created: string;
  /** The same instant in seconds since 1970, never before that: what entries of added layers get. */
  readonly epochSeconds: number;
  /** Its day in UTC, `YYYY-MM-DD`. */
  readonly day: string;
}

/** The times that are asked for, else those of the image that the new one is made of, else 1970. */
export function imageTimes(base: ImageConfig, epochSeconds?: number): ImageTimes {
  const created = epochSeconds === undefined ? base.created : new Date(epochSeconds * 1000).toISOString();
  const milliseconds = Date.parse(created ?? '');
  if (created === undefined || created === null || Number.isNaN(milliseconds)) return imageTimes(base, 0);
  return {
    created: created.replace(/\.000Z$/, 'Z'),
    epochSeconds: Math.max(0, Math.floor(milliseconds / 1000)),
    day: new Date(milliseconds).toISOString().slice(0, 10),
  };
}
