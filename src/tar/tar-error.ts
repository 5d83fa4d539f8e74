import { GscError } from '../base/error.ts';
import { type ByteString, showBytes } from '../base/image-path.ts';

/** Where in a tar something is wrong. */
export interface TarPlace {
  /** The tar as messages call it. */
  readonly subject: string;
  /** In the uncompressed tar, in bytes. */
  readonly offset: number;
  /** The entry's name, once it is known. */
  readonly entry?: ByteString;
}

/** The `tar` error for a fault at a place. */
export function tarError(place: TarPlace, message: string, hint?: string): GscError {
  const entry = place.entry === undefined ? '' : `, entry "${showBytes(place.entry)}"`;
  return new GscError({
    code: 'tar',
    subject: place.subject,
    message: `at byte ${place.offset}${entry}: ${message}`,
    hint: hint ?? 'the tar is damaged or made by a faulty program; pull or export the image again',
  });
}
