import { type ByteString, imagePath } from '../../base/image-path.ts';
import { contentIn, realFileAt, type TreeSource } from '../tree-source.ts';
import type { Family } from '../version.ts';
import { distributionFor } from './distribution.ts';

/** os-release(5); the first that is there counts. */
const places: readonly ByteString[] = ['/etc/os-release', '/usr/lib/os-release'];

/**
 * What the configuration would have to say for the distribution of a tree, or undefined if its files do not tell, or tell
 * one that no runtime of the family is built on.
 */
export async function detectDistribution(source: TreeSource, family: Family): Promise<string | undefined> {
  const files = places.map((place) => realFileAt(source.tree, place)?.path);
  const file = files.find((path) => path !== undefined);
  if (file === undefined) return undefined;
  const text = contentIn(await source.readFiles([file]), file).toString('utf8');
  const isMinimal = realFileAt(source.tree, imagePath('/usr/bin/microdnf')) !== undefined;
  const name = nameFor(readOsRelease(text), isMinimal);
  return name !== undefined && distributionFor(family, name) ? name : undefined;
}

function nameFor(release: ReadonlyMap<string, string>, isMinimal: boolean): string | undefined {
  const id = release.get('ID') ?? '';
  const version = release.get('VERSION_ID') ?? '';
  const [major = ''] = version.split('.');
  switch (id) {
    case 'ubuntu':
      return `ubuntu:${version}`;
    case 'debian':
      return `debian:${major}`;
    case 'rhel':
      return `redhat/ubi${major}${isMinimal ? '-minimal' : ''}:${version}`;
    case 'sles':
      return `registry.suse.com/suse/sle${major}:${version}`;
  }
  // CentOS Stream, and what is built from the same sources.
  const isLikeRedHat = id === 'centos' || (release.get('ID_LIKE') ?? '').split(' ').includes('rhel');
  return isLikeRedHat ? `quay.io/centos/centos:stream${major}` : undefined;
}

function readOsRelease(text: string): ReadonlyMap<string, string> {
  const pairs = [...text.matchAll(/^([A-Z_0-9]+)=(.*)$/gm)];
  return new Map(
    pairs.map(([, name = '', value = '']) => [name, value.trim().replace(/^(["'])(.*)\1$/, '$2')]),
  );
}
