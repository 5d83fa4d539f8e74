import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { needs, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import { runTool } from '../support/images/run-tool.ts';
import { podmanForTest } from '../support/store/engine/podman-service.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();

test('gsc kubernetes: the manifest of a signed image runs under podman kube play', async (context) => {
  needs(context, 'cc skopeo podman runc catatonit');
  const { gsc, runtime, key } = stage();
  const service = await podmanForTest(context);
  const env = { CONTAINER_HOST: `unix://${service.socket}` };
  const { reference } = await imageForTest(context, 'busybox');
  const archive = join(gsc.directory, 'busybox.tar');
  rmSync(archive, { force: true });
  await runTool('skopeo', ['copy', '--quiet', reference, `docker-archive:${archive}:localhost/busybox:1`]);
  await service.podman('load', '--quiet', '--input', archive);
  const start = [
    '--entrypoint',
    JSON.stringify(['/bin/sh', '-c', 'exec 2>&1; echo hello >/data/said; cat /data/said']),
  ];
  const build = ['build', '--runtime', runtime, '--key', key, '--volume', '/data=allowed', ...start];
  await succeeding(gsc, [...build, '-o', 'containers-storage:gsc-kube:1', 'busybox:1'], { env });
  const written = await succeeding(gsc, ['kubernetes', '--kind', 'pod', 'gsc-kube:1'], { env });
  const info = JSON.parse((await succeeding(gsc, ['info-image', '--json', 'gsc-kube:1'], { env })).stdout);
  const pod = parseDocument(written.stdout.split('---\n')[0] ?? '').toJS();
  expect(pod.metadata.annotations).toEqual({
    'gsc.mrenclave/gsc-kube': info.mr_enclave,
    'gsc.mrsigner/gsc-kube': info.mr_signer,
  });
  expect(pod.spec.containers[0].resources.limits['sgx.intel.com/epc']).toBe(String(256 * 2 ** 20));

  // Without SGX: direct mode, whose system calls the usual profile refuses.
  const direct = written.stdout
    // Podman 4.3 takes the limit of labels, 63 characters, for that of annotations.
    .replace(/^ +gsc\.mr.*\n/gm, '')
    // It reads the annotation that was there before seccompProfile.
    .replace('annotations:', 'annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}')
    .replace('RuntimeDefault', 'Unconfined')
    .replace(
      /^( +)(image: .*)$/m,
      '$1$2\n$1imagePullPolicy: Never\n$1env: [{name: GRAMINE_MODE, value: direct}]',
    )
    .replace('  automountServiceAccountToken', '  restartPolicy: Never\n  automountServiceAccountToken');
  const file = join(gsc.directory, 'pod.yaml');
  writeFileSync(file, direct);
  expect(readFileSync(file, 'utf8')).toContain('GRAMINE_MODE');
  // With its own limits: raising the hard ones, as podman does, is not allowed everywhere.
  const settings = join(gsc.directory, 'containers.conf');
  writeFileSync(settings, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
  vi.stubEnv('CONTAINERS_CONF', settings);
  try {
    await service.podman('kube', 'play', '--network=none', '--log-driver=k8s-file', file);
    const code = await service.podman('wait', 'gsc-kube-gsc-kube');
    const place = ['inspect', '--format', '{{.HostConfig.LogConfig.Path}}', 'gsc-kube-gsc-kube'];
    const log = readFileSync((await service.podman(...place)).trim(), 'utf8');
    expect({ code, log }).toEqual({ code: '0\n', log: expect.stringMatching(/ stdout F hello$/m) });
  } finally {
    await service.podman('kube', 'down', file);
    await service.podman('volume', 'rm', '--force', 'gsc-kube-data');
    vi.unstubAllEnvs();
  }
});
