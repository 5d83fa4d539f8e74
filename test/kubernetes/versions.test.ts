import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { imagePath } from '../../src/base/image-path.ts';
import type { ContainerNeeds } from '../../src/inspect/container-needs.ts';
import { changeManifest } from '../../src/kubernetes/change-manifest.ts';
import { devicePlugins } from '../../src/kubernetes/device-plugin.ts';
import { fleetManifests } from '../../src/kubernetes/fleet-job.ts';
import { manifestKinds, newManifest } from '../../src/kubernetes/new-manifest.ts';
import { hostNeeds } from '../../src/runtime/app-launch.ts';
import { launchArguments } from '../../src/runtime/launch.ts';
import { longTest } from '../support/long-test.ts';
import { testWithTool } from '../support/tool.ts';

/** Releases of Kubernetes, as `kubernetes-types` has their API; between them those that are in use. */
const releases = ['1.21', '1.25', '1.30'] as const;
const modules: Readonly<Record<string, string>> = {
  Pod: 'core/v1',
  ConfigMap: 'core/v1',
  PersistentVolumeClaim: 'core/v1',
  Deployment: 'apps/v1',
  Job: 'batch/v1',
};

/** An image that needs everything: encrypted data, a secret, AESM. */
const needs: ContainerNeeds = {
  ...{ isSigned: true, isStandIn: false, mrEnclave: 'a'.repeat(64), mrSigner: 'b'.repeat(64) },
  ...{
    enclaveSizeBytes: 1n << 28n,
    makesQuotes: true,
    usesAesm: true,
    takesArguments: false,
    hasShell: true,
  },
  ...{ userId: 1000, groupId: 1000, passedVariables: [] },
  ...{ host: hostNeeds({ family: 'gramine' }), directWords: launchArguments('direct') },
  dataPlaces: [{ path: imagePath('/data'), use: 'encrypted' }],
  secrets: [{ name: 'token', path: imagePath('/run/secrets/token') }],
};

interface Resource {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Each kind of manifest for each device plugin: all resources in them. */
const resources: readonly Resource[] = manifestKinds.flatMap((kind) =>
  devicePlugins.flatMap((plugin) => {
    const change = {
      container: 'app',
      image: 'registry.example/gsc-app:1',
      epcBytes: 1n << 28n,
      usesAesm: true,
    };
    const manifest = { text: newManifest(kind, 'app', 'x'), subject: 'new' };
    const { text } = changeManifest(manifest, needs, {
      ...change,
      plugin,
    });
    return (parseAllDocuments(text) as { toJS(): Resource }[]).map((document) => document.toJS());
  }),
);

const directory = mkdtempSync(join(process.cwd(), 'node_modules/.gsc-kubernetes-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the compiler says about resources as values of a release's types: unknown fields and wrong types. */
function complaintsOf(release: string, all: readonly Resource[]): string {
  const lines = all.map(({ kind, ...rest }, index) => {
    const value = JSON.stringify({ kind, ...rest });
    return `export const r${index}: import('kubernetes-types-${release}/${modules[kind]}').${kind} = ${value};`;
  });
  const file = join(directory, `resources-${release}.ts`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  try {
    const options = [
      ...['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', ''],
      ...['--module', 'esnext', '--moduleResolution', 'bundler'],
    ];
    return execFileSync('node_modules/.bin/tsc', [...options, file], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return String((error as { stdout?: string }).stdout);
  }
}

describe('manifests', () => {
  longTest(`are what Kubernetes ${releases.join(', ')} take, for each kind and device plugin`, () => {
    expect(resources.length).toBeGreaterThan(8);
    for (const release of releases) expect(complaintsOf(release, resources), release).toBe('');
  });

  longTest('of a fleet are what Kubernetes takes since it has indexes that fail by themselves', () => {
    const order = {
      ...{
        name: 'fleet',
        namespace: 'build',
        workerImage: 'registry.example/gsc:1',
        count: 3,
        jobs: 2,
        retries: 2,
      },
      files: [{ name: 'images.yaml', content: Buffer.from('images: [docker://r/a:1]\n') }],
      words: ['--results', 'docker://r/cache'],
      secrets: { key: 'k', cache: 'c', registry: 'r' },
    };
    const all = parseAllDocuments(fleetManifests(order)).map((each) => each.toJS() as Resource);
    expect(all.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Job']);
    expect(complaintsOf('1.30', all)).toBe('');
    expect(complaintsOf('1.25', all)).not.toBe('');
  });

  longTest('with an unknown field or a wrong type are not', () => {
    const [pod] = resources.filter(({ kind }) => kind === 'Pod');
    for (const release of releases) {
      expect(complaintsOf(release, [{ ...pod, kind: 'Pod', spec: { containers: [], nonsense: 1 } }])).toMatch(
        /nonsense/,
      );
      expect(complaintsOf(release, [{ ...pod, kind: 'Pod', spec: { containers: 1 } }])).toMatch(
        /not assignable/,
      );
    }
  });

  // With --local it asks no server, decodes into its own types, and writes what it knows.
  testWithTool('kubectl', 'are read by kubectl --dry-run=client, which knows each field', () => {
    const workloads = resources.filter(({ kind }) => kind !== 'PersistentVolumeClaim');
    for (const resource of workloads) {
      const words = [
        'set',
        'env',
        '--local',
        '--dry-run=client',
        '--filename=-',
        '--output=json',
        'GSC_TEST=1',
      ];
      const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: '/dev/null' };
      const known = execFileSync('kubectl', words, {
        input: JSON.stringify(resource),
        encoding: 'utf8',
        env,
      });
      expect(JSON.parse(known)).toMatchObject(resource);
    }
  });
});
