import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { PersistentVolumeClaim, Pod } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { imagePath } from '../../src/base/image-path.ts';
import type { ContainerNeeds } from '../../src/inspect/container-needs.ts';
import { changeManifest, type ManifestChange } from '../../src/kubernetes/change-manifest.ts';
import { devicePlugins, epcResources } from '../../src/kubernetes/device-plugin.ts';
import { manifestKinds, newManifest } from '../../src/kubernetes/new-manifest.ts';
import { hostNeeds } from '../../src/runtime/app-launch.ts';
import { launchArguments } from '../../src/runtime/launch.ts';

const needs: ContainerNeeds = {
  ...{ isSigned: true, isStandIn: false, mrEnclave: 'a'.repeat(64), mrSigner: 'b'.repeat(64) },
  ...{
    enclaveSizeBytes: 1n << 28n,
    makesQuotes: false,
    usesAesm: false,
    takesArguments: false,
    hasShell: true,
  },
  ...{ host: hostNeeds({ family: 'gramine' }), directWords: launchArguments('direct') },
  ...{ userId: 1000, groupId: 1000, dataPlaces: [], secrets: [], passedVariables: [] },
};
const change: ManifestChange = {
  ...{ container: 'app', image: 'registry.example.com/gsc-app:1', plugin: 'intel' },
  ...{ epcBytes: 1n << 28n, usesAesm: false },
};
const full: ContainerNeeds = {
  ...needs,
  dataPlaces: [{ path: imagePath('/data'), use: 'encrypted' }],
  secrets: [{ name: 'API_token', path: imagePath('/run/secrets/API_token') }],
};
const changed = (text: string, more: Partial<ContainerNeeds> = {}, other: Partial<ManifestChange> = {}) =>
  changeManifest({ text, subject: 'app.yaml' }, { ...needs, ...more }, { ...change, ...other });

/** As the schemas of Kubernetes have it: throws for unknown keys' wrong types and missing keys. */
function validate(text: string): readonly string[] {
  const models = { Pod, Deployment, Job, PersistentVolumeClaim };
  return (parseAllDocuments(text) as { toJS(): Record<string, unknown> }[]).map((document) => {
    const value = document.toJS();
    const Model = models[value.kind as keyof typeof models] as unknown as new (
      data: object,
    ) => { validate(): void };
    new Model(value).validate();
    return String(value.kind);
  });
}

describe('a new manifest', () => {
  test.each(manifestKinds)('%s: valid, with everything that the image needs', (kind) => {
    const { text, notes } = changed(newManifest(kind, 'app', 'x'), full, { usesAesm: true });
    expect(validate(text)).toEqual([expect.stringMatching(new RegExp(kind, 'i')), 'PersistentVolumeClaim']);
    expect(notes).toEqual([]);
    expect(text).not.toMatch(/[&*]\w/);
  });

  test('a Pod in full', () => {
    expect(changed(newManifest('pod', 'app', 'x'), full, { usesAesm: true }).text).toBe(`apiVersion: v1
kind: Pod
metadata:
  name: app
  labels:
    app.kubernetes.io/name: app
  annotations:
    gsc.mrenclave/app: ${'a'.repeat(64)}
    gsc.mrsigner/app: ${'b'.repeat(64)}
    sgx.intel.com/quote-provider: aesmd
spec:
  automountServiceAccountToken: false
  containers:
    - name: app
      image: registry.example.com/gsc-app:1
      resources:
        limits:
          sgx.intel.com/enclave: "1"
          sgx.intel.com/epc: "268435456"
        requests:
          sgx.intel.com/enclave: "1"
          sgx.intel.com/epc: "268435456"
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        seccompProfile:
          type: RuntimeDefault
      volumeMounts:
        - name: aesmd-socket
          mountPath: /var/run/aesmd
        - name: secret-api-token
          mountPath: /run/secrets/API_token
          subPath: API_token
          readOnly: true
        - name: app-data
          mountPath: /data
  volumes:
    - name: aesmd-socket
      hostPath:
        path: /var/run/aesmd
        type: Directory
    - name: secret-api-token
      secret:
        secretName: api-token
        items:
          - key: API_token
            path: API_token
    - name: app-data
      persistentVolumeClaim:
        claimName: app-data
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: app-data
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi # how much data there will be
`);
  });

  test('device plugins count in bytes or in MiB, rounded up', () => {
    expect(devicePlugins.map((plugin) => epcResources(plugin, (1n << 28n) + 1n).at(-1))).toEqual([
      ['sgx.intel.com/epc', '268435457'],
      ['alibabacloud.com/sgx_epc_MiB', '257'],
      ['kubernetes.azure.com/sgx_epc_mem_in_MiB', '257'],
    ]);
  });

  test('only Intel’s webhook reads the annotation about quotes; root stays root', () => {
    const { text } = changed(
      newManifest('pod', 'app', 'x'),
      { userId: 0, groupId: 0 },
      { plugin: 'azure', usesAesm: true },
    );
    expect(text).not.toContain('quote-provider');
    expect(text).toContain('mountPath: /var/run/aesmd');
    expect(text).not.toContain('runAsNonRoot');
  });
});

const existing = `# The shop.
---
apiVersion: v1
kind: Service
metadata: {name: shop}   # not touched
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: market
spec:
  replicas: 3  # peak

  selector:
    matchLabels: {app: shop}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
      - name: side   # stays
        image: "proxy:1"
      - name: app
        image: shop:1 # the old one
        resources:
        securityContext:
          readOnlyRootFilesystem: false
        volumeMounts:
        - {name: db, mountPath: /data}
      volumes:
      - name: db
        emptyDir: {}
`;

test('the schemas do refuse', () => {
  expect(() => validate('kind: Pod\nspec: {containers: [{image: 7}]}\n')).toThrow();
});

describe('an existing manifest', () => {
  test('only what must be is changed: every other line, comment and decision stays', () => {
    const { text } = changed(existing, full);
    const lines = text.split('\n');
    for (const line of existing.split('\n')) {
      // The library writes one blank before a comment.
      const kept = line.replace(/\s+#/, ' #').replace('shop:1 #', `${change.image} #`);
      expect(lines.map((each) => each.replace(/\s+#/, ' #'))).toContain(kept);
    }
    expect(text).toContain('readOnlyRootFilesystem: false');
    // Something is mounted at /data already.
    expect(text).not.toContain('PersistentVolumeClaim');
    validate(text.slice(text.indexOf('apiVersion: apps/v1')));
  });

  test('changed twice it is the same', () => {
    const once = changed(existing, full, { usesAesm: true }).text;
    expect(changed(once, full, { usesAesm: true }).text).toBe(once);
  });

  test('a command would start something in place of the enclave: it goes, with a note; args stay where they are taken', () => {
    const pod = `${newManifest('pod', 'app', 'x')}      command: [python3, main.py]\n      args: [--fast]\n`;
    const { text, notes } = changed(pod);
    expect(text).not.toMatch(/command|args/);
    expect(notes).toEqual([
      expect.stringContaining('command ["python3","main.py"] was removed'),
      expect.stringContaining('args ["--fast"] was removed'),
    ]);
    expect(changed(pod, { takesArguments: true }).text).toContain('args:');
  });

  test('variables that do not reach the application are named', () => {
    const pod = `${newManifest('pod', 'app', 'x')}      env:\n        - name: SEEN\n          value: a\n        - name: LOST\n          value: b\n`;
    const { notes } = changed(pod, { passedVariables: ['SEEN'] });
    expect(notes).toEqual([
      'env LOST: the application does not see it; build with --env LOST to pass it through',
    ]);
  });

  test('claims are in the namespace of the workload', () => {
    const { text } = changed(existing.replace('/data', '/other'), full);
    expect(text).toMatch(
      /kind: PersistentVolumeClaim\nmetadata:\n {2}name: app-data\n {2}namespace: market\n/,
    );
  });

  test.each([
    ['what is not YAML', 'kind: Pod\n a: [\n', /^app\.yaml:\d+:\d+: not valid YAML/],
    [
      'no such container',
      newManifest('pod', 'ap', 'x'),
      /there is no container with the name app; its containers: ap/,
    ],
    ['nothing with containers', 'kind: Service\n', /its containers: none/],
    ['an empty file', '', /its containers: none/],
    ['two of that name', `${newManifest('pod', 'app', 'x')}---\n${newManifest('job', 'app', 'x')}`, /got 2/],
  ])('refused: %s', (_rule, text, message) => {
    expect(() => changed(text)).toThrow(message);
  });
});
