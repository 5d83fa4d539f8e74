import { stringify } from 'yaml';

/** A file for the workers, by its name in the ConfigMap. */
export interface FleetFile {
  readonly name: string;
  readonly content: Buffer;
}

/** What a fleet in a cluster is made of. */
export interface FleetJob {
  readonly name: string;
  readonly namespace: string | undefined;
  /** The image of gsc itself. */
  readonly workerImage: string;
  /** How many images: one completion index each. */
  readonly count: number;
  /** How many at a time. */
  readonly jobs: number;
  /** Per image. */
  readonly retries: number;
  /** The list and what it names; the list is the first. */
  readonly files: readonly FleetFile[];
  /** Words for `gsc fleet`, besides the list and the index. */
  readonly words: readonly string[];
  readonly secrets: FleetSecrets;
}

/** Names of Secrets in the cluster; undefined for none. */
export interface FleetSecrets {
  /** `key.pem`, without a passphrase: the Secret is what protects it. */
  readonly key: string | undefined;
  /** `cache.pem`. */
  readonly cache: string | undefined;
  /** Of type `kubernetes.io/dockerconfigjson`. */
  readonly registry: string | undefined;
}

/** Where the workers find what they are given. */
export const fleetPlaces = {
  files: '/etc/gsc-fleet',
  key: '/run/secrets/gsc-key',
  cache: '/run/secrets/gsc-cache',
  registry: '/run/secrets/gsc-registry',
  work: '/var/gsc',
} as const;

/**
 * An Indexed Job that graminizes one image of the list per index, and the ConfigMap with the list. An index that fails is tried again by the
 * Job, each by itself (`backoffLimitPerIndex`, Kubernetes 1.29); what would fail in the same way again is not. Pure.
 */
export function fleetManifests(job: FleetJob): string {
  const documents = [configMap(job), indexedJob(job)];
  return documents
    .map((each) => stringify(each, { aliasDuplicateObjects: false, lineWidth: 0 }))
    .join('---\n');
}

/** Of `gsc fleet --index`: a wrong list, and a failure that stays: docs/gsc-fleet.md. */
const lastingExitCodes = [2, 3];

function metadataOf({ name, namespace }: FleetJob) {
  return { name, ...(namespace && { namespace }), labels: { 'app.kubernetes.io/name': name } };
}

function configMap(job: FleetJob): object {
  const isText = ({ content }: FleetFile) => Buffer.from(content.toString('utf8')).equals(content);
  const [texts, binaries] = [job.files.filter(isText), job.files.filter((file) => !isText(file))];
  const entriesOf = (files: readonly FleetFile[], encoding: 'utf8' | 'base64') =>
    Object.fromEntries(files.map(({ name, content }) => [name, content.toString(encoding)]));
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(job), data: entriesOf(texts, 'utf8') },
    ...(binaries.length > 0 && { binaryData: entriesOf(binaries, 'base64') }),
  };
}

function indexedJob(job: FleetJob): object {
  const { name, count, jobs, retries } = job;
  return {
    ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: metadataOf(job) },
    spec: {
      completionMode: 'Indexed',
      completions: count,
      parallelism: Math.min(jobs, count),
      backoffLimitPerIndex: retries,
      podFailurePolicy: {
        rules: [
          // An eviction says nothing about the image.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailIndex',
            onExitCodes: { containerName: 'gsc', operator: 'In', values: lastingExitCodes },
          },
        ],
      },
      template: {
        metadata: { labels: { 'app.kubernetes.io/name': name } },
        spec: podSpec(job),
      },
    },
  };
}

function podSpec(job: FleetJob): object {
  const mounts = mountsOf(job);
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'gsc',
        image: job.workerImage,
        args: argumentsOf(job),
        env: environmentOf(job),
        resources: {
          requests: { cpu: '1', memory: '512Mi' },
          limits: { memory: '2Gi' },
        },
        securityContext: {
          ...{ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: mounts.map(({ volume, mount }) => ({ name: volume.name, ...mount })),
      },
    ],
    volumes: mounts.map(({ volume }) => volume),
  };
}

/** Kubernetes puts the index in place of `$(JOB_COMPLETION_INDEX)`. */
function argumentsOf({ files: [list], words, secrets }: FleetJob): readonly string[] {
  return [
    ...['fleet', '--images', `${fleetPlaces.files}/${list?.name}`, '--index', '$(JOB_COMPLETION_INDEX)'],
    // The Job tries again.
    ...['--jobs', '1', '--retries', '0'],
    ...(secrets.key ? ['--key', `${fleetPlaces.key}/key.pem`] : []),
    ...(secrets.cache ? ['--cache-key', `${fleetPlaces.cache}/cache.pem`] : []),
    ...words,
  ];
}

function environmentOf({ secrets }: FleetJob): readonly object[] {
  const index = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
  return [
    { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: index } } },
    { name: 'HOME', value: fleetPlaces.work },
    ...(secrets.registry ? [{ name: 'DOCKER_CONFIG', value: fleetPlaces.registry }] : []),
  ];
}

function mountsOf({ name, secrets }: FleetJob) {
  const readOnly = (mountPath: string) => ({ mountPath, readOnly: true });
  const secret = (volume: string, secretName: string, mountPath: string, items?: readonly object[]) => ({
    volume: { name: volume, secret: { secretName, defaultMode: 0o440, ...(items && { items }) } },
    mount: readOnly(mountPath),
  });
  const login = [{ key: '.dockerconfigjson', path: 'config.json' }];
  return [
    { volume: { name: 'list', configMap: { name } }, mount: readOnly(fleetPlaces.files) },
    { volume: { name: 'work', emptyDir: {} }, mount: { mountPath: fleetPlaces.work } },
    ...(secrets.key ? [secret('key', secrets.key, fleetPlaces.key)] : []),
    ...(secrets.cache ? [secret('cache-key', secrets.cache, fleetPlaces.cache)] : []),
    ...(secrets.registry ? [secret('login', secrets.registry, fleetPlaces.registry, login)] : []),
  ];
}
