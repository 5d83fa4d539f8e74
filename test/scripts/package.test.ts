import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { SourceMap, type SourceMapping } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProcess } from '../support/cli/gsc.ts';
import { runTool } from '../support/images/run-tool.ts';
import { longTest } from '../support/long-test.ts';
import { mainJob } from '../support/package/main-job.ts';
import { nodeProgram, otherNodes, type PackedGsc, packedGsc } from '../support/package/packed-gsc.ts';

/** Bytes; docs/decisions/0035-size.md says what they are made up of, `npm run bundle-report` what they are today. */
const budget = { bundle: 1_530_000, package: 670_000 };

const scratch = mkdtempSync(join(tmpdir(), 'gsc-package-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let packed: PackedGsc;
beforeAll(async () => {
  packed = await packedGsc();
});

const inDist = (name: string) => readFileSync(join(packed.directory, 'dist', name), 'utf8');

describe('what is shipped', () => {
  longTest('weighs what the decision on its size says, bundle and package', () => {
    const dist = join(packed.directory, 'dist');
    const modules = readdirSync(dist).filter((name) => /\.c?js$/.test(name));
    const bundled = modules.reduce((sum, name) => sum + statSync(join(dist, name)).size, 0);
    expect(bundled).toBeLessThan(budget.bundle);
    expect(statSync(packed.file).size).toBeLessThan(budget.package);
  });

  test('has no sources, no source maps and no address of another machine, and needs no other package', () => {
    const names = execFileSync('tar', ['-tzf', packed.file], { encoding: 'utf8' }).trim().split('\n');
    const kinds = new Set(
      names.map((name) => name.replace(/^package\/(?:dist\/)?([^/]*?)(\.\w+|\/.*)?$/, '$1')),
    );
    expect([...kinds].sort()).toEqual(
      [
        'LICENSE',
        'README',
        'THIRD-PARTY-NOTICES',
        'attest',
        'gsc',
        'gsc-bundle',
        'gsc-scan-thread',
        'index',
        'man',
        'package',
        'parts',
        'sbom.cdx',
        'tools',
        'types',
      ].sort(),
    );
    expect(names.filter((name) => /\.(?:map|node|mjs)$|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    const described = JSON.parse(readFileSync(join(packed.directory, 'package.json'), 'utf8'));
    expect(described.dependencies).toBeUndefined();
    expect(Object.keys(described.optionalDependencies)).toEqual(['pkcs11js']);
  });

  test('has types that compile without any package but those of Node', () => {
    const types = readdirSync(join(packed.directory, 'dist/types'), { recursive: true, encoding: 'utf8' });
    const files = types.filter((name) => name.endsWith('.d.ts'));
    const modules = files.flatMap((name) =>
      [...inDist(join('types', name)).matchAll(/(?:from|import\()\s*['"]([^.'"][^'"]*)['"]/g)].map(
        ([, module]) => module,
      ),
    );
    expect(modules.filter((module) => !module?.startsWith('node:'))).toEqual([]);
    expect(files.length).toBeGreaterThan(100);
  });

  test('has source maps beside it, by which a stack trace is resolved', () => {
    const file = join(packed.directory, 'out/maps/gsc-bundle.cjs.map');
    const map = new SourceMap(JSON.parse(readFileSync(file, 'utf8')));
    let found = 0;
    for (const [line, text] of inDist('gsc-bundle.cjs').split('\n').entries())
      for (const { 1: words = '', index } of text.matchAll(/"([a-z]+(?: [a-z]+){4,})"/g)) {
        const { originalSource = '', originalLine = 0 } = map.findEntry(
          line,
          index,
        ) as Partial<SourceMapping>;
        const [, source] = /^(?!.*\/node_modules\/).*\/(src\/.*)$/.exec(originalSource) ?? [];
        if (source === undefined) continue;
        expect(readFileSync(source, 'utf8').split('\n')[originalLine]).toContain(words);
        found += 1;
      }
    expect(found).toBeGreaterThan(100);
  });

  test('has a library whose errors are called what the documents call them', async () => {
    const { GscError } = await import(join(packed.directory, 'dist/index.js'));
    expect(GscError.name).toBe('GscError');
  });

  test('comes with an SBOM that CycloneDX takes: the packages in the bundle, as they are installed', async () => {
    const text = inDist('sbom.cdx.json');
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
    const { components, metadata, dependencies } = JSON.parse(text);
    const described = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(metadata.component).toMatchObject({ name: 'gsc', version: described.version });
    const found = new Map(
      components.map((each: { name: string; version: string }) => [each.name, each.version]),
    );
    for (const name of ['undici', 'yaml', 'commander', 'pako', 'valibot'])
      expect(found.get(name)).toBe(
        JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version,
      );
    for (const name of ['vitest', 'esbuild', 'pkcs11js']) expect(found.has(name)).toBe(false);
    expect(dependencies[0].dependsOn).toHaveLength(components.length);
  });

  test('comes with the licences of the packages in the bundle', () => {
    const notices = inDist('THIRD-PARTY-NOTICES.txt');
    const { components } = JSON.parse(inDist('sbom.cdx.json'));
    for (const { name, version } of components) expect(notices).toContain(`${name} ${version} (`);
    for (const holder of ['Matteo Collina', 'Eemeli Aro', 'TJ Holowaychuk', 'Vitaly Puzrin'])
      expect(notices).toContain(holder);
  });
});

describe('the installed command', () => {
  const prefix = join(scratch, 'prefix');
  const gsc = join(prefix, 'bin/gsc');
  longTest('is installed without a compiler and without scripts, with its manual pages', async () => {
    await runTool('npm', [
      'install',
      '--global',
      '--ignore-scripts',
      '--no-audit',
      '--prefix',
      prefix,
      packed.file,
    ]);
    expect(await runTool(gsc, ['--version'])).toBe(
      `${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`,
    );
    expect(readdirSync(join(prefix, 'share/man/man1'))).toContain('gsc-build.1');
  });

  longTest('does not need the native package: a failing build of it is passed over', async () => {
    const bin = join(scratch, 'few-programs');
    mkdirSync(bin);
    for (const tool of ['node', 'npm', 'sh', 'env'])
      symlinkSync((await runTool('sh', ['-c', `command -v ${tool}`])).trim(), join(bin, tool));
    const other = join(scratch, 'other-prefix');
    const words = ['install', '--global', '--no-audit', '--prefix', other, packed.file];
    await runTool(join(bin, 'npm'), words, { env: { PATH: bin, HOME: scratch } });
    expect(await runTool(join(other, 'bin/gsc'), ['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  longTest('says what a key on a token needs where the native package is missing', async () => {
    const uri = `pkcs11:token=demo;object=key?module-path=${process.execPath}`;
    const result = await runProcess([gsc, 'sign-image', 'oci:app:latest', uri], { cwd: scratch });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/pkcs11js: keys on tokens need this package, which cannot be loaded/);
    expect(result.stderr).toMatch(/hint: .*compiler/);
  });

  longTest('does the same under every Node that it supports, byte for byte', async () => {
    const expected = await mainJob([process.execPath, gsc], join(scratch, 'here'));
    expect(expected.info).toContain('mr_enclave');
    for (const version of otherNodes) {
      const node = await nodeProgram(version);
      expect(await runTool(node, ['--version'])).toBe(`v${version}\n`);
      expect(await mainJob([node, gsc], join(scratch, version))).toEqual(expected);
    }
  });
});
