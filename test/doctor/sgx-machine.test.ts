import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type SgxDemands, sgxFindings } from '../../src/doctor/sgx-machine.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-machine-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let count = 0;

/** A directory that looks like a machine with these files. */
function machineWith(files: Readonly<Record<string, string>>, kernelRelease = '6.1.0-18-amd64') {
  const root = join(directory, String(++count));
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, kernelRelease };
}

const cpu = (flags: string) => ({ 'proc/cpuinfo': `model name\t: Some Xeon\nflags\t\t: fpu ${flags}\n` });
const node = (index: number, bytes: string) => ({
  [`sys/devices/system/node/node${index}/x86/sgx_total_bytes`]: `${bytes}\n`,
});

async function statesOf(
  machine: ReturnType<typeof machineWith>,
  demands?: SgxDemands,
): Promise<Readonly<Record<string, string>>> {
  const findings = await sgxFindings(machine, demands);
  for (const { state, advice } of findings) expect(advice !== undefined).toBe(state !== 'present');
  return Object.fromEntries(findings.map(({ name, state, found }) => [name, `${state}: ${found}`]));
}

describe('what a machine has for enclaves', () => {
  test('everything is there', async () => {
    const machine = machineWith({
      ...cpu('sgx sgx_lc'),
      ...node(0, '134217728'),
      ...node(1, '134217728'),
      'dev/sgx_enclave': '',
    });
    mkdirSync(join(machine.root, 'var/run/aesmd'), { recursive: true });
    const server = createServer().listen(join(machine.root, 'var/run/aesmd/aesm.socket'));
    onTestFinished(() => void server.close());
    await new Promise((done) => server.once('listening', done));
    expect(await statesOf(machine, { usesAesm: true, enclaveSizeBytes: 268435456n })).toEqual({
      processor: 'present: Some Xeon, SGX with flexible launch control',
      kernel: 'present: Linux 6.1.0-18-amd64',
      'sgx device': 'present: /dev/sgx_enclave',
      epc: 'present: 256 MiB of enclave memory',
      aesm: 'present: /var/run/aesmd/aesm.socket',
    });
  });

  test('nothing is there', async () => {
    expect(await statesOf(machineWith({}, '5.10.0'))).toEqual({
      processor: 'missing: an unknown processor: the flag sgx is not in /proc/cpuinfo',
      kernel: 'missing: Linux 5.10.0, which has no SGX driver',
      'sgx device': 'missing: /dev/sgx_enclave and /dev/sgx/enclave do not exist',
      epc: 'optional: the kernel does not show the size of the EPC',
      aesm: 'optional: /var/run/aesmd/aesm.socket does not exist: there are no quotes without it',
    });
  });

  test('without launch control no enclave of the user starts', async () => {
    expect((await statesOf(machineWith(cpu('sgx sgx1')))).processor).toBe(
      'missing: Some Xeon, SGX without flexible launch control',
    );
  });

  test('the device of the driver before the kernel’s own is one too', async () => {
    expect((await statesOf(machineWith({ 'dev/sgx/enclave': '' })))['sgx device']).toBe(
      'present: /dev/sgx/enclave',
    );
  });

  test('an image that makes quotes needs AESM; one that is larger than the EPC is slow', async () => {
    const demands = { usesAesm: true, enclaveSizeBytes: 1n << 30n };
    const states = await statesOf(machineWith(node(0, '268435456')), demands);
    expect(states.aesm).toMatch(/^missing: .* the image needs it/);
    expect(states.epc).toBe('optional: 256 MiB of enclave memory, and the enclave has 1024 MiB');
  });

  test('kernels are compared by their numbers, whatever follows', async () => {
    const kernel = async (release: string) => (await statesOf(machineWith({}, release))).kernel;
    expect(await kernel('5.9.16')).toMatch(/^missing/);
    expect(await kernel('5.11')).toMatch(/^present/);
    expect(await kernel('10.0.0-rc1')).toMatch(/^present/);
  });
});
