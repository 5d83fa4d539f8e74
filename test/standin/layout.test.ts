import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { World } from '../support/standin/world.ts';
import { testWithTool } from '../support/tool.ts';

const out = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8' });

testWithTool('cc diff', 'sources elsewhere give the same bytes', async () => {
  const { root } = await standinRuntime();
  const elsewhere = mkdtempSync(join(tmpdir(), 'gsc-standin-'));
  try {
    cpSync('runtime-standin', join(elsewhere, 'src'), { recursive: true });
    out(join(elsewhere, 'src/build.sh'), join(elsewhere, 'out'));
    expect(out('diff', '-r', root, join(elsewhere, 'out'))).toBe('');
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

testWithTool(
  'cc readelf',
  'the direct loader is static, the SGX loader needs what the real one needs',
  async () => {
    const runtime = await standinRuntime();
    expect(out('readelf', '-lW', join(runtime.package, 'direct/loader'))).not.toContain('INTERP');
    const sgx = join(runtime.package, 'sgx/loader');
    expect(out('readelf', '-lW', sgx)).toContain(
      '[Requesting program interpreter: /lib64/ld-linux-x86-64.so.2]',
    );
    const needed = [...out('readelf', '-dW', sgx).matchAll(/NEEDED.*\[(.*)\]/g)].map((match) => match[1]);
    expect(needed.sort()).toEqual(['libc.so.6', 'libprotobuf-c.so.1']);
  },
);

testWithTool(
  'cc readelf',
  'libpal.so has several segments from address 0 on, a gap and zeroed memory',
  async () => {
    const runtime = await standinRuntime();
    const headers = out('readelf', '-lW', join(runtime.package, 'sgx/libpal.so'));
    const loads = [...headers.matchAll(/^ +LOAD +\S+ (\S+) \S+ (\S+) (\S+)/gm)].map((match) =>
      match.slice(1).map(Number),
    );
    expect(loads.length).toBeGreaterThan(2);
    expect(loads[0]?.[0]).toBe(0);
    expect(loads.some(([, fileSize = 0, memorySize = 0]) => memorySize > fileSize + 0x1000)).toBe(true);
    const pages = loads.map(([address = 0, , size = 0]) => [
      Math.floor(address / 4096),
      Math.ceil((address + size) / 4096),
    ]);
    expect(pages.some(([start = 0], index) => index > 0 && start > (pages[index - 1]?.[1] ?? 0))).toBe(true);
  },
);

testWithTool('cc readelf', 'the C library defines the version names up to GLIBC_2.40', async () => {
  const runtime = await standinRuntime();
  const versions = out('readelf', '-VW', join(runtime.package, 'runtime/glibc/libc.so.6'));
  for (const version of ['2.2.5', '2.3.4', '2.14', '2.34', '2.38', '2.40'])
    expect(versions).toContain(`GLIBC_${version}`);
  expect(versions).not.toContain('GLIBC_2.41');
});

testWithTool('cc', 'the wrappers and the files say that this is a stand-in', async () => {
  const runtime = await standinRuntime();
  for (const kind of ['direct', 'sgx']) {
    const wrapper = join(runtime.root, 'usr/bin', `gramine-${kind}`);
    expect(out(wrapper, '--version')).toBe('Gramine 1.9 (stand-in)\n');
    for (const file of ['loader', 'libpal.so']) {
      expect(out('grep', '-aciE', 'stand-in', join(runtime.package, kind, file)).trim()).not.toBe('0');
    }
  }
});

testWithTool(
  'cc busybox',
  'the SGX loader checks its files and ends with 254 without an enclave',
  async () => {
    const world = new World(await standinRuntime());
    try {
      world.write('app.manifest.sgx', 'x = 1\n');
      const sigstruct = Buffer.alloc(1808);
      Buffer.from('06000000e10000000000010000000000', 'hex').copy(sigstruct, 0);
      Buffer.from('01010000600000006000000001000000', 'hex').copy(sigstruct, 24);
      sigstruct[512] = 3;
      sigstruct.fill(0xab, 960, 992);
      world.write('app.sig', sigstruct);
      expect(world.runSgx()).toMatchObject({ code: 254, stderr: expect.stringContaining('ab'.repeat(32)) });
      for (const [damage, message] of [
        [() => sigstruct.subarray(0, 1807), '1808'],
        [() => Buffer.concat([sigstruct, Buffer.alloc(1)]), '1808'],
        [() => Buffer.from(sigstruct).fill(0, 0, 1), 'HEADER'],
        [() => Buffer.from(sigstruct).fill(0, 24, 25), 'HEADER2'],
        [() => Buffer.from(sigstruct).fill(0, 960, 992), 'ENCLAVEHASH'],
      ] as const) {
        world.write('app.sig', damage());
        expect(world.runSgx()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
      }
    } finally {
      world.remove();
    }
  },
);
