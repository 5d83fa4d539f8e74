import { listOf, mapOf, object, required, text } from '../../json/shape.ts';
import { ownIdentity, type ProcessIdentity, processStatus } from '../local/process-identity.ts';
import type { Engine } from './engine.ts';

/** On each container that gsc makes: the process that removes it. */
const ownerLabel = 'gsc.owner';

const listShape = listOf(object({ Id: required(text), Labels: mapOf(text) }));

/** The labels of a container that this process makes. */
export async function ownerLabels(): Promise<Readonly<Record<string, string>>> {
  const { space, pid, startTicks } = await ownIdentity();
  return { [ownerLabel]: `${space}:${pid}:${startTicks}` };
}

/**
 * Removes the containers of runs of gsc on this machine that were killed before they could do so. Those of other machines stay:
 * nobody here knows whether their run has ended. Throws an `engine` error.
 */
export async function removeOrphans(engine: Engine): Promise<void> {
  const query = new URLSearchParams({ all: '1', filters: JSON.stringify({ label: [ownerLabel] }) });
  const purpose = 'list the containers';
  const listed = await engine.ask({ method: 'GET', path: `/containers/json?${query}`, purpose }, listShape);
  for (const { Id: id, Labels: labels } of listed ?? []) {
    const owner = parseOwner(labels?.[ownerLabel] ?? '');
    if (owner && (await processStatus(owner)) === 'dead') await removeOrphan(engine, id);
  }
}

/** Another run may be removing it at this moment; a later one tries again if the Engine cannot. */
async function removeOrphan(engine: Engine, id: string): Promise<void> {
  const path = `/containers/${id}?force=1&v=1`;
  const { body } = await engine.send({ method: 'DELETE', path, purpose: `remove the container ${id}` });
  for await (const _ of body);
}

function parseOwner(label: string): ProcessIdentity | undefined {
  const [, space, pid, startTicks] = /^([0-9a-f]{8}):(\d{1,10}):(\d{1,20})$/.exec(label) ?? [];
  if (space === undefined) return undefined;
  return { space, pid: Number(pid), startTicks: Number(startTicks) };
}
