import { isIP } from 'node:net';
import { type ByteString, imagePath } from '../base/image-path.ts';
import type { HostAddress } from '../manifest/option-manifest.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** Where programs look for the addresses of hosts first. hosts(5). */
export const hostsPlace = imagePath('/etc/hosts');

/** What every engine writes into the hosts file of a container. */
const usual: readonly HostAddress[] = [
  { address: '127.0.0.1', name: 'localhost' },
  { address: '::1', name: 'localhost' },
  { address: '::1', name: 'ip6-localhost' },
  { address: '::1', name: 'ip6-loopback' },
];

/**
 * The hosts file that the application sees in place of the engine's, which cannot be trusted: `localhost`, then what the
 * image's own file has besides, then `chosen`, whose addresses replace all others of their names.
 */
export function hostsFile(tree: FileTree, chosen: readonly HostAddress[]): Buffer {
  const isChosen = ({ name }: HostAddress) => chosen.some((each) => isSameName(each.name, name));
  const entries = [...[...usual, ...readHosts(tree)].filter((entry) => !isChosen(entry)), ...chosen];
  const lines = new Map<string, string[]>();
  for (const { address, name } of entries) {
    const names = lines.get(address) ?? [];
    if (!names.some((known) => isSameName(known, name))) lines.set(address, [...names, name]);
  }
  const text = [...lines].map(([address, names]) => `${address} ${names.join(' ')}\n`).join('');
  return Buffer.from(text, 'latin1');
}

/** The entries of the image's file, as glibc reads it (nss/nss_files/files-hosts.c): it skips lines without an address. */
function readHosts(tree: FileTree): readonly HostAddress[] {
  const found = resolvePath(tree, hostsPlace);
  const content = found.kind === 'found' && found.node.kind === 'file' ? found.node.content : undefined;
  const lines: readonly ByteString[] = content?.toString('latin1').split('\n') ?? [];
  return lines.flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/s, '').split(/\s+/).filter(Boolean);
    return isIP(address) === 0 ? [] : names.map((name) => ({ address, name }));
  });
}

/** RFC 4343: the case of letters does not count. */
function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
