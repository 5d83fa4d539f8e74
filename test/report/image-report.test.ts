import { describe, expect, test } from 'vitest';
import { assembleImage } from '../../src/image/append.ts';
import { labels } from '../../src/image/labels.ts';
import { type ImageReport, imageReport, type ManifestReport } from '../../src/report/image-report.ts';
import { readGraminizedImage } from '../../src/verify/graminized-image.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';
import { reportOf } from '../support/report/reported.ts';

const docs = Array.from({ length: 30 }, (_, i) => [`usr/share/doc/d${i}`, 'text'] as const);

async function manifestOf(app: Parameters<typeof reportOf>[0]): Promise<ManifestReport> {
  const { manifest } = await reportOf(app);
  if (manifest.value === undefined) throw new Error(manifest.problem);
  return manifest.value;
}

const placesIn = ({ data }: ManifestReport, kind: string) =>
  data.flows.filter((flow) => flow.kind === kind).map(({ place }) => place);

describe('a report says what runs', () => {
  test('with arguments, user, directory and environment, as the manifest has them', async () => {
    const { program } = await manifestOf({
      run: {
        Cmd: ['/app', 'one', 'two words'],
        User: '5:6',
        WorkingDir: '/srv',
        Env: ['B=2', 'A=one\ntwo'],
        ExposedPorts: { '8080/tcp': {}, '443/tcp': {} },
      },
    });
    expect(program).toMatchObject({
      program: '/app',
      argv: ['/app', 'one', 'two words'],
      arguments: 'manifest',
      user: 'uid 5, gid 6 (USER 5:6)',
      directory: '/srv',
      container: { user: '5:6', ports: ['443/tcp', '8080/tcp'] },
    });
    expect(program.environment).toContainEqual({ name: 'A', value: 'one\ntwo', origin: 'manifest' });
    const names = program.environment.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
  });

  test('arguments and variables from the host are those of the host', async () => {
    const { program, insecure } = await manifestOf({
      insecureArguments: true,
      choices: {
        ...{ volumes: [], secrets: [], files: [] },
        environment: [{ kind: 'passthrough', name: 'TOKEN' }],
      },
    });
    expect(program.arguments).toBe('host');
    expect(program.environment).toContainEqual({ name: 'TOKEN', value: '', origin: 'host' });
    expect(insecure.map(({ key }) => key)).toEqual([
      'loader.insecure__use_cmdline_argv',
      'loader.env.TOKEN.passthrough',
    ]);
  });

  test('a file with the arguments, and an environment that is open', async () => {
    const { program } = await manifestOf({
      entries: [['args', 'x\0y\0']],
      manifest: 'loader.argv_src_file = "file:/args"\nloader.insecure__use_host_env = true\n',
    });
    expect([program.arguments, program.argv]).toEqual(['file', ['file:/args']]);
    expect(program.moreEnvironment).toEqual(['All other variables are those of the host.']);
  });
});

describe('a report says where data come from and go to', () => {
  test('from what is checked to what the host may change', async () => {
    const report = await manifestOf({
      run: { Volumes: { '/undecided': {}, '/data': {} } },
      manifest: `
        sgx.allowed_files = ["file:/shared/"]
        sgx.remote_attestation = "dcap"
        loader.env.SECRET_PROVISION_SERVERS = "broker:4433"
        [[fs.mounts]]
        type = "encrypted"
        path = "/data"
        uri = "file:/data"
        key_name = "_sgx_mrsigner"
        [[fs.mounts]]
        type = "encrypted"
        path = "/vault"
        uri = "file:/vault"
      `,
    });
    expect(placesIn(report, 'checked')).toEqual(['/', '/etc/resolv.conf']);
    expect(placesIn(report, 'memory')).toEqual(expect.arrayContaining(['/run', '/tmp', '/var/tmp']));
    expect(placesIn(report, 'encrypted')).toEqual(['/data', '/vault']);
    expect(placesIn(report, 'attested')).toEqual(['/dev/attestation', 'broker:4433']);
    expect(placesIn(report, 'host')).toEqual([
      ...['/shared/', 'standard input, output and error', 'network', '/undecided'],
    ]);
    const [data, vault] = report.data.flows.filter(({ kind }) => kind === 'encrypted');
    expect(data?.meaning).toContain('this signer');
    expect(vault?.meaning).toContain('"default"');
  });

  test('a secret is one, and a directory link another name', async () => {
    const report = await manifestOf({
      entries: [
        ...Array.from({ length: 12 }, (_, i) => [`usr/lib/l${i}`, 'x'] as const),
        ['lib', { link: 'usr/lib' }],
      ],
      choices: {
        ...{ volumes: [], environment: [], files: [] },
        secrets: [{ name: 'token', path: '/run/secrets/token' as never }],
      },
    });
    const secret = report.data.flows.find(({ place }) => place === '/run/secrets/token');
    expect(secret).toMatchObject({ kind: 'host', meaning: expect.stringMatching(/^a secret/) });
    expect(report.data.aliases).toContainEqual({ place: '/lib', shows: '/usr/lib' });
  });
});

describe('a report says what was left out', () => {
  test('by which rule, with how much', async () => {
    const { selection, files } = await manifestOf({
      entries: [
        ['var/log/x', '12345'],
        ['etc/shadow', 'secret'],
        ['srv/keep', 'k'],
        ['srv/drop', 'gone'],
      ],
      exclude: ['/srv/drop'],
    });
    expect(selection).toMatchObject({ level: 'full', isNoted: true });
    expect(selection.leftOut).toEqual([
      { rule: '/etc/shadow*', reason: expect.any(String), count: 1, sizeBytes: 6 },
      { rule: '/var', reason: expect.any(String), count: 1, sizeBytes: 5 },
      { rule: '--exclude /srv/drop', reason: expect.any(String), count: 1, sizeBytes: 4 },
    ]);
    expect(files.sums['left-out']).toEqual({ count: 3, sizeBytes: 15 });
  });

  test('by the level, in one line a reason; and by a mount that hides it', async () => {
    const { selection } = await manifestOf({
      entries: [...docs, ['tmp/left', 'xyz']],
      trustLevel: 'lean',
    });
    expect(selection.leftOut).toContainEqual({
      rule: '--trust-level lean',
      reason: expect.stringContaining('documentation'),
      ...{ count: 30, sizeBytes: 120 },
    });
    expect(selection.leftOut).toContainEqual({
      rule: '/tmp',
      reason: expect.stringContaining('tmpfs'),
      ...{ count: 1, sizeBytes: 3 },
    });
  });

  test('by a profile', async () => {
    const profile = { profile: { comments: [], entries: [] }, subject: 'profile' } as never;
    const { selection } = await manifestOf({ entries: docs, profile });
    expect(selection.level).toBe('traced');
    expect(selection.leftOut).toEqual([expect.objectContaining({ rule: 'profile', count: 31 })]);
    expect(selection.levels.map(({ level, isOwn }) => [level, isOwn])).toEqual([
      ['full', false],
      ['lean', false],
      ['traced', true],
    ]);
  });

  test('by the default rules, where the image has not noted how it was built', async () => {
    const app = await appImage([[staticProgram(), ['var/x', 'x'], ['srv/drop', 'gone']]], { Cmd: ['/app'] });
    const { image } = await graminizeApp(app, { exclude: ['/srv/drop'] });
    const { [labels.build]: _, ...others } = image.config.config?.Labels ?? {};
    const config = { ...image.config, config: { ...image.config.config, Labels: others } };
    const unnoted = assembleImage({ name: 'unnoted', config, layers: image.layers, isDocker: false });
    const report = await imageReport(await readGraminizedImage(unnoted));
    expect(report.manifest.value?.selection).toMatchObject({
      isNoted: false,
      leftOut: [{ rule: 'manifest' }, { rule: '/var' }],
    });
    expect(report.layers.map(({ role }) => role)).toEqual(['app image', 'runtime', 'manifest and loader']);
  });
});

describe('the levels of trust in a report', () => {
  test.each(['full', 'lean'] as const)('are those of the build, of an image at %s', async (trustLevel) => {
    const app = await appImage([[staticProgram(), ...docs, ['srv/a', 'a']]], { Cmd: ['/app'] });
    const { image, startCosts } = await graminizeApp(app, { trustLevel });
    const { manifest } = await imageReport(await readGraminizedImage(image));
    const counted = manifest.value?.selection.levels.map(({ level, trustedFileCount: count, isOwn }) => {
      return [level, count, isOwn];
    });
    expect(counted).toEqual([
      ['full', startCosts.full.trustedFileCount, trustLevel === 'full'],
      ['lean', startCosts.lean.trustedFileCount, trustLevel === 'lean'],
    ]);
    expect(startCosts.full.trustedFileCount - startCosts.lean.trustedFileCount).toBe(30);
  });
});

describe('the address space in a report', () => {
  const spaceOf = ({ enclave }: ImageReport) => {
    if (enclave.value === undefined) throw new Error(enclave.problem);
    return enclave.value;
  };

  test('has no hole, and one range a kind of area', async () => {
    const { space, sizeBytes, threadCount } = spaceOf(
      await reportOf({ manifest: 'sgx.enclave_size = "512M"\nsgx.max_threads = 8\n' }),
    );
    expect([sizeBytes, threadCount]).toEqual([512 << 20, 8]);
    expect(space.ranges[0]?.start).toBe(space.start);
    expect(space.ranges.at(-1)?.end).toBe(space.end);
    for (const [index, { start }] of space.ranges.entries())
      if (index > 0) expect(start).toBe(space.ranges[index - 1]?.end);
    expect(space.ranges.reduce((sum, range) => sum + range.sizeBytes, 0)).toBe(512 << 20);
    const find = (kind: string) => space.ranges.filter((range) => range.kind === kind);
    expect(find('stack')).toMatchObject([{ areaCount: 8, measured: 'content', permissions: 'RW-' }]);
    expect(find('free')).toMatchObject([{ measured: 'presence', permissions: 'RWX' }]);
    expect(find('manifest')).toMatchObject([{ measured: 'content', permissions: 'R--' }]);
  });

  test('with EDMM has a heap of which nothing is measured', async () => {
    const { space, hasEdmm } = spaceOf(await reportOf({ manifest: 'sgx.edmm_enable = true\n' }));
    expect(hasEdmm).toBe(true);
    expect(space.ranges.filter(({ kind }) => kind === 'heap')).toMatchObject([{ measured: 'nothing' }]);
  });
});

describe('a report on an unsigned image', () => {
  test('says so, and which MRENCLAVE it will have', async () => {
    const { isSigned, isVerified, identity, checks } = await reportOf();
    expect([isSigned, isVerified, identity.signature]).toEqual([false, false, undefined]);
    expect(identity.mrEnclave).toMatch(/^[0-9a-f]{64}$/);
    const failed = checks.flatMap((table) => table.checks).filter(({ result }) => result === 'failed');
    expect(failed.map(({ name }) => name)).toEqual(['sigstruct']);
  });

  test('lists the files of the runtime once', async () => {
    const { runtime, checks } = await reportOf();
    expect(runtime.files.map(({ path }) => path)).toContain('/gramine/runtime/libsysdb.so');
    const check = checks.flatMap((table) => table.checks).find(({ name }) => name === 'runtime');
    expect(check?.lines).toBeUndefined();
    expect(check?.detail).not.toContain('its files:');
  });

  test('judges no age, whatever the day', async () => {
    const { checks } = await reportOf();
    const age = checks.flatMap((table) => table.checks).find(({ name }) => name === 'policy-age');
    expect(age?.result).toBe('not-checked');
  });
});
