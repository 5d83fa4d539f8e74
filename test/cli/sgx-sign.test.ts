import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeRuntime } from '../support/cli/made-files.ts';
import { readVectors, type Vector } from '../support/enclave/vectors.ts';
import { skipWithoutVectors, unpackRootfs, vectors } from '../support/manifest/genuine.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
let rootfs: string;
beforeAll(async () => {
  gsc = gscInProcess();
});

describe.skipIf(skipWithoutVectors())('gsc sgx-sign, against the genuine signers', () => {
  beforeAll(() => {
    rootfs = unpackRootfs();
    return () => rmSync(dirname(rootfs), { recursive: true });
  });

  const all = skipWithoutVectors() ? [] : readVectors('gramine-');

  test.each(all.map((vector) => [`${vector.directory}/${vector.name}`, vector] as const))(
    '%s: the same .manifest.sgx and .sig',
    async (name, vector) => {
      const output = join(gsc.directory, name);
      mkdirSync(dirname(output), { recursive: true });
      const { chroot } = JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8'));
      const result = await gsc(
        [
          'sgx-sign',
          ...['--manifest', `${name}.manifest`],
          ...['--output', `${output}.manifest.sgx`],
          ...['--sigfile', `${output}.sig`],
          ...['--libpal', vector.libpal.file],
          ...['--key', 'test-key.pem'],
          ...['--date', dateOf(vector)],
          ...['--runtime-version', vector.version],
          ...(chroot === null ? [] : ['--chroot', rootfs]),
        ],
        { cwd: vectors },
      );
      expect(result).toMatchObject({ code: 0, stdout: `${vector.mrenclave}\n` });
      expect(sha256Of(`${output}.manifest.sgx`)).toBe(sha256Of(join(vectors, `${name}.manifest.sgx`)));
      expect(sha256Of(`${output}.sig`)).toBe(sha256Of(join(vectors, `${name}.sig`)));
    },
  );

  interface Probe {
    readonly name: string;
    readonly entries: readonly (string | Readonly<Record<string, string>>)[];
    readonly chroot: string | null;
    readonly ok: boolean;
    readonly result?: readonly unknown[];
  }
  const probes: readonly Probe[] = skipWithoutVectors()
    ? []
    : JSON.parse(readFileSync(join(vectors, 'trusted-file-probes.json'), 'utf8'));

  test('takes and refuses the same trusted files, with the place in the manifest', async () => {
    expect(probes.length).toBeGreaterThan(20);
    for (const [index, probe] of probes.entries()) {
      const manifest = join(gsc.directory, `probe-${index}.manifest`);
      writeFileSync(manifest, manifestWith(probe.entries));
      const options = { manifest, output: `${manifest}.sgx`, libpal: join(vectors, 'elf/standin_a.so') };
      const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, value]);
      const chroot = probe.chroot === null ? [] : ['--chroot', rootfs];
      const key = ['--key', join(vectors, 'test-key.pem')];
      const result = await gscHere(['sgx-sign', ...args, ...key, ...chroot], { workingDirectory: rootfs });
      expect(result.code === 0, `${probe.name}: ${result.stderr}`).toBe(probe.ok);
      if (!probe.ok) expect(result.stderr, probe.name).toContain(`${manifest}:`);
    }
  });
});

describe('gsc sgx-sign', () => {
  const libpal = 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so';
  const manifest = `
    libos.entrypoint = "/app"
    fs.mounts = []
    loader.entrypoint.uri = "file:runtime/usr/lib/x86_64-linux-gnu/gramine/libsysdb.so"
    sgx.edmm_enable = true
  `;
  const usual = ['sgx-sign', '-m', 'app.manifest', '-o', 'app.manifest.sgx', '-l', libpal, '-k', 'key.pem'];

  beforeAll(async () => {
    writeRuntime(join(gsc.directory, 'runtime'));
    writeFileSync(join(gsc.directory, 'app.manifest'), manifest);
    copyFileSync(await testKey(), join(gsc.directory, 'key.pem'));
  });

  test('puts the SIGSTRUCT beside the manifest, and says MRENCLAVE alone on stdout', async () => {
    const { code, stdout, stderr } = await gsc(usual);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(statSync(join(gsc.directory, 'app.sig')).size).toBe(1808);
  });

  test('takes the key from where Gramine keeps it, and the date of today', async () => {
    await gsc(['gen-private-key']);
    const withoutKey = usual.slice(0, -2);
    expect((await gsc([...withoutKey, '-s', 'today.sig'])).code).toBe(0);
    const view = await gsc(['sigstruct-view', '-v', '--output-format', 'json', 'today.sig']);
    const today = await gsc([...withoutKey, '-s', 'now.sig', '--date', 'today', '--json']);
    expect(JSON.parse(today.stdout)).toMatchObject({ mr_enclave: expect.any(String) });
    expect(JSON.parse(view.stdout).date).toMatch(/^\d{4}-\d\d-\d\d$/);
    const elsewhere = await gsc(withoutKey, { env: { XDG_CONFIG_HOME: join(gsc.directory, 'none') } });
    expect(elsewhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none/gramine/enclave-key.pem'),
    });
  });

  test.each<[string, readonly string[], number, string]>([
    ['a manifest that is missing', ['-m', 'none.manifest'], 1, 'none.manifest'],
    ['a libpal.so that is missing', ['-l', 'none.so'], 1, 'none.so'],
    ['a libpal.so that is no ELF file', ['-l', 'app.manifest'], 1, 'ELF'],
    ['a key that is none', ['-k', 'app.manifest'], 1, 'gsc gen-private-key'],
    ['a date of another form', ['-d', '1.2.2024'], 2, 'YYYY-MM-DD'],
    ['a release that is not known', ['--runtime-version', '0.9'], 2, '--runtime-version'],
    ['a directory that is missing for the output', ['-o', 'none/x'], 1, 'none/x'],
    ['one file for both outputs', ['-o', './refused.sig'], 2, '--sigfile'],
    ['a directory as output', ['-o', 'runtime'], 1, 'runtime'],
    ['a chroot that is missing', ['--chroot', 'none'], 1, 'none'],
  ])('refuses %s and writes nothing', async (_, args, code, message) => {
    const result = await gsc([...usual, '-s', 'refused.sig', ...args]);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(gsc.directory, 'refused.sig'))).toBe(false);
  });

  test('writes neither file if the enclave cannot be laid out, and leaves old ones alone', async () => {
    writeFileSync(
      join(gsc.directory, 'small.manifest'),
      manifest.replace('edmm_enable = true', 'enclave_size = "1M"'),
    );
    writeFileSync(join(gsc.directory, 'small.manifest.sgx'), 'old');
    const result = await gsc([...usual, '-m', 'small.manifest', '-o', 'small.manifest.sgx']);
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('hint: set sgx.enclave_size = "2M"'),
    });
    expect(readFileSync(join(gsc.directory, 'small.manifest.sgx'), 'utf8')).toBe('old');
    expect(existsSync(join(gsc.directory, 'small.sig'))).toBe(false);
  });

  test('writes neither file if one of them cannot be written', async () => {
    writeFileSync(join(gsc.directory, 'old.manifest.sgx'), 'old');
    const result = await gsc([...usual, '-o', 'old.manifest.sgx', '-s', 'none/x.sig']);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('none/x.sig') });
    expect(readFileSync(join(gsc.directory, 'old.manifest.sgx'), 'utf8')).toBe('old');
  });

  test('a manifest without loader.entrypoint gets the library OS beside libpal.so', async () => {
    writeFileSync(
      join(gsc.directory, 'short.manifest'),
      manifest.replace(/loader\.entrypoint\.uri.*/, 'sgx.debug = true'),
    );
    const result = await gsc([...usual, '-m', 'short.manifest', '-o', 'short.manifest.sgx']);
    expect(result.code, result.stderr).toBe(0);
    const directory = join(gsc.directory, 'runtime/usr/lib/x86_64-linux-gnu/gramine');
    const written = readFileSync(join(gsc.directory, 'short.manifest.sgx'), 'utf8');
    expect(written).toContain(`[loader.entrypoint]
uri = "file:${directory}/libsysdb.so"
sha256 = "${sha256Of(join(directory, 'libsysdb.so'))}"`);
  });

  test('demands its four files', async () => {
    for (const option of ['-m', '-o', '-l']) {
      const args = usual.filter((_, index) => usual[index] !== option && usual[index - 1] !== option);
      expect(await gsc(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(option) });
    }
  });
});

/** The day in a SIGSTRUCT by a tool that takes none: read here on its own from the bytes. */
function dateOf(vector: Vector): string {
  if (/^\d{4}-\d\d-\d\d$/.test(vector.date)) return vector.date;
  const bytes = Buffer.from(vector.sigstruct.date_bytes, 'hex');
  if (vector.version === 'v1.4') {
    const [month, day] = [bytes[2], bytes[3]].map((part) => `${part}`.padStart(2, '0'));
    return `${bytes.readUInt16LE()}-${month}-${day}`;
  }
  const [day, month, low, high] = [...bytes].map((part) => part.toString(16).padStart(2, '0'));
  return `${high}${low}-${month}-${day}`;
}

function manifestWith(entries: readonly (string | Readonly<Record<string, string>>)[]): string {
  const texts = entries.map((entry) =>
    typeof entry === 'string'
      ? JSON.stringify(entry)
      : `{ ${Object.entries(entry)
          .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
          .join(', ')} }`,
  );
  return `
    libos.entrypoint = "/app"
    loader.entrypoint = { uri = "file:/libsysdb.so", sha256 = "${'00'.repeat(32)}" }
    fs.mounts = []
    sgx.edmm_enable = true
    sgx.trusted_files = [${texts.join(', ')}]
  `;
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
