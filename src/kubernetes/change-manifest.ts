import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { GscError } from '../base/error.ts';
import { showBytes } from '../base/image-path.ts';
import { nearestName } from '../base/nearest-name.ts';
import type { ContainerNeeds, SecretFile } from '../inspect/container-needs.ts';
import { type DevicePlugin, epcResources } from './device-plugin.ts';
import { addAt, containersIn, type FoundContainer, mapsAt, setAt, setDefaultAt } from './pod-template.ts';
import { showDocuments } from './show-documents.ts';

export interface ManifestChange {
  /** Name of the container that should run the image. */
  readonly container: string;
  /** As the cluster pulls it. */
  readonly image: string;
  readonly plugin: DevicePlugin;
  readonly epcBytes: bigint;
  readonly usesAesm: boolean;
}

export interface ChangedManifest {
  readonly text: string;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** Where AESM's socket is; the volume's name is that of Intel's webhook, which then adds nothing. */
const aesm = { volume: 'aesmd-socket', directory: '/var/run/aesmd' };

/** Of a claim that gsc writes; a comment says so. */
const claimedStorage = '1Gi';

/**
 * Changes a manifest so that one of its containers runs a graminized image; documents, comments and order stay. Throws `config`
 * for what is not YAML, with line and column, and `usage` if there is no such container or more than one.
 */
export function changeManifest(
  manifest: { readonly text: string; readonly subject: string },
  needs: ContainerNeeds,
  change: ManifestChange,
): ChangedManifest {
  const documents = parse(manifest);
  const found = findContainer(documents, manifest.subject, change.container);
  const { document, pod, container } = found;
  const notes = removeStart(found, needs, change.container);
  setAt(document, [...container, 'image'], change.image);
  for (const [name, amount] of epcResources(change.plugin, change.epcBytes)) {
    for (const list of ['limits', 'requests'])
      setAt(document, [...container, 'resources', list, name], amount);
  }
  setSecurity(found, needs);
  const measured = { mrenclave: needs.mrEnclave, mrsigner: needs.mrSigner };
  for (const [name, value] of Object.entries(measured)) {
    setAt(document, [...pod, 'metadata', 'annotations', `gsc.${name}/${change.container}`], value);
  }
  if (change.usesAesm) addAesm(found, change.plugin);
  for (const secret of needs.secrets) addSecret(found, secret);
  const claims = addClaims(found, needs, change.container);
  const text = [showDocuments(documents, manifest.text), ...claims].join('---\n');
  return { text, notes: [...notes, ...variableNotes(found, needs)] };
}

function parse({ text, subject }: { readonly text: string; readonly subject: string }): readonly Document[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  const problem = Array.isArray(documents) ? documents.flatMap(({ errors }) => errors)[0] : undefined;
  if (problem === undefined) return Array.isArray(documents) ? documents : [];
  const { line, col } = lineCounter.linePos(problem.pos[0]);
  throw new GscError({
    code: 'config',
    subject: `${subject}:${line}:${col}`,
    message: `not valid YAML: ${problem.message}`,
    hint: 'correct it; kubectl would refuse it too',
  });
}

function findContainer(documents: readonly Document[], subject: string, name: string): FoundContainer {
  const all = containersIn(documents);
  const found = all.filter((each) => each.name === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = all.map((each) => each.name);
  const near = nearestName(name, names);
  throw new GscError({
    code: 'usage',
    subject,
    message:
      found.length > 1
        ? `expected one container with the name ${name}, got ${found.length}`
        : `there is no container with the name ${name}; its containers: ${names.join(', ') || 'none'}`,
    hint: near === undefined || near === name ? 'write --image CONTAINER=IMAGE' : `did you mean ${near}?`,
  });
}

/** `command` would start something else in place of the enclave; `args` are dropped by it unless it takes them. */
function removeStart(
  { document, container }: FoundContainer,
  { takesArguments }: ContainerNeeds,
  name: string,
): readonly string[] {
  const rows = [
    ['command', '--entrypoint', false],
    ['args', '--cmd', takesArguments],
  ] as const;
  return rows.flatMap(([key, option, stays]) => {
    const node = document.getIn([...container, key], true);
    if (stays || !isNode(node)) return [];
    const value = JSON.stringify(node.toJS(document));
    document.deleteIn([...container, key]);
    return [
      `container ${name}: ${key} ${value} was removed, since what starts is measured; if it differs from the image's own, build with ${option}`,
    ];
  });
}

/** What is there stays. */
function setSecurity({ document, container }: FoundContainer, { userId, groupId }: ContainerNeeds): void {
  const values = {
    ...(userId !== 0 && { runAsNonRoot: true }),
    runAsUser: userId,
    runAsGroup: groupId,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  for (const [key, value] of Object.entries(values)) {
    setDefaultAt(document, [...container, 'securityContext', key], document.createNode(value));
  }
}

function addAesm({ document, pod, container }: FoundContainer, plugin: DevicePlugin): void {
  const { volume: name, directory } = aesm;
  if (plugin === 'intel') {
    setAt(document, [...pod, 'metadata', 'annotations', 'sgx.intel.com/quote-provider'], 'aesmd');
  }
  const mount = { key: 'mountPath', element: { name, mountPath: directory } };
  if (!addAt(document, [...container, 'volumeMounts'], mount)) return;
  const hostPath = { path: directory, type: 'Directory' };
  addAt(document, [...pod, 'spec', 'volumes'], { key: 'name', element: { name, hostPath } });
}

function addSecret({ document, pod, container }: FoundContainer, { name, path }: SecretFile): void {
  const volume = `secret-${plainName(name)}`;
  const key = name.split('/').at(-1) ?? name;
  const mountPath = showBytes(path);
  const element = { name: volume, mountPath, subPath: key, readOnly: true };
  if (!addAt(document, [...container, 'volumeMounts'], { key: 'mountPath', element })) return;
  const secret = { secretName: plainName(name), items: [{ key, path: key }] };
  addAt(document, [...pod, 'spec', 'volumes'], { key: 'name', element: { name: volume, secret } });
}

/** Mounts a claim at each place with data that nothing is mounted at; gives the claims as documents. */
function addClaims(
  { document, pod, container }: FoundContainer,
  { dataPlaces }: ContainerNeeds,
  containerName: string,
): readonly string[] {
  return dataPlaces.flatMap(({ path }) => {
    const mountPath = showBytes(path);
    const name = plainName(`${containerName}${mountPath}`);
    const element = { name, mountPath };
    if (!addAt(document, [...container, 'volumeMounts'], { key: 'mountPath', element })) return [];
    const persistentVolumeClaim = { claimName: name };
    const volume = { name, persistentVolumeClaim };
    if (!addAt(document, [...pod, 'spec', 'volumes'], { key: 'name', element: volume })) return [];
    return [claim(name, document.getIn(['metadata', 'namespace']))];
  });
}

function claim(name: string, namespace: unknown): string {
  const lines = [
    'apiVersion: v1',
    'kind: PersistentVolumeClaim',
    'metadata:',
    `  name: ${name}`,
    ...(typeof namespace === 'string' ? [`  namespace: ${namespace}`] : []),
    'spec:',
    '  accessModes: [ReadWriteOnce]',
    '  resources:',
    '    requests:',
    `      storage: ${claimedStorage} # how much data there will be`,
  ];
  return `${lines.join('\n')}\n`;
}

function variableNotes(
  { document, container }: FoundContainer,
  { passedVariables }: ContainerNeeds,
): readonly string[] {
  return mapsAt(document, [...container, 'env']).flatMap((variable) => {
    const name = String(variable.get('name'));
    if (passedVariables.includes(name) || name === 'GRAMINE_MODE') return [];
    return [`env ${name}: the application does not see it; build with --env ${name} to pass it through`];
  });
}

/** A DNS label: RFC 1123. */
function plainName(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return plain.slice(0, 50).replace(/^-+|-+$/g, '') || 'data';
}
