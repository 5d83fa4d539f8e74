import type { Digest } from '../../base/digest.ts';
import type { Engine } from './engine.ts';
import { readText } from './engine-connection.ts';
import { refusalError } from './engine-error.ts';

/** Statuses of images that are gone already, or that something else is made of. Docker Engine API, ImageDelete. */
const keptStatuses = [404, 409];

/** Removes images and the nameless ones that they are made of; those that are in use stay. Throws an `engine` error. */
export async function removeImages(engine: Engine, ids: readonly Digest[]): Promise<void> {
  for (const id of ids) {
    const purpose = `remove the image ${id}`;
    const { status, body } = await engine.send({ method: 'DELETE', path: `/images/${id}`, purpose });
    const text = await readText(body);
    if (status >= 300 && !keptStatuses.includes(status)) {
      throw refusalError(engine.subject, purpose, { status, text });
    }
  }
}
