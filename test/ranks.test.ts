import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The folders of src/ from the ground up: nouns, verbs, faces. A file imports only from its own folder and from those below. */
const nouns = [
  'base',
  'elf',
  'json',
  'reference',
  'config',
  'image',
  'tar/codec',
  'tar',
  'tree',
  'layer',
  'scan',
  'start',
  'trust',
  'store/local',
  'store/layout',
  'store/archive',
  'store/registry',
  'store/engine',
  'store/engine/build',
  'store/cache',
  'store',
  'workspace',
  'runtime',
  'runtime/package',
  'runtime/find',
  'runtime/recipe/patches',
  'runtime/recipe',
  'manifest/toml',
  'manifest/schema',
  'manifest/files',
  'manifest/preset',
  'manifest/migrate',
  'manifest/graphene',
  'manifest',
  'profile',
  'trace',
  'enclave',
  'signature',
  'key',
  'user-manifest',
  'x509',
  'quote',
  'collateral',
  'policy',
];
const verbs = [
  'provision',
  'graminize',
  'sign',
  'inspect',
  'evidence',
  'attest',
  'verify',
  'report',
  'broker',
  'doctor',
  'run',
  'kubernetes',
];
const faces = [
  'library',
  '.',
  'cli/terminal',
  'cli/options',
  'cli/reports',
  'cli/completion',
  'cli/commands',
  'cli',
];
const ranks = [...nouns, ...verbs, ...faces];

/** What cli/ imports besides index.ts, its neighbours and base/, by the reason: each time a command that is not a library's work. */
const belowLibrary = {
  'gsc attest and gsc collateral fetch, keep and show what a quote is checked with': [
    'attest/collateral-dates.ts',
    'attest/collateral-query.ts',
    'attest/evidence.ts',
    'attest/find-collateral.ts',
    'attest/live-endpoint.ts',
    'collateral/collateral-files.ts',
    'collateral/fetch-collateral.ts',
    'collateral/service-getter.ts',
  ],
  'gsc secrets is a service': ['broker/broker.ts', 'broker/load-broker.ts'],
  'gsc config prints the settings, and where each came from': [
    'config/config-template.ts',
    'config/configuration.ts',
    'config/default-runtime-image.ts',
    'config/read-configuration.ts',
    'config/setting-table.ts',
    'provision/repository-login.ts',
    'runtime/recipe/patches/known-patches.ts',
  ],
  'gsc build-gramine builds runtimes for their own sake and names them in an Engine': [
    'provision/provide-runtime.ts',
    'provision/runtime-build-spec.ts',
    'provision/write-recipe.ts',
    'reference/image-name.ts',
    'runtime/recipe/recipe.ts',
    'runtime/version.ts',
    'store/engine/image-facts.ts',
    'store/engine/name-image.ts',
  ],
  'what a command line says of a secret is read before a key is opened': ['key/secret-file.ts'],
  'gsc trace runs a container in an Engine, as gsc build-gramine runs a build': [
    'graminize/trace-variant.ts',
    'image/graminized-paths.ts',
    'library/images.ts',
    'profile/profile.ts',
    'store/engine/engine.ts',
    'store/engine/remove-images.ts',
    'store/opened-image.ts',
    'trace/probe.ts',
    'trace/traced-run.ts',
  ],
  'gsc doctor is about this machine': ['doctor/examine.ts', 'doctor/finding.ts'],
  'gsc run starts docker or podman': ['doctor/sgx-machine.ts', 'run/container-line.ts'],
  'gsc kubernetes writes files for another program': [
    'kubernetes/change-manifest.ts',
    'kubernetes/device-plugin.ts',
    'kubernetes/new-manifest.ts',
  ],
  'what reads the key of a shared cache is loaded where there is one': ['library/shared-cache-key.ts'],
  'gsc cache lists and prunes what is kept between runs': [
    'store/cache/blob-cache.ts',
    'store/cache/cache-directory.ts',
    'store/cache/cache-file.ts',
    'store/cache/prune-cache.ts',
    'workspace/scan-cache.ts',
  ],
  'gsc build knows a build, and gsc info-image an image, before it is read': [
    'inspect/inspect-glance.ts',
    'library/open-runtime.ts',
    'provision/open-runtime.ts',
    'workspace/known-builds.ts',
  ],
  'gsc report and gsc build write a page about an image that was read': [
    'report/image-report.ts',
    'report/page.ts',
    'verify/graminized-image.ts',
    'verify/observed-contents.ts',
  ],
  'gsc completion asks Engines and layouts for names, and shall not wait for an answer': [
    'store/engine/find-engine.ts',
    'store/layout/oci-image.ts',
    'store/local/directory-files.ts',
  ],
  'words of options become values, and values words of reports': [
    'image/descriptor.ts',
    'image/select-platform.ts',
    'manifest/merge.ts',
    'manifest/option-manifest.ts',
    'manifest/schema/size.ts',
    'runtime/launch.ts',
    'x509/certificate-file.ts',
  ],
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();
const imports = new Map(files.map((file) => [file, relativeImports(file)]));

describe('folder ranks', () => {
  test('every folder of src has a rank, and every rank a folder', () => {
    expect([...new Set(files.map(dirname))].sort()).toEqual([...ranks].sort());
  });

  test.each(files)('%s imports only from its own folder and lower ones', (file) => {
    const own = ranks.indexOf(dirname(file));
    for (const target of importsOf(file)) {
      expect(ranks.indexOf(dirname(target)), `${file} imports ${target}`).toBeLessThanOrEqual(own);
    }
  });

  test('no two files import each other in a loop', () => {
    expect(circles()).toEqual([]);
  });

  test('store knows nothing of trees, scans, runtimes, manifests and enclaves, nor they of it', () => {
    const isStore = (file: string) => /^store\//.test(file);
    const isOther = (file: string) =>
      /^(?:tree|layer|scan|start|trust|runtime|manifest|enclave|signature)\//.test(file);
    for (const file of files) {
      for (const target of importsOf(file)) {
        expect(isStore(file) && isOther(target), `${file} imports ${target}`).toBe(false);
        expect(isOther(file) && isStore(target), `${file} imports ${target}`).toBe(false);
      }
    }
  });

  test('the command line stands on the library, but for what a library has no use for', () => {
    const used = new Set(
      files
        .filter((file) => file.startsWith('cli/'))
        .flatMap((file) => importsOf(file).filter(isBelowLibrary)),
    );
    expect([...used].sort()).toEqual(Object.values(belowLibrary).flat().sort());
  });

  test('only the faces print, exit or read the environment', () => {
    const forbidden = /process\.(exit|env|stdout|stderr|argv|cwd)|console\./;
    for (const file of files.filter((name) => !/^(?:cli\/|library\/)/.test(name))) {
      expect(forbidden.exec(readFileSync(join('src', file), 'utf8'))?.[0], file).toBeUndefined();
    }
  });
});

function isBelowLibrary(file: string): boolean {
  return !/^(?:cli|base)\/|^(?:index|attest|tools|parts)\.ts$/.test(file);
}

function importsOf(file: string): readonly string[] {
  return imports.get(file) ?? [];
}

function relativeImports(file: string): readonly string[] {
  const text = readFileSync(join('src', file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

/** Each circle of imports as the files on it, found by a walk in depth. */
function circles(): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) found.push([...way.slice(start), file].join(' -> '));
    if (start >= 0 || done.has(file)) return;
    for (const target of importsOf(file)) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
