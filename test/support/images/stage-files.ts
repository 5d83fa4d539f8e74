import { copyFile, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inRoot } from './recipe.ts';
import { runTool } from './run-tool.ts';

/** Writes text files by their paths in the image; those in `bin` directories are executable. */
export async function stageTexts(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(inRoot(root, path)), { recursive: true });
    await writeFile(inRoot(root, path), text, { mode: path.includes('/bin/') ? 0o755 : 0o644 });
  }
}

/** Makes symbolic links, by their paths in the image. */
export async function stageLinks(root: string, links: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(inRoot(root, path)), { recursive: true });
    await symlink(target, inRoot(root, path));
  }
}

/** Makes empty directories. */
export async function stageDirectories(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await mkdir(inRoot(root, path), { recursive: true });
}

/** Copies a file of this machine, links followed, to a path in the image. */
export async function stageFile(root: string, from: string, path: string): Promise<void> {
  await mkdir(dirname(inRoot(root, path)), { recursive: true });
  await copyFile(await realpath(from), inRoot(root, path));
}

/** Copies the shared libraries that `ldd` lists for programs of this machine, below `/usr`, as merged-usr systems do. */
export async function stageLibraries(root: string, programs: readonly string[]): Promise<void> {
  for (const library of await sharedLibraries(programs)) {
    const path = library.startsWith('/usr/') ? library : `/usr${library}`;
    await stageFile(root, library, path);
  }
}

/** Accounts as base images have them, with an ordinary user `app` (1000:1000). */
export const accounts: Readonly<Record<string, string>> = {
  '/etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\napp:x:1000:1000::/app:/bin/sh\n',
  '/etc/group': 'root:x:0:\nnogroup:x:65534:\napp:x:1000:\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

async function sharedLibraries(programs: readonly string[]): Promise<readonly string[]> {
  const libraries = new Set<string>();
  for (const program of programs) {
    const listing = await runTool('ldd', [program]);
    for (const match of listing.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(0x/gm)) libraries.add(match[1] ?? '');
  }
  return [...libraries].sort();
}
