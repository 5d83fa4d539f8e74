import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ByteStream } from '../../image/image.ts';
import { readJson } from '../../json/read-json.ts';
import { object, text } from '../../json/shape.ts';
import type { Engine } from './engine.ts';
import { readText } from './engine-connection.ts';
import { messageOf } from './engine-error.ts';

/** What an Engine made of an archive. `said` are its own words. */
export type LoadOutcome = { readonly kind: 'loaded' } | { readonly kind: 'refused'; readonly said: string };

/** One line of the answer to a load. Docker, pkg/jsonmessage; Podman has `error` alone. */
const lineShape = object({ error: text, errorDetail: object({ message: text }) });

/**
 * Sends an image archive to an Engine (`docker load`). A refusal is an outcome, as another archive may be taken. What has
 * arrived whole is loaded, and waited for, even if the run is aborted: the caller has to know what the Engine has then. Throws
 * what the archive throws while it is read, an `engine` error if the transfer breaks, `aborted`.
 */
export async function loadArchive(engine: Engine, archive: () => ByteStream): Promise<LoadOutcome> {
  const source: { error?: unknown } = {};
  try {
    const { status, body } = await engine.send({
      method: 'POST',
      path: '/images/load?quiet=0',
      purpose: 'load the image',
      contentType: 'application/x-tar',
      body: () => noting(archive(), source),
      isTransfer: true,
      outlastsAbort: true,
    });
    if (status >= 300)
      return { kind: 'refused', said: messageOf(await readText(body)) || `status ${status}` };
    return await readAnswer(body);
  } catch (error) {
    // The transfer breaks because the archive does: that is what the user must hear of.
    throw source.error ?? error;
  }
}

/** Notes why the archive could not be read; what a broken transfer throws into the reading is not of the archive. */
async function* noting(archive: ByteStream, source: { error?: unknown }): ByteStream {
  const pieces = archive[Symbol.asyncIterator]();
  const next = async () => {
    try {
      return await pieces.next();
    } catch (error) {
      source.error = error;
      throw error;
    }
  };
  try {
    for (let piece = await next(); !piece.done; piece = await next()) yield piece.value;
  } finally {
    await pieces.return?.();
  }
}

/** Reads to the end: an Engine may complain last. */
async function readAnswer(body: ByteStream): Promise<LoadOutcome> {
  let said: string | undefined;
  for await (const line of createInterface({
    input: Readable.from(body),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    said ??= errorIn(line);
  }
  return said === undefined ? { kind: 'loaded' } : { kind: 'refused', said };
}

function errorIn(line: string): string | undefined {
  if (line.trim() === '') return undefined;
  const { value } = readJson(line, lineShape);
  return value === undefined ? line.trim() : value.errorDetail?.message || value.error || undefined;
}
