import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { bytesOfText, type ImagePath, imagePath } from '../../src/base/image-path.ts';
import type { Graminized } from '../../src/graminize/graminize.ts';
import { graminize } from '../../src/graminize/graminize.ts';
import type { Image, Layer } from '../../src/image/image.ts';
import { type ExplainableImage, explainPath, type PathExplanation } from '../../src/inspect/explain-path.ts';
import { explainableBuild, explainableImage } from '../../src/inspect/explainable-image.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { parseReference } from '../../src/reference/image-reference.ts';
import type { ImageScan } from '../../src/scan/image-scan.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { signImage } from '../../src/sign/sign-image.ts';
import { type FileReference, openImage } from '../../src/store/open-image.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { resolvePath } from '../../src/tree/resolve-path.ts';
import { walkTree } from '../../src/tree/walk-tree.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { fileIn, graminizeApp, runtimeOf, type Wishes } from '../support/graminized/graminized.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';
import { testKey } from '../support/signature/test-key.ts';

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

const entries: readonly (readonly MadeEntry[])[] = [
  [
    staticProgram(),
    ...Array.from({ length: 9 }, (_, i): MadeEntry => [`usr/lib/f${i}`, `lib ${i}`]),
    ['lib', { link: 'usr/lib' }],
    ['usr/few/a', 'a'],
    ['few', { link: 'usr/few' }],
    ['etc/shadow', 'secret'],
    ['etc/app/old', 'old'],
    ['usr/share/doc/x', 'doc'],
    ['var/log/access', { link: '/dev/stdout' }],
    ['var/www/html', { link: '/usr/few' }],
    ['data/x', 'x'],
    ['tmp/x', 'hidden'],
  ],
  [
    ['etc/app/new', 'new'],
    ['current', { link: 'etc/app/new' }],
    ['alias', { link: 'data/x' }],
  ],
];

async function builtFrom(wishes: Wishes = {}): Promise<Graminized> {
  return graminizeApp(await appImage(entries, { Cmd: ['/app'] }), wishes);
}

/** The explanation of a path of the made image: by the build, after a check that the built image says the same. */
async function explain(path: string, wishes: Wishes = {}): Promise<PathExplanation> {
  const built = await builtFrom(wishes);
  const app = await scanImage({ ...built.image, layers: built.image.layers.slice(0, entries.length) });
  const byBuild = explainPath(await explainableBuild(built, app.indexes), imagePath(path));
  const byImage = explainPath(
    await explainableImage(built.image, await scanImage(built.image)),
    imagePath(path),
  );
  expect(withoutReason(byImage)).toEqual(withoutReason(byBuild));
  return byBuild;
}

function withoutReason(explanation: PathExplanation): object {
  const { verdict } = explanation;
  return { ...explanation, verdict: { ...verdict, exclusion: undefined } };
}

describe('explainPath', () => {
  it('a trusted file has its hash and the layer that it comes from', async () => {
    const built = await builtFrom();
    expect(await explain('/etc//app/./new')).toEqual({
      path: '/etc/app/new',
      verdict: { kind: 'trusted', sha256: sha256('new'), isIntact: true },
      finding: {
        kind: 'file',
        realPath: '/etc/app/new',
        sha256: sha256('new'),
        sizeBytes: 3,
        layer: { number: 2, diffId: built.image.layers[1]?.diffId },
      },
    });
    expect(await explain('/etc/app/old')).toMatchObject({ finding: { layer: { number: 1 } } });
  });

  it('a link to a file is trusted under its own name', async () => {
    expect(await explain('/current')).toMatchObject({
      verdict: { kind: 'trusted', sha256: sha256('new') },
      linkTarget: 'etc/app/new',
      finding: { realPath: '/etc/app/new' },
    });
  });

  it('a name behind a directory link goes through a mount, or is listed itself', async () => {
    expect(await explain('/lib/f3')).toMatchObject({
      verdict: { kind: 'trusted', sha256: sha256('lib 3') },
      through: { at: '/lib', hostPath: '/usr/lib/f3' },
    });
    const few = await explain('/few/a');
    expect(few).toMatchObject({ verdict: { kind: 'trusted' }, finding: { realPath: '/usr/few/a' } });
    expect(few).not.toHaveProperty('through');
  });

  it.each([
    ['a rule', '/etc/shadow', {}, { rule: '/etc/shadow*', origin: 'built-in' }],
    ['the level of trust', '/usr/share/doc/x', { trustLevel: 'lean' }, { origin: 'level' }],
    ['an option', '/data/x', { exclude: ['/data/*'] }, { rule: '/data/*', origin: 'option' }],
    ['an option, for a link', '/alias', { exclude: ['/data/*'] }, { origin: 'link' }],
    ['the runtime', '/gramine/runtime/libsysdb.so', {}, { origin: 'runtime' }],
    ['the engine, which makes it', '/etc/hostname', {}, { rule: '/etc/hostname', origin: 'built-in' }],
  ] as const)('what is left out has a reason: %s', async (_, path, wishes, exclusion) => {
    expect((await explain(path, wishes)).verdict).toMatchObject({
      kind: 'refused',
      exclusion: { ...exclusion, isCertain: true, reason: expect.stringMatching(/\w{5}/) },
    });
  });

  it('of a graminized image the reason is the rule by default, which may not be that of the build', async () => {
    const built = await builtFrom({ trustLevel: 'lean', exclude: ['/data'] });
    const image = await explainableImage(built.image, await scanImage(built.image));
    const verdictOf = (path: string) => explainPath(image, imagePath(path)).verdict;
    expect(verdictOf('/etc/shadow')).toMatchObject({ exclusion: { origin: 'built-in', isCertain: false } });
    expect(verdictOf('/usr/share/doc/x')).toMatchObject({ exclusion: { origin: 'level', isCertain: false } });
    expect(verdictOf('/data/x')).toEqual({ kind: 'refused' });
  });

  it('a link to a standard stream is refused, although the image has nothing there', async () => {
    expect(await explain('/var/log/access')).toMatchObject({
      verdict: { kind: 'refused' },
      linkTarget: '/dev/stdout',
      finding: { kind: 'nothing' },
    });
  });

  it('an alias of which only the target is listed says so', async () => {
    const explanation = await explain('/alias', { exclude: ['/alias'] });
    expect(explanation.verdict).toMatchObject({ kind: 'refused', trustedAs: '/data/x' });
    expect(explanation.verdict).not.toHaveProperty('link');
  });

  it('a name through a link that is left out says which link to trust, and that helps', async () => {
    const name = '/var/www/html/a';
    const link = '/var/www/html';
    expect((await explain(name)).verdict).toMatchObject({ kind: 'refused', trustedAs: '/usr/few/a', link });
    expect((await explain(name, { trust: [link] })).verdict).toMatchObject({ kind: 'trusted' });
  });

  it('allowed files name their entry, with or without a file in the image, and say if they are listed without effect', async () => {
    const listed = `sgx.trusted_files = [{ uri = "file:/data/x", sha256 = "${sha256('x')}" }]`;
    const wishes = { manifest: `sgx.allowed_files = ["file:/data/", "file:/srv/log"]\n${listed}` };
    expect((await explain('/data/x', wishes)).verdict).toEqual({
      kind: 'allowed',
      entry: 'file:/data/',
      isListed: true,
    });
    expect((await explain('/srv/log/today', wishes)).verdict).toEqual({
      kind: 'allowed',
      entry: 'file:/srv/log',
      isListed: false,
    });
  });

  it('storage of the enclave says what it hides', async () => {
    const manifest =
      'fs.mounts = [{ type = "encrypted", path = "/data", uri = "file:/data", key_name = "k" }]';
    expect((await explain('/data/x', { manifest })).verdict).toEqual({
      kind: 'storage',
      type: 'encrypted',
      keyName: 'k',
      hides: true,
    });
    expect((await explain('/tmp/x')).verdict).toEqual({ kind: 'storage', type: 'tmpfs', hides: true });
    expect((await explain('/tmp/y')).verdict).toMatchObject({ type: 'tmpfs', hides: false });
  });

  it("what Gramine makes itself is Gramine's own", async () => {
    expect((await explain('/proc/self/maps')).verdict).toEqual({ kind: 'emulated', place: '/proc' });
    expect((await explain('/etc/resolv.conf')).verdict).toMatchObject({ kind: 'emulated' });
  });

  it('a directory counts the verdicts on the files below, under its own name', async () => {
    expect((await explain('/usr/lib')).verdict).toMatchObject({ counts: { trusted: 9, refused: 0 } });
    expect((await explain('/lib')).verdict).toMatchObject({ counts: { trusted: 9 } });
    expect((await explain('/lib', { exclude: ['/usr/lib/f1'] })).verdict).toMatchObject({
      counts: { trusted: 8, refused: 1 },
    });
    expect((await explain('/few')).verdict).toMatchObject({ kind: 'directory', counts: { trusted: 1 } });
    expect((await explain('/', { manifest: 'sgx.allowed_files = ["file:/data"]' })).verdict).toMatchObject({
      counts: { allowed: 1, storage: 1 },
    });
  });

  it('what the image does not have is absent, and says where the way ends', async () => {
    expect(await explain('/usr/nope/x')).toMatchObject({
      verdict: { kind: 'absent' },
      finding: { obstacle: 'missing', at: '/usr/nope' },
    });
    expect(await explain('/data/x/y')).toMatchObject({
      verdict: { kind: 'absent' },
      finding: { obstacle: 'not-a-directory', at: '/data/x' },
    });
  });

  it('a file whose hash is another one in the manifest is reported as such', async () => {
    const built = await builtFrom();
    const app = await scanImage({ ...built.image, layers: built.image.layers.slice(0, entries.length) });
    const image = await explainableBuild(built, app.indexes);
    // No build makes such a manifest; an image whose files were changed later has one.
    const trusted = new Map([...image.names.trusted, ['/data/x', '0'.repeat(64)] as const]);
    const changed = { ...image, names: { ...image.names, trusted } };
    expect(explainPath(changed, imagePath('/data/x')).verdict).toMatchObject({
      kind: 'trusted',
      isIntact: false,
    });
  });

  it('files are let through where the policy says so', async () => {
    const wishes = { manifest: 'sgx.file_check_policy = "allow_all_but_log"' };
    expect((await explain('/etc/shadow', wishes)).verdict).toEqual({ kind: 'unchecked' });
  });
});

/** The rules by which Gramine finds the entry for a name, once more and without gsc's code. */
function makeOracle(toml: Buffer): (path: string) => string | undefined {
  const manifest = parse(toml.toString()) as unknown as {
    readonly fs: { readonly mounts: readonly { type?: string; path: string; uri?: string }[] };
    readonly sgx: {
      readonly trusted_files: readonly { uri: string; sha256: string }[];
      readonly allowed_files?: readonly string[];
    };
  };
  const trusted = new Map(manifest.sgx.trusted_files.map(({ uri, sha256 }) => [bytesOfText(uri), sha256]));
  const mounts = [...manifest.fs.mounts].reverse();
  const covers = (place: string, path: string) => path === place || path.startsWith(`${place}/`);
  return (path) => {
    if (path === '/etc/resolv.conf') return undefined;
    const mount = mounts.find((candidate) => covers(bytesOfText(candidate.path), path));
    if (mount === undefined && ['/proc', '/dev', '/sys'].some((place) => covers(place, path))) {
      return undefined;
    }
    if (mount !== undefined && (mount.type ?? 'chroot') !== 'chroot') return undefined;
    const rest = mount ? path.slice(bytesOfText(mount.path).length) : path;
    const host = `${bytesOfText(mount?.uri ?? 'file:')}${rest}`;
    const allowed = manifest.sgx.allowed_files ?? [];
    return allowed.some((uri) => covers(uri.replace(/\/$/, ''), host)) ? undefined : trusted.get(host);
  };
}

/** Every name of the tree, and once more through each link to a directory. */
function* allNames(tree: FileTree): Generator<ImagePath> {
  for (const { path, node } of walkTree(tree)) {
    yield path;
    if (node.kind !== 'symlink') continue;
    const found = resolvePath(tree, path);
    if (found.kind !== 'found' || found.node.kind !== 'directory') continue;
    for (const below of walkTree(tree, found.path)) {
      yield imagePath(`${path}/${below.path.slice(found.path === '/' ? 0 : found.path.length)}`);
    }
  }
}

interface RealBuild {
  readonly built: Graminized;
  readonly scan: ImageScan;
}

async function buildReal(app: Image, wishes: Wishes): Promise<RealBuild> {
  const scan = await scanImage(app);
  const { manifest, ...options } = wishes;
  const built = await graminize(app, await runtimeOf(), {
    name: 'result',
    ...options,
    tree: scan.tree,
    ...(manifest !== undefined && { manifest: parseToml(Buffer.from(manifest), 'user.manifest') }),
  });
  return { built, scan };
}

const wishesToTry = {
  'by default': {},
  'lean, with a manifest of mounts and allowed files': {
    trustLevel: 'lean',
    exclude: ['/usr/lib/**/*.so.?'],
    trust: ['/var'],
    manifest: `
fs.mounts = [
  { type = "tmpfs", path = "/home" },
  { type = "chroot", path = "/mnt", uri = "file:/usr" },
  { type = "encrypted", path = "/usr/local/share", uri = "file:/usr/local/share" },
]
sgx.allowed_files = ["file:/var/log/", "file:/usr/bin"]`,
  },
} satisfies Record<string, Wishes>;

describe('gsc explain of real images', () => {
  for (const name of ['debian-python', 'node'] as const) {
    for (const [title, wishes] of Object.entries(wishesToTry)) {
      it(`agrees with the manifest for every path of the ${name} image ${title}`, async (context) => {
        const { reference, rootfs } = await imageForTest(context, name);
        const app = await openImage(parseReference(reference) as FileReference, {});
        const { built, scan } = await buildReal(app, wishes);
        const toml = await fileIn({ ...built.image, layers: added(built) }, manifestPath);
        if (toml === undefined) throw new RangeError('the image has no manifest');
        const oracle = makeOracle(toml);
        const whole = await scanImage(built.image);
        const byImage = await explainableImage(built.image, whole);
        const byBuild = await explainableBuild(built, scan.indexes);
        const reached = expectAgreement([byImage, byBuild], whole.tree, oracle);
        // Nothing is listed that no name leads to, but for what the user allows or covers.
        const listed = [...byImage.names.trusted.keys()].filter((path) => oracle(path) !== undefined);
        expect(listed.filter((path) => !reached.has(path as ImagePath))).toEqual([]);
        expect(reached.size).toBeGreaterThan(name === 'node' ? 8 : 4000);
        expectContents(byImage, reached, rootfs);
        await app.close();
      });
    }
  }

  it('a signed image is explained from its signed manifest', async (context) => {
    const { reference } = await imageForTest(context, 'node');
    const app = await openImage(parseReference(reference) as FileReference, {});
    const { built } = await buildReal(app, {});
    const signer = pemSigner(await readFile(await testKey()), { subject: 'key' });
    const { image } = await signImage(built.image, { signer, name: 'signed' });
    const signed = await explainableImage(image, await scanImage(image));
    expect(explainPath(signed, imagePath('/usr/local/bin/node'))).toMatchObject({
      verdict: { kind: 'trusted', isIntact: true },
      finding: { layer: { number: 3, diffId: app.layers[2]?.diffId } },
    });
    await app.close();
  });
});

const manifestPath = '/gramine/app_files/entrypoint.manifest';

/** The layers that gsc added. */
function added({ image }: Graminized): readonly Layer[] {
  return image.layers.slice(-2);
}

/** Expects every explanation to be trusted exactly where the oracle has an entry; gives the trusted names. */
function expectAgreement(
  images: readonly ExplainableImage[],
  tree: FileTree,
  oracle: (path: string) => string | undefined,
): ReadonlySet<ImagePath> {
  const reached = new Set<ImagePath>();
  const differing: unknown[] = [];
  for (const path of allNames(tree)) {
    const expected = oracle(path);
    const found = resolvePath(tree, path);
    // All that is below a directory is counted each time: one of the images is enough for those.
    const isDirectory = found.kind === 'found' && found.node.kind === 'directory';
    for (const image of isDirectory ? images.slice(0, 1) : images) {
      const { verdict } = explainPath(image, path);
      const got = verdict.kind === 'trusted' ? verdict.sha256 : undefined;
      if (got !== expected) differing.push({ path, verdict, expected });
      if (verdict.kind === 'trusted' && verdict.isIntact !== true) differing.push({ path, verdict });
    }
    if (expected !== undefined) reached.add(path);
  }
  expect(differing).toEqual([]);
  return reached;
}

/** The hashes are those of the files that GNU tar unpacked from the app image. */
function expectContents(image: ExplainableImage, paths: ReadonlySet<ImagePath>, rootfs: string): void {
  const hashes = new Map<ImagePath, string>();
  for (const path of paths) {
    const { verdict, finding } = explainPath(image, path);
    if (verdict.kind !== 'trusted' || finding.kind !== 'file' || path.startsWith('/gramine/')) continue;
    hashes.set(finding.realPath, verdict.sha256);
  }
  for (const [path, expected] of hashes) {
    const file = Buffer.from(join(rootfs, path), 'latin1');
    expect([path, sha256(readFileSync(file))]).toEqual([path, expected]);
  }
}
