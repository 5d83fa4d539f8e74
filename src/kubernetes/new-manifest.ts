import { stringify } from 'yaml';

export const manifestKinds = ['pod', 'deployment', 'job'] as const;
export type ManifestKind = (typeof manifestKinds)[number];

/** A manifest with one container, which nothing is known about but its image. */
export function newManifest(kind: ManifestKind, name: string, image: string): string {
  const metadata = { name, labels: { 'app.kubernetes.io/name': name } };
  const spec = { automountServiceAccountToken: false, containers: [{ name, image }] };
  const template = { metadata: { labels: metadata.labels }, spec };
  switch (kind) {
    case 'pod':
      return write({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    case 'deployment': {
      const selector = { matchLabels: metadata.labels };
      return write({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector, template } });
    }
    case 'job': {
      const once = { ...template, spec: { restartPolicy: 'Never', ...spec } };
      return write({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template: once } });
    }
  }
}

/** Anchors would be valid, and are not what people write. */
function write(manifest: object): string {
  return stringify(manifest, { aliasDuplicateObjects: false });
}
