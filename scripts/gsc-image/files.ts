// What is in the image of gsc: files of this machine and of the package, each with where it comes from.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nodeComponent, nodeLicence } from '../sbom.mjs';

/** A file in the image; a link has a target in place of content. */
export interface ImageFile {
  readonly path: string;
  readonly mode?: number;
  readonly content?: Buffer;
  readonly target?: string;
}

/** A component of the SBOM, in CycloneDX's form. */
export type Component = Readonly<Record<string, unknown>>;

export interface Part {
  readonly files: readonly ImageFile[];
  readonly components: readonly Component[];
}

export const packageDirectory = '/usr/local/lib/node_modules/gsc';

/** Node with the libraries that it needs. Throws if the program is not one of this machine. */
export function nodePart(node: string): Part {
  const program = { path: '/usr/local/bin/node', mode: 0o755, content: readFileSync(node) };
  const licence = nodeLicence(node);
  const files =
    licence === undefined
      ? []
      : [{ path: '/usr/local/share/doc/node/LICENSE', mode: 0o644, content: readFileSync(licence) }];
  return joinParts([{ files: [program, ...files], components: [nodeComponent(node)] }, librariesOf(node)]);
}

/** The libraries as ldd(1) finds them, at the places where the loader looks for them. */
function librariesOf(program: string): Part {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const paths = lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  if (lines.some((line) => line.includes('not found')))
    throw new Error(`${program}: a library is missing:\n${lines.join('\n')}`);
  // Until 2.33 the C library loads these where names of hosts are asked for, and ldd does not show them.
  const directories = new Set(paths.map((path) => dirname(path)));
  const services = [...directories].flatMap((directory) =>
    ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'].map((name) => join(directory, name)),
  );
  const all = [...new Set([...paths, ...services.filter((path) => existsSync(path))])];
  const files = all.map((path) => ({ path, mode: 0o755, content: readFileSync(path) }));
  return joinParts([{ files, components: [] }, ...all.map(debianPart)]);
}

/** busybox with a link for each of its applets. */
export function busyboxPart(busybox: string): Part {
  const content = readFileSync(busybox);
  // A program with an interpreter would need it, and its libraries.
  if (content.includes('/lib64/ld-'))
    throw new Error(`${busybox}: expected a static program (Debian's busybox-static)`);
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const links = applets
    .filter((name) => name !== 'busybox')
    .map((name) => ({ path: `/bin/${name}`, target: 'busybox' }));
  const files = [
    { path: '/bin/busybox', mode: 0o755, content },
    ...links,
    { path: '/usr/bin/env', target: '/bin/busybox' },
  ];
  return joinParts([{ files, components: [] }, debianPart(busybox)]);
}

/** The Debian package that a file is from, as a component, and its licence. */
function debianPart(path: string): Part {
  const owner = packageOf(path) ?? packageOf(realpathSync(path));
  if (owner === undefined) {
    const content = readFileSync(path);
    const component = {
      type: 'file',
      'bom-ref': path,
      name: basename(path),
      hashes: [{ alg: 'SHA-256', content: sha256(content) }],
    };
    return { files: [], components: [component] };
  }
  const format = ['Version', 'Architecture'].map((field) => `\${${field}}`).join(' ');
  const [version = '', architecture = ''] = execFileSync(
    'dpkg-query',
    ['--show', `--showformat=${format}`, owner],
    { encoding: 'utf8' },
  ).split(' ');
  const name = owner.replace(/:.*/, '');
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  const licence = `/usr/share/doc/${name}/copyright`;
  return {
    files: existsSync(licence) ? [{ path: licence, mode: 0o644, content: readFileSync(licence) }] : [],
    components: [{ type: 'library', 'bom-ref': purl, name, version, purl }],
  };
}

function packageOf(path: string): string | undefined {
  try {
    const line = execFileSync('dpkg-query', ['--search', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return line.split(': ')[0]?.split(',')[0];
  } catch {
    // Not Debian, or not from a package.
    return undefined;
  }
}

/** The command of an unpacked package, without types and manual pages. */
export function gscPart(directory: string): Part {
  const modules = readdirSync(join(directory, 'dist')).filter((name) => /\.(?:c?js|txt)$/.test(name));
  const names = ['package.json', 'LICENSE', ...modules.map((name) => join('dist', name))];
  const files = names.map((name) => ({
    path: join(packageDirectory, name),
    mode: name === 'dist/gsc.js' ? 0o755 : 0o644,
    content: readFileSync(join(directory, name)),
  }));
  return {
    files: [...files, { path: '/usr/local/bin/gsc', target: '../lib/node_modules/gsc/dist/gsc.js' }],
    components: [],
  };
}

/** Several parts as one; what two have is there once. */
export function joinParts(parts: readonly Part[]): Part {
  const files = new Map(parts.flatMap((part) => part.files.map((file) => [file.path, file])));
  const components = new Map(parts.flatMap((part) => part.components.map((each) => [each['bom-ref'], each])));
  return { files: [...files.values()], components: [...components.values()] };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
