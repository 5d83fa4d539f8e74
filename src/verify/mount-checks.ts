import { showBytes } from '../base/image-path.ts';
import { listedMounts, type Mount } from '../manifest/files/mounts.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { isArray, valueAt } from '../manifest/toml/toml.ts';
import { lookup, resolvePath, showFailure } from '../tree/resolve-path.ts';
import { type Finding, failures, type ImageCheck, notChecked, okUnless } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { pathHistory } from './path-history.ts';

const name = 'mounts';

/**
 * Group 3: each `chroot` mount shows something that is there, and where the image has a link of the mount's name, what that
 * link leads to: mounts stand in for the image's directory links.
 */
export function mountChecks(image: GraminizedImage): readonly ImageCheck[] {
  const root = image.manifest.value?.root;
  if (root === undefined)
    return [notChecked(name, { subject: 'fs.mounts', detail: 'needs a manifest that can be read' })];
  const listed = valueAt(root, ['sgx', 'allowed_files']);
  const allowed = new Set((isArray(listed) ? listed : []).map((entry) => pathOfUri(uriOf(entry))));
  const mounts = listedMounts(root).filter(({ type }) => type === 'chroot');
  const found = mounts.flatMap((mount) => {
    // What is let in from the host may be made when the container starts: a volume, a secret.
    const isFromHost = mount.shows !== undefined && allowed.has(mount.shows);
    const detail = isFromHost ? undefined : problemOf(image, mount);
    return detail === undefined ? [] : [toFinding(image, mount, detail)];
  });
  return okUnless(failures(name, found, 'fs.mounts'), name, () => ({
    subject: 'fs.mounts',
    detail: `${mounts.length} mounts of type chroot, all lead to what is there`,
    protection: 'measured',
  }));
}

function toFinding(image: GraminizedImage, { at, shows }: Mount, detail: string): Finding {
  const lines = [...pathHistory(image, at), ...(shows ? pathHistory(image, shows) : [])];
  return { subject: showBytes(at), detail, protection: 'measured', lines: [...new Set(lines)] };
}

function problemOf({ tree }: GraminizedImage, { at, shows, uri }: Mount): string | undefined {
  if (shows === undefined || uri === undefined || !uri.startsWith('file:/')) return undefined;
  const target = resolvePath(tree, shows);
  if (target.kind !== 'found')
    return `the manifest mounts ${uri} here, which is not in the image: ${showBytes(showFailure(target))}`;
  if (lookup(tree, at)?.kind !== 'symlink') return undefined;
  const link = resolvePath(tree, at);
  if (link.kind === 'found' && link.path === target.path) return undefined;
  const got = link.kind === 'found' ? link.path : showFailure(link);
  return `expected a link to ${showBytes(target.path)}, which the manifest mounts here, got one to ${showBytes(got)}`;
}
