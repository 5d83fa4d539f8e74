import { release } from 'node:os';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { ContainerNeeds } from '../inspect/container-needs.ts';
import type { Engine } from '../store/engine/engine.ts';
import { engineFindings } from './engine-findings.ts';
import type { Area, Finding } from './finding.ts';
import { imageFindings } from './image-findings.ts';
import { type Machine, sgxFindings } from './sgx-machine.ts';
import { userFindings } from './user-findings.ts';

export interface Examination {
  readonly host: HostEnvironment;
  readonly connect: () => Promise<Engine>;
  /** Where the user's key is by default. */
  readonly keyPath: () => string;
  /** Of the image that should run here. */
  readonly image?: { readonly name: string; readonly needs: ContainerNeeds };
  /** This machine by default. */
  readonly machine?: Machine;
}

const areas: readonly Area[] = ['building', 'signing', 'running'];

/** Everything that is there and that is missing, by area. Throws `aborted`. */
export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const { host, connect, keyPath, image, machine = { root: '/', kernelRelease: release() } } = examination;
  const found = [
    ...(await engineFindings(connect, host)),
    ...(await userFindings(host, keyPath)),
    ...(await sgxFindings(machine, image?.needs)),
    ...(image ? imageFindings(image.needs, image.name) : []),
  ];
  return areas.flatMap((area) => found.filter((finding) => finding.area === area));
}
