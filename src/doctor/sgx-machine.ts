import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
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
  readonly usesAesm: boolean;
  readonly enclaveSizeBytes: bigint;
}

/** The first kernel with an SGX driver. Linux 5.11 release notes. */
const firstKernel = [5, 11] as const;

/** The kernel's own driver, and the one that Intel shipped before. Gramine documentation, "Installation". */
export const enclaveDevices = ['/dev/sgx_enclave', '/dev/sgx/enclave'] as const;

/** Where Gramine connects to AESM. Gramine, pal/src/host/linux-sgx/host_platform.c. */
export const aesmDirectory = '/var/run/aesmd';
const aesmSocket = `${aesmDirectory}/aesm.socket`;

/** What a machine has for running enclaves. Without demands AESM is optional. */
export async function sgxFindings(machine: Machine, demands?: SgxDemands): Promise<readonly Finding[]> {
  return [
    await processorFinding(machine),
    kernelFinding(machine),
    await deviceFinding(machine),
    await epcFinding(machine, demands),
    await aesmFinding(machine, demands),
  ];
}

/** The first of the devices that a machine has. */
export async function enclaveDevice({ root }: Pick<Machine, 'root'>): Promise<string | undefined> {
  for (const device of enclaveDevices) if (await exists(join(root, device))) return device;
  return undefined;
}

async function processorFinding({ root }: Machine): Promise<Finding> {
  const text = await readText(join(root, 'proc/cpuinfo'));
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  const model = /^model name\s*:\s*(.*)$/m.exec(text)?.[1] ?? 'an unknown processor';
  const about = { area: 'running', name: 'processor' } as const;
  if (!flags.includes('sgx')) {
    const advice =
      'use a machine with SGX and enable it in its firmware; to try an image without protection, gsc run --direct';
    return { ...about, state: 'missing', found: `${model}: the flag sgx is not in /proc/cpuinfo`, advice };
  }
  if (flags.includes('sgx_lc'))
    return { ...about, state: 'present', found: `${model}, SGX with flexible launch control` };
  const advice = 'enable flexible launch control in the firmware (SGX Launch Control: unlocked)';
  return { ...about, state: 'missing', found: `${model}, SGX without flexible launch control`, advice };
}

function kernelFinding({ kernelRelease }: Machine): Finding {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  const isNew =
    Number(major) > firstKernel[0] || (Number(major) === firstKernel[0] && Number(minor) >= firstKernel[1]);
  const about = { area: 'running', name: 'kernel' } as const;
  if (isNew) return { ...about, state: 'present', found: `Linux ${kernelRelease}` };
  return {
    ...about,
    state: 'missing',
    found: `Linux ${kernelRelease}, which has no SGX driver`,
    advice: `boot Linux ${firstKernel.join('.')} or newer`,
  };
}

async function deviceFinding(machine: Machine): Promise<Finding> {
  const about = { area: 'running', name: 'sgx device' } as const;
  const device = await enclaveDevice(machine);
  if (device === undefined) {
    return {
      ...about,
      state: 'missing',
      found: `${enclaveDevices.join(' and ')} do not exist`,
      advice: 'enable SGX in the firmware, and look for the reason in: dmesg | grep -i sgx',
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
  return {
    ...about,
    state: demands?.usesAesm ? 'missing' : 'optional',
    found: `${aesmSocket} does not exist${demands?.usesAesm ? ', and the image needs it for quotes' : ': there are no quotes without it'}`,
    advice:
      'install and start AESM: apt install sgx-aesm-service libsgx-aesm-quote-ex-plugin, from the repository of Intel',
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
