import type { Digest } from '../../base/digest.ts';
import { listOf, object, text } from '../../json/shape.ts';
import type { Engine } from './engine.ts';
import { readText } from './engine-connection.ts';
import { refusalError } from './engine-error.ts';

/** Statuses of images that are gone already, or that something else is made of. Docker Engine API, ImageDelete. */
const keptStatuses = [404, 409];

const namesShape = object({ RepoTags: listOf(text) });

/**
 * Removes images and the nameless ones that they are made of, even if the run was aborted; those that are in use stay. Throws an
 * `engine` error.
 */
export async function removeImages(engine: Engine, ids: readonly Digest[]): Promise<void> {
  for (const id of ids) {
    const purpose = `remove the image ${id}`;
    const path = `/images/${id}`;
    const { status, body } = await engine.send({ method: 'DELETE', path, purpose, outlastsAbort: true });
    const answer = await readText(body);
    if (status >= 300 && !keptStatuses.includes(status)) {
      throw refusalError(engine.subject, purpose, { status, text: answer });
    }
  }
}

/** As {@link removeImages}, without those that have got a name. */
export async function removeNameless(engine: Engine, ids: readonly Digest[]): Promise<void> {
  for (const id of ids) {
    const purpose = `look at the image ${id}`;
    const path = `/images/${id}/json`;
    const found = await engine.ask({ method: 'GET', path, purpose, outlastsAbort: true }, namesShape);
    if (found && (found.RepoTags ?? []).length === 0) await removeImages(engine, [id]);
  }
}
