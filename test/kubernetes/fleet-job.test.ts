import { Job } from 'kubernetes-models/batch/v1';
import { ConfigMap } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../../src/cli/terminal/failure.ts';
import { type FleetJob, fleetManifests } from '../../src/kubernetes/fleet-job.ts';

const job: FleetJob = {
  ...{ name: 'gsc-fleet', namespace: undefined, workerImage: 'registry.example/gsc:1' },
  ...{ count: 7, jobs: 4, retries: 2 },
  files: [
    { name: 'images.yaml', content: Buffer.from('images: [docker://r/a:1]\n') },
    { name: 'file-0-ca.der', content: Buffer.from([0x30, 0x82, 0xff]) },
  ],
  words: ['--results', 'docker://r/cache'],
  secrets: { key: undefined, cache: undefined, registry: undefined },
};
const full = { ...job, namespace: 'build', secrets: { key: 'k', cache: 'c', registry: 'r' } };

interface Written {
  readonly configMap: Record<string, never>;
  // biome-ignore lint/suspicious/noExplicitAny: a document of many parts, looked into here and there
  readonly written: any;
}

/** As the schemas of Kubernetes have it: throws for what they refuse. */
function validated(order: FleetJob): Written {
  const [configMap, written] = parseAllDocuments(fleetManifests(order)).map((each) => each.toJS());
  new ConfigMap(configMap).validate();
  new Job(written).validate();
  return { configMap, written } as unknown as Written;
}

describe('the Job of a fleet', () => {
  test('has an index for each image, and tries each again by itself', () => {
    const { spec } = validated(job).written;
    expect(spec).toMatchObject({
      ...{ completionMode: 'Indexed', completions: 7, parallelism: 4, backoffLimitPerIndex: 2 },
      template: { spec: { restartPolicy: 'Never' } },
    });
    expect(spec.podFailurePolicy.rules).toEqual([
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailIndex',
        onExitCodes: { containerName: 'gsc', operator: 'In', values: [exitCodes.usage, exitCodes.lasting] },
      },
    ]);
    expect(validated({ ...job, count: 2 }).written.spec.parallelism).toBe(2);
  });

  test('runs without rights', () => {
    const { spec } = validated(full).written.spec.template;
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(spec.containers[0].securityContext).toEqual({
      ...{ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
      capabilities: { drop: ['ALL'] },
    });
  });

  test('mounts each volume that it has, and no other', () => {
    for (const order of [job, full]) {
      const { volumes, containers } = validated(order).written.spec.template.spec;
      const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);
      expect(names(containers[0].volumeMounts)).toEqual(names(volumes));
      expect(names(volumes)).toHaveLength(order === full ? 5 : 2);
    }
  });

  test('carries texts as texts and all else in base64', () => {
    const { configMap, written } = validated(full);
    expect(configMap).toMatchObject({
      data: { 'images.yaml': 'images: [docker://r/a:1]\n' },
      binaryData: { 'file-0-ca.der': 'MIL/' },
      metadata: { namespace: 'build' },
    });
    expect(written.metadata.namespace).toBe('build');
  });

  test('names keys only where there are Secrets', () => {
    const argumentsOf = (order: FleetJob) => validated(order).written.spec.template.spec.containers[0].args;
    expect(argumentsOf(job)).not.toContain('--key');
    expect(argumentsOf(full)).toEqual(
      expect.arrayContaining(['--key', '/run/secrets/gsc-key/key.pem', '/run/secrets/gsc-cache/cache.pem']),
    );
  });
});
