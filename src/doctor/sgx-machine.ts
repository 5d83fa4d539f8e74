import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { aesmSocket, gramineHostNeeds } from '../runtime/launch.ts';
import type { HostDevice, HostNeeds } from '../runtime/launch-order.ts';
import type { Finding } from './finding.ts';

/** A machine, as its kernel shows it. */
export interface Machine {
  /** `/`, or a directory that stands for it. */
  readonly root: string;
  /** As `uname -r` prints it. */
  readonly kernelRelease: string;
}

/** What the image demands that should run there. */
export interface SgxDemands {
  /** Gramine's by default. */
  readonly host?: HostNeeds;
  readonly usesAesm: boolean;
  readonly enclaveSizeBytes: bigint;
}

/** The first kernel with an SGX driver. Linux 5.11 release notes. */
const firstKernel = [5, 11] as const;

/** What a machine has for running enclaves. Without demands AESM is optional. */
export async function sgxFindings(machine: Machine, demands?: SgxDemands): Promise<readonly Finding[]> {
  const host = demands?.host ?? gramineHostNeeds;
  return [
    await processorFinding(machine, host),
    ...(host.isKernelsDriver ? [kernelFinding(machine)] : []),
    ...(await Promise.all(host.devices.map((device) => deviceFinding(machine, device)))),
    await epcFinding(machine, demands),
    await aesmFinding(machine, demands),
  ];
}

/** The path by which a machine has a device; undefined if it lacks it. */
async function pathOfDevice(
  { root }: Pick<Machine, 'root'>,
  { paths }: HostDevice,
): Promise<string | undefined> {
  for (const path of paths) if (await exists(join(root, path))) return path;
  return undefined;
}

/**
 * The devices that a container is given: those of this machine, without what its kernel makes unnecessary. A machine that has none
 * gets their usual names, for a command line that is to run on another one.
 */
export async function devicesFor(machine: Machine, { devices }: HostNeeds): Promise<readonly string[]> {
  const found = await Promise.all(devices.map((device) => pathOfDevice(machine, device)));
  const isOther = found.every((path) => path === undefined);
  return devices.flatMap((device, index) => {
    const isLeftOut = !isOther && isDispensable(machine, device);
    return found[index] ?? (isLeftOut ? [] : device.paths.slice(0, 1));
  });
}

/** The device that enclaves need and a machine lacks; undefined if it has all. */
export async function missingDevice(
  machine: Machine,
  { devices }: HostNeeds,
): Promise<HostDevice | undefined> {
  for (const device of devices) {
    if (!isDispensable(machine, device) && (await pathOfDevice(machine, device)) === undefined) return device;
  }
  return undefined;
}

/** True if enclaves start without a device on this kernel. */
function isDispensable(
  { kernelRelease }: Pick<Machine, 'kernelRelease'>,
  { neededUntil }: HostDevice,
): boolean {
  return neededUntil !== undefined && isAtLeast(kernelRelease, neededUntil);
}

async function processorFinding({ root }: Machine, { needsLaunchControl }: HostNeeds): Promise<Finding> {
  const text = await readText(join(root, 'proc/cpuinfo'));
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  const model = /^model name\s*:\s*(.*)$/m.exec(text)?.[1] ?? 'an unknown processor';
  const about = { area: 'running', name: 'processor' } as const;
  if (!flags.includes('sgx')) {
    const advice =
      'use a machine with SGX and enable it in its firmware; to try an image without protection, gsc run --direct';
    return { ...about, state: 'missing', found: `${model}: the flag sgx is not in /proc/cpuinfo`, advice };
  }
  if (!needsLaunchControl) return { ...about, state: 'present', found: `${model}, SGX` };
  if (flags.includes('sgx_lc'))
    return { ...about, state: 'present', found: `${model}, SGX with flexible launch control` };
  const advice = 'enable flexible launch control in the firmware (SGX Launch Control: unlocked)';
  return { ...about, state: 'missing', found: `${model}, SGX without flexible launch control`, advice };
}

function kernelFinding({ kernelRelease }: Machine): Finding {
  const about = { area: 'running', name: 'kernel' } as const;
  if (isAtLeast(kernelRelease, firstKernel))
    return { ...about, state: 'present', found: `Linux ${kernelRelease}` };
  return {
    ...about,
    state: 'missing',
    found: `Linux ${kernelRelease}, which has no SGX driver`,
    advice: `boot Linux ${firstKernel.join('.')} or newer`,
  };
}

function isAtLeast(kernelRelease: string, [major, minor]: readonly [number, number]): boolean {
  const [, gotMajor = '0', gotMinor = '0'] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  return Number(gotMajor) > major || (Number(gotMajor) === major && Number(gotMinor) >= minor);
}

async function deviceFinding(machine: Machine, wanted: HostDevice): Promise<Finding> {
  const { paths, advice } = wanted;
  const about = { area: 'running', name: 'sgx device' } as const;
  const device = await pathOfDevice(machine, wanted);
  if (device === undefined) {
    const found = `${paths.length > 1 ? `${paths.slice(0, -1).join(', ')} and ${paths.at(-1)} do` : `${paths[0]} does`} not exist`;
    if (!isDispensable(machine, wanted)) return { ...about, state: 'missing', found, advice };
    return {
      ...about,
      state: 'present',
      found: `${found}, and Linux ${machine.kernelRelease} does without it`,
    };
  }
  if (await isUsable(join(machine.root, device))) return { ...about, state: 'present', found: device };
  return {
    ...about,
    state: 'optional',
    found: `${device}: this user may not open it; an Engine that runs as root may`,
    advice: `let the user open it, as with: sudo usermod -aG sgx $USER`,
  };
}

/** Linux, Documentation/ABI/stable/sysfs-devices-node: `sgx_total_bytes` of each node. */
async function epcFinding({ root }: Machine, demands: SgxDemands | undefined): Promise<Finding> {
  const nodes = join(root, 'sys/devices/system/node');
  const names = (await readdir(nodes).catch(() => [])).filter((name) => /^node\d+$/.test(name));
  const texts = await Promise.all(names.map((name) => readText(join(nodes, name, 'x86/sgx_total_bytes'))));
  const sizes = texts.map((text) => text.trim()).filter((text) => /^\d+$/.test(text));
  const total = sizes.reduce((sum, text) => sum + BigInt(text), 0n);
  const about = { area: 'running', name: 'epc' } as const;
  if (total === 0n) {
    const advice = 'read it with: dmesg | grep -i "sgx: EPC section"';
    return { ...about, state: 'optional', found: 'the kernel does not show the size of the EPC', advice };
  }
  const found = `${showMebibytes(total)} of enclave memory`;
  const wanted = demands?.enclaveSizeBytes ?? 0n;
  if (wanted <= total) return { ...about, state: 'present', found };
  const advice =
    'build with a smaller sgx.enclave_size, or give the EPC more memory in the firmware: what does not fit is paged, slowly';
  return {
    ...about,
    state: 'optional',
    found: `${found}, and the enclave has ${showMebibytes(wanted)}`,
    advice,
  };
}

async function aesmFinding({ root }: Machine, demands: SgxDemands | undefined): Promise<Finding> {
  const about = { area: 'running', name: 'aesm' } as const;
  if (await isSocket(join(root, aesmSocket))) return { ...about, state: 'present', found: aesmSocket };
  const { use, plugin } = (demands?.host ?? gramineHostNeeds).aesm;
  return {
    ...about,
    state: demands?.usesAesm ? 'missing' : 'optional',
    found: `${aesmSocket} does not exist${demands?.usesAesm ? `, and the image needs it for ${use}` : ': there are no quotes without it'}`,
    advice: `install and start AESM: apt install sgx-aesm-service ${plugin}, from the repository of Intel`,
  };
}

function showMebibytes(bytes: bigint): string {
  return `${bytes / (1n << 20n)} MiB`;
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isSocket(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isSocket() === true;
}

function isUsable(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}
