import { type Document, isMap, isScalar, isSeq, type YAMLMap } from 'yaml';

/** A place in a YAML document. */
export type YamlPath = readonly (string | number)[];

/** A container in a manifest, and the pod that it is in. */
export interface FoundContainer {
  readonly document: Document;
  /** Of what has `metadata` and `spec` of a pod. */
  readonly pod: YamlPath;
  readonly container: YamlPath;
}

/** Where kinds have their pod. Kubernetes API reference, "Workload resources". */
const templates: Readonly<Record<string, YamlPath>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** All containers of all pods in documents, by name. */
export function containersIn(
  documents: readonly Document[],
): readonly (FoundContainer & { readonly name: string })[] {
  return documents.flatMap((document) => {
    const kind = document.get('kind');
    const pod = typeof kind === 'string' && Object.hasOwn(templates, kind) ? templates[kind] : undefined;
    if (pod === undefined) return [];
    return ['initContainers', 'containers'].flatMap((list) => {
      const node = document.getIn([...pod, 'spec', list], true);
      return (isSeq(node) ? node.items : []).flatMap((item, index) => {
        const name = isMap(item) ? item.get('name') : undefined;
        const container = [...pod, 'spec', list, index];
        return typeof name === 'string' ? [{ document, pod, container, name }] : [];
      });
    });
  });
}

/** Sets a value; what is above it and empty (`resources:`) becomes a map. The comments of a scalar stay. */
export function setAt(document: Document, path: YamlPath, value: unknown): void {
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = path.slice(0, depth);
    const node = document.getIn(above, true);
    if (isScalar(node) && node.value === null) document.setIn(above, document.createNode({}));
  }
  document.setIn(path, value);
}

/** Sets a value where there is none. */
export function setDefaultAt(document: Document, path: YamlPath, value: unknown): void {
  if (document.getIn(path) === undefined || document.getIn(path) === null) setAt(document, path, value);
}

/** Adds an element to a list, which is made if it is not there, unless one has the same value under `key`. */
export function addAt(
  document: Document,
  path: YamlPath,
  { key, element }: { readonly key: string; readonly element: Readonly<Record<string, unknown>> },
): boolean {
  if (mapsAt(document, path).some((item) => item.get(key) === element[key])) return false;
  if (isSeq(document.getIn(path, true))) document.addIn(path, document.createNode(element));
  else setAt(document, path, document.createNode([element]));
  return true;
}

/** The maps of a list. */
export function mapsAt(document: Document, path: YamlPath): readonly YAMLMap[] {
  const node = document.getIn(path, true);
  return isSeq(node) ? node.items.filter((item) => isMap(item)) : [];
}
