import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { noChoices } from '../../src/graminize/build-options.ts';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, trustedPathsIn, type Wishes } from '../support/graminized/graminized.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

const shell: readonly MadeEntry[] = [staticProgram('bin/sh')];

async function manifestOf(run: RunConfig, wishes: Wishes = {}, more: readonly MadeEntry[] = []) {
  const app = await appImage([[staticProgram(), ...shell, ...more]], run);
  return manifestIn((await graminizeApp(app, wishes)).image);
}

describe('arguments', () => {
  test.each<[string, RunConfig, readonly string[]]>([
    ['ENTRYPOINT and CMD', { Entrypoint: ['/app', '-a'], Cmd: ['b c', ''] }, ['/app', '-a', 'b c', '']],
    ['ENTRYPOINT alone', { Entrypoint: ['/app', 'x'] }, ['/app', 'x']],
    ['CMD alone', { Cmd: ['/app', 'x'] }, ['/app', 'x']],
    ['a CMD behind an empty ENTRYPOINT', { Entrypoint: [], Cmd: ['/app'] }, ['/app']],
    ['an ENTRYPOINT of many words', { Entrypoint: ['/app', '1', '2'], Cmd: ['3'] }, ['/app', '1', '2', '3']],
    ['words with quotes and newlines', { Cmd: ['/app', '"\\\n\t\u{1f600}'] }, ['/app', '"\\\n\t\u{1f600}']],
  ])('of %s are in the manifest, word for word', async (_, run, argv) => {
    const { loader } = await manifestOf(run);
    expect(loader.argv).toEqual(argv);
    expect(loader.insecure__use_cmdline_argv).toBeUndefined();
  });

  test('keep the name as given, while the entrypoint is the real path', async () => {
    const links: MadeEntry[] = [
      ['usr/bin/tool', { link: '../../opt/tool-1' }],
      staticProgram('opt/tool-1'),
      ['bin/tool', { link: '/usr/bin/tool' }],
    ];
    const { libos, loader } = await manifestOf({ Cmd: ['tool'], Env: ['PATH=/bin'] }, {}, links);
    expect(libos.entrypoint).toBe('/opt/tool-1');
    expect(loader.argv).toEqual(['tool']);
  });

  test('of a manifest win over those of the image', async () => {
    const { loader } = await manifestOf({ Cmd: ['/app', 'x'] }, { manifest: 'loader.argv = ["/app", "y"]' });
    expect(loader.argv).toEqual(['/app', 'y']);
  });

  test('from a file named in a manifest leave no second source of arguments', async () => {
    const manifest = 'loader.argv_src_file = "file:/args"\nsgx.trusted_files = ["file:/args"]';
    const { loader } = await manifestOf({ Cmd: ['/app'] }, { manifest }, [['args', 'app\0x\0']]);
    expect(loader.argv_src_file).toBe('file:/args');
    expect(loader.argv).toBeUndefined();
  });
});

describe('a file that the manifest takes arguments or variables from', () => {
  const files: readonly MadeEntry[] = [
    ['var/args', 'app\0'],
    ['tmp/env', 'A=b\0'],
    ['var/other', 'x'],
  ];
  const trustedWith = async (manifest: string) => {
    const app = await appImage([[staticProgram(), ...files]], { Cmd: ['/app'] });
    return trustedPathsIn((await graminizeApp(app, { manifest })).image);
  };

  test('is trusted, also where nothing else is, and under a tmpfs', async () => {
    const manifest = 'loader.argv_src_file = "file:/var/args"\nloader.env_src_file = "file:/tmp/env"';
    expect(await trustedWith(manifest)).toEqual(['/app', '/var/args', '/tmp/env']);
  });

  test('is refused if the image does not have it, with its place in the manifest', async () => {
    await expect(trustedWith('\nloader.env_src_file = "file:/none"')).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringMatching(/^user\.manifest:2:8: loader\.env_src_file: .*there is no none in \/$/),
    });
  });

  test.each([
    ['is allowed', 'sgx.allowed_files = ["file:/later"]'],
    [
      'is listed with its hash',
      `sgx.trusted_files = [{ uri = "file:/later/x", sha256 = "${'0'.repeat(64)}" }]`,
    ],
  ])('may come later if it %s', async (_, more) => {
    await expect(trustedWith(`loader.argv_src_file = "file:/later/x"\n${more}`)).resolves.toBeDefined();
  });
});

describe('arguments of the host (insecure)', () => {
  async function startOf(run: RunConfig, wishes: Wishes = { insecureArguments: true }) {
    const app = await appImage([[staticProgram(), ...shell]], run);
    const result = await graminizeApp(app, wishes);
    return { result, run: result.image.config.config ?? {} };
  }

  test('replace CMD and come after the fixed words of ENTRYPOINT', async () => {
    const { result, run } = await startOf({ Entrypoint: ['/app', '-f'], Cmd: ['x', 'y'] });
    expect(run.Entrypoint?.slice(2)).toEqual(['-f']);
    expect(run.Cmd).toEqual(['x', 'y']);
    expect((await manifestIn(result.image)).loader.insecure__use_cmdline_argv).toBe(true);
  });

  test('leave the program in place where only CMD names it', async () => {
    const { run } = await startOf({ Cmd: ['/app', 'x', 'y'] });
    expect(run.Entrypoint).toHaveLength(2);
    expect(run.Cmd).toEqual(['x', 'y']);
  });

  test('are let through as well if the manifest says so', async () => {
    const manifest = 'loader.insecure__use_cmdline_argv = true';
    const { result, run } = await startOf({ Cmd: ['/app', 'x'] }, { manifest });
    expect(run.Cmd).toEqual(['x']);
    expect((await manifestIn(result.image)).loader.argv).toBeUndefined();
  });

  test('are reported as insecure', async () => {
    const { result } = await startOf({ Cmd: ['/app'] });
    expect(result.insecure.map(({ path }) => path.join('.'))).toContain('loader.insecure__use_cmdline_argv');
  });

  test('without the option leave no CMD behind that an engine would pass on', async () => {
    const { run } = await startOf({ Entrypoint: ['/app'], Cmd: ['x'] }, {});
    expect(run.Cmd).toBeUndefined();
  });
});

describe('the environment', () => {
  test('has every variable of the image, newlines and all', async () => {
    const Env = ['A=1', 'TEXT=one\ntwo "three" \\ é', 'EMPTY=', 'EQUALS=a=b'];
    const { loader } = await manifestOf({ Cmd: ['/app'], Env });
    expect(loader.env).toMatchObject({ A: '1', TEXT: 'one\ntwo "three" \\ é', EMPTY: '', EQUALS: 'a=b' });
  });

  test("takes the manifest's value before the image's", async () => {
    const run = { Cmd: ['/app'], Env: ['A=image', 'B=image', 'C=image'] };
    const manifest = 'loader.env.A = "user"\nloader.env.B = { passthrough = true }';
    const { loader } = await manifestOf(run, { manifest });
    expect(loader.env).toMatchObject({ A: 'user', B: { passthrough: true }, C: 'image' });
  });

  test('joins lists of paths: runtime, manifest, image, its system directories, each directory once', async () => {
    const run = {
      Cmd: ['/app'],
      Env: ['LD_LIBRARY_PATH=/image:/both', 'PATH=/bin:/user', 'LD_PRELOAD=/i.so'],
    };
    const manifest =
      'loader.env.LD_LIBRARY_PATH = "/user:/both"\nloader.env.PATH = "/user"\nloader.env.LD_PRELOAD = "/u.so"';
    const preloaded: MadeEntry[] = [
      ['u.so', 'u'],
      ['i.so', 'i'],
    ];
    const app = await appImage([[...glibcProgram(), ...shell, ...preloaded]], run);
    const { loader } = await manifestIn((await graminizeApp(app, { manifest })).image);
    const libraries = String(loader.env.LD_LIBRARY_PATH).split(':');
    expect(libraries.slice(0, 4)).toEqual(['/gramine/runtime/runtime/glibc', '/user', '/both', '/image']);
    expect(libraries.slice(4)).toContain('/usr/lib/x86_64-linux-gnu');
    expect(new Set(libraries).size).toBe(libraries.length);
    expect(loader.env.PATH).toBe('/user:/bin');
    expect(loader.env.LD_PRELOAD).toBe('/u.so:/i.so');
  });

  test('has the PATH and HOME that engines set where the image has none', async () => {
    const accounts: MadeEntry[] = [['etc/passwd', 'me:x:7:8::/home/me:/bin/sh\n']];
    const { loader } = await manifestOf({ Cmd: ['/app'], User: 'me' }, {}, accounts);
    expect(loader.env.PATH).toBe('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
    expect(loader.env.HOME).toBe('/home/me');
  });

  test('of a static program has no library path of gsc', async () => {
    const { loader } = await manifestOf({ Cmd: ['/app'] });
    expect(loader.env.LD_LIBRARY_PATH).toBeUndefined();
  });
});

describe('what an image has below /gramine', () => {
  const entries: readonly MadeEntry[] = [
    staticProgram('gramine/my/app'),
    ['gramine/my/data', 'x'],
    ['gramine/host.conf', 'x'],
  ];

  test("is the application's, but for gsc's own three directories", async () => {
    const app = await appImage([[...entries, ...shell]], {
      Cmd: ['/gramine/my/app'],
      WorkingDir: '/gramine/my',
    });
    const { image, selection } = await graminizeApp(app);
    const { libos, fs } = await manifestIn(image);
    expect([libos.entrypoint, fs.start_dir]).toEqual(['/gramine/my/app', '/gramine/my']);
    const own = ['/gramine/host.conf', '/gramine/my/app', '/gramine/my/data'];
    expect(selection.trusted.map(({ path }) => path)).toEqual(['/bin/sh', ...own]);
  });

  test.each(['/gramine/runtime/x', '/gramine/host/x', '/gramine/app_files/x', '/gramine/app_files'])(
    'may be added, but not as %s',
    async (path) => {
      const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'] });
      const added = (at: string) => ({
        choices: { ...noChoices, files: [{ path: imagePath(at), mode: 0o644, content: Buffer.from('x') }] },
      });
      await expect(graminizeApp(app, added(path))).rejects.toMatchObject({ code: 'usage', subject: path });
      const { selection } = await graminizeApp(app, added('/gramine/settings'));
      expect(selection.trusted.map((file) => file.path)).toContain('/gramine/settings');
    },
  );
});

test('what unpacking tools disagree about is among the notes, with files added too', async () => {
  const layers: readonly MadeEntry[][] = [
    [staticProgram(), ...shell, ['lib', { link: 'usr/lib' }]],
    [['lib/x', 'x']],
  ];
  const app = await appImage(layers, { Cmd: ['/app'] });
  const files = [{ path: imagePath('/more'), mode: 0o644, content: Buffer.from('x') }];
  const { notes, selection } = await graminizeApp(app, { choices: { ...noChoices, files } });
  expect(notes[0]).toMatch(
    /: layer sha256:[0-9a-f]{64} has entries below \/lib \(a link to usr\/lib\) of lower layers/,
  );
  expect(selection.trusted.map(({ path }) => path)).toContain('/lib/x');
});

describe('the user', () => {
  const accounts: MadeEntry[] = [
    ['etc/passwd', 'root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n'],
    ['etc/group', 'root:x:0:\nstaff:x:50:\n'],
  ];

  test.each<[string, number, number]>([
    ['', 0, 0],
    ['root', 0, 0],
    ['web', 33, 44],
    ['33', 33, 44],
    ['4711', 4711, 0],
    ['4711:4712', 4711, 4712],
    ['web:staff', 33, 50],
    ['web:7', 33, 7],
  ])('%o becomes uid %i and gid %i, and stays the user of the container', async (User, uid, gid) => {
    const app = await appImage([[staticProgram(), ...shell, ...accounts]], { Cmd: ['/app'], User });
    const { image } = await graminizeApp(app);
    const { loader } = await manifestIn(image);
    expect([loader.uid, loader.gid]).toEqual([uid, gid]);
    expect(image.config.config?.User).toBe(User);
  });

  test.each(['nobody', 'web:none', '-1', '99999999999'])('%o is refused', async (User) => {
    await expect(manifestOf({ Cmd: ['/app'], User }, {}, accounts)).rejects.toMatchObject({ code: 'user' });
  });
});

describe('the working directory', () => {
  test('is the start directory with its links resolved', async () => {
    const links: MadeEntry[] = [
      ['srv', { link: 'data/srv' }],
      ['data/srv/x', null],
    ];
    const { fs } = await manifestOf({ Cmd: ['/app'], WorkingDir: '/srv/x/' }, {}, links);
    expect(fs.start_dir).toBe('/data/srv/x');
  });

  test('of none is the root', async () => {
    expect((await manifestOf({ Cmd: ['/app'] })).fs.start_dir).toBe('/');
  });

  test('that is below a link and does not exist is where the link leads', async () => {
    const links: MadeEntry[] = [
      ['srv', { link: 'data/srv' }],
      ['data/srv', null],
    ];
    const { fs } = await manifestOf({ Cmd: ['/app'], WorkingDir: '/srv/new/deep' }, {}, links);
    expect(fs.start_dir).toBe('/data/srv/new/deep');
  });

  test.each<[string, string, MadeEntry]>([
    ['is a file', '/etc/x', ['etc/x', 'file']],
    ['lies below a file', '/etc/x/y', ['etc/x', 'file']],
    ['is a link to nothing', '/work', ['work', { link: '/nowhere' }]],
    ['lies below a link to nothing', '/work/x', ['work', { link: '/nowhere' }]],
    ['lies in a circle of links', '/work', ['work', { link: '/work' }]],
  ])('that %s is refused', async (_, WorkingDir, entry) => {
    await expect(manifestOf({ Cmd: ['/app'], WorkingDir }, {}, [entry])).rejects.toMatchObject({
      code: 'entrypoint',
    });
  });

  const mountsOf = async (entries: readonly MadeEntry[], WorkingDir: string, manifest = '') => {
    const { fs } = await manifestOf({ Cmd: ['/app'], WorkingDir }, { manifest }, entries);
    return fs.mounts.filter(({ path }) => path !== '/etc/hosts');
  };
  const scratch = ['/run', '/tmp', '/var/tmp'].map((path) => ({ type: 'tmpfs', path }));

  test('in a tmpfs is a separate tmpfs if it is empty, or is not there, else shown as the image has it', async () => {
    const own = { type: 'tmpfs', path: '/tmp/a/b' };
    expect(await mountsOf([['tmp/a/b', null]], '/tmp/a/b')).toEqual([...scratch, own]);
    expect(await mountsOf([], '/tmp/a/b')).toEqual([...scratch, own]);
    const shown = { type: 'chroot', path: '/tmp/a/b', uri: 'file:/tmp/a/b' };
    expect(await mountsOf([['tmp/a/b/c/d', 'x']], '/tmp/a/b')).toEqual([...scratch, shown]);
    expect(await mountsOf([], '/tmp/a', 'fs.start_dir = "/"')).toEqual(scratch);
  });

  test('in a tmpfs that the manifest asks for is refused, as it is not there when the enclave starts', async () => {
    const manifest = 'fs.mounts = [{ type = "tmpfs", path = "/tmp" }]';
    const made = manifestOf({ Cmd: ['/app'], WorkingDir: '/tmp/work' }, { manifest }, [['tmp/work', null]]);
    await expect(made).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringContaining('/tmp/work'),
    });
  });

  test('may be the tmpfs itself, or be replaced by the manifest', async () => {
    expect((await manifestOf({ Cmd: ['/app'], WorkingDir: '/tmp' })).fs.start_dir).toBe('/tmp');
    const manifest = 'fs.start_dir = "/"';
    const moved = await manifestOf({ Cmd: ['/app'], WorkingDir: '/tmp/x' }, { manifest }, [['tmp/x', null]]);
    expect(moved.fs.start_dir).toBe('/');
  });
});

describe('a start directory of the manifest', () => {
  const run = { Cmd: ['/app'], WorkingDir: '/made' };
  const start = (manifest: string) => manifestOf(run, { manifest }, [['file', 'x']]);

  test.each<[string, string, RegExp]>([
    [
      'that the image does not have',
      'fs.start_dir = "/none"',
      /user\.manifest:1:4: fs\.start_dir: .*there is no none in \//,
    ],
    ['that is a file', 'fs.start_dir = "/file"', /it is a file/],
  ])('%s is refused', async (_, manifest, message) => {
    await expect(start(manifest)).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringMatching(message),
    });
  });

  test.each<[string, string]>([
    ['that is made as the working directory', 'fs.start_dir = "/made"'],
    ['that the host may put there', 'fs.start_dir = "/later"\nsgx.allowed_files = ["file:/later/"]'],
    [
      'in an encrypted mount',
      'fs.start_dir = "/e"\nfs.mounts = [{ type = "encrypted", path = "/e", uri = "file:/e" }]',
    ],
  ])('%s is taken', async (_, manifest) => {
    await expect(start(manifest)).resolves.toBeDefined();
  });
});

describe('what cannot be graminized', () => {
  async function refusal(run: RunConfig, entries: readonly MadeEntry[]) {
    return graminizeApp(await appImage([entries], run)).catch((error: unknown) => error);
  }

  test('an image that names nothing to start', async () => {
    expect(await refusal({}, [staticProgram()])).toMatchObject({ code: 'entrypoint' });
  });

  test('a program that is not there: the error says where it looked', async () => {
    const run = { Cmd: ['prog'], Env: ['PATH=/bin:/usr/bin'] };
    const error = await refusal(run, [staticProgram(), ['usr/bin/prog', 'x', 0o644]]);
    expect(error).toMatchObject({
      code: 'entrypoint',
      message: expect.stringMatching(/\/bin\/prog .*\/usr\/bin\/prog \(not executable\)/),
      hint: expect.any(String),
    });
  });

  test('a program for another machine', async () => {
    const arm = Buffer.from(staticProgram()[1] as Buffer);
    arm.writeUInt16LE(183, 18);
    expect(await refusal({ Cmd: ['/app'] }, [['app', arm, 0o755]])).toMatchObject({
      code: 'platform',
      message: expect.stringContaining('arm64'),
    });
  });

  test('a program whose loader the image lacks', async () => {
    const [, , program] = glibcProgram();
    expect(await refusal({ Cmd: ['/app'] }, [program as MadeEntry])).toMatchObject({ code: 'entrypoint' });
  });

  test('a program in a tmpfs that the manifest asks for, or that shows it', async () => {
    const app = await appImage([[staticProgram('tmp/app'), staticProgram('bin/sh')]], { Cmd: ['/tmp/app'] });
    const mounted = (mount: string) =>
      graminizeApp(app, { manifest: `fs.mounts = [{ path = "/tmp", ${mount} }]` });
    await expect(mounted('type = "tmpfs"')).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringContaining('/tmp/app'),
    });
    const { image } = await mounted('uri = "file:/tmp"');
    expect((await manifestIn(image)).libos.entrypoint).toBe('/tmp/app');
  });

  test.each<[string, readonly MadeEntry[], string]>([
    [
      'in a directory that its user may not enter',
      [['opt', null, 0o700]],
      'may not enter /opt (mode 0700 of 0:0)',
    ],
    ['that its user may only execute', [], 'may not read /opt/app (mode 0711 of 0:0)'],
  ])('a program %s, unless the user is root', async (_, entries, message) => {
    const [name, content] = staticProgram('opt/app');
    const all = [...entries, [name, content, 0o711]] as readonly MadeEntry[];
    const error = await refusal({ Cmd: ['/opt/app'], User: '1000:1000' }, all);
    expect(error).toMatchObject({ code: 'entrypoint', message: expect.stringContaining(message) });
    expect(await refusal({ Cmd: ['/opt/app'] }, all)).not.toBeInstanceOf(Error);
  });

  test('no program that a manifest names in a place that is left out: it is trusted, and so is its link', async () => {
    const entries: MadeEntry[] = [
      staticProgram(),
      staticProgram('var/x/real'),
      ['var/x/run', { link: 'real' }],
    ];
    const app = await appImage([[...entries, ['var/x/data', 'd']]], { Cmd: ['/app'], WorkingDir: '/var' });
    const { image } = await graminizeApp(app, { manifest: 'libos.entrypoint = "x/run"' });
    expect(await trustedPathsIn(image)).toEqual(['/app', '/var/x/real', '/var/x/run']);
  });

  test.each<[string, string]>([
    ['another directory over it', 'fs.mounts = [{ path = "/bin", uri = "file:/other" }]'],
    ['another root', 'fs.root = { uri = "file:/other" }'],
  ])('a program that is not there because the manifest mounts %s', async (_, manifest) => {
    const app = await appImage([[...shell, ['other/x', 'x']]], { Cmd: ['/bin/sh'] });
    await expect(graminizeApp(app, { manifest })).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringContaining('shows /other/'),
    });
    const allowed = `${manifest}\nsgx.allowed_files = ["file:/other"]`;
    await expect(graminizeApp(app, { manifest: allowed })).resolves.toBeDefined();
  });

  const inManifest = 'libos.entrypoint';
  test.each<[string, string, RegExp, hint: string]>([
    [
      'that is missing',
      '/none',
      /user\.manifest:2:7: libos\.entrypoint: .*"\/none".*there is no none/,
      inManifest,
    ],
    ['that cannot be executed', '/data', /not executable/, 'RUN chmod +x /data'],
    ['that is a directory', '/bin', /a directory/, inManifest],
    ['in a tmpfs', '/tmp/app', /tmpfs/, inManifest],
  ])('a program named in the manifest %s', async (_, path, message, hint) => {
    const app = await appImage([[staticProgram(), ...shell, ['data', 'x']]], { Cmd: ['/app'] });
    const manifest = `\nlibos.entrypoint = "${path}"`;
    await expect(graminizeApp(app, { manifest })).rejects.toMatchObject({
      code: 'entrypoint',
      message: expect.stringMatching(message),
      hint: expect.stringContaining(hint),
    });
  });

  test.each<[string, string]>([
    ['a link', 'libos.entrypoint = "/link/sh"'],
    ['a path from the working directory', 'libos.entrypoint = "sh"\nfs.start_dir = "/bin"'],
    [
      'an encrypted mount',
      'libos.entrypoint = "/e/x"\nfs.mounts = [{ type = "encrypted", path = "/e", uri = "file:/e" }]',
    ],
    ['what the host may put there', 'libos.entrypoint = "/later/x"\nsgx.allowed_files = ["file:/later/"]'],
  ])('but not one behind %s', async (_, manifest) => {
    const many = Array.from({ length: 20 }, (_, i): MadeEntry => [`bin/f${i}`, 'x']);
    const app = await appImage([[staticProgram(), ...shell, ...many, ['link', { link: 'bin' }]]], {
      Cmd: ['/app'],
    });
    await expect(graminizeApp(app, { manifest })).resolves.toBeDefined();
  });

  test('an image that is graminized, or graminized and signed', async () => {
    const { image } = await graminizeApp(await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'] }));
    const again = graminizeApp({ ...image, name: 'again' });
    await expect(again).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('graminized'),
    });
    const Labels = { ...image.config.config?.Labels, 'gsc.mrenclave': '00' };
    const signed = { ...image, config: { ...image.config, config: { ...image.config.config, Labels } } };
    await expect(graminizeApp(signed)).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('signed'),
    });
  });

  test('a program of the manifest below /proc, which the engine hides', async () => {
    const app = await appImage([[staticProgram(), staticProgram('proc/x')]], { Cmd: ['/app'] });
    const error = await graminizeApp(app, { manifest: 'libos.entrypoint = "/proc/x"' }).catch(
      (reason) => reason,
    );
    expect(error).toMatchObject({
      code: 'entrypoint',
      message: expect.stringContaining('their own /proc'),
    });
  });

  test.each<[string, MadeEntry]>([
    ['a link at /gramine', ['gramine', { link: 'opt' }]],
    ['a file at /gramine', ['gramine', 'x']],
    ['a file where the manifest goes', ['gramine/app_files/entrypoint.manifest', 'x']],
    ['a link where the runtime goes', ['gramine/runtime', { link: '/opt' }]],
    ['a file where a directory of the runtime goes', ['gramine/host', 'x']],
  ])('an image with %s', async (_, entry) => {
    const error = await refusal({ Cmd: ['/app'] }, [staticProgram(), ...shell, ['opt', null], entry]);
    expect(error).toMatchObject({ code: 'state', message: expect.stringContaining('/gramine') });
  });

  test('a manifest whose enclave is too small: the size that is named is enough', async () => {
    const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'] });
    const manifest = (size: string) => `sgx.enclave_size = "${size}"\nsgx.max_threads = 100`;
    const error = await graminizeApp(app, { manifest: manifest('1M') }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'enclave', hint: expect.stringMatching(/"\d+[KMG]"/) });
    const enough = /"(\d+[KMG])"/.exec((error as { hint: string }).hint)?.[1] ?? '';
    const half = `${Number.parseInt(enough, 10) / 2}${enough.at(-1)}`;
    await expect(graminizeApp(app, { manifest: manifest(half) })).rejects.toMatchObject({ code: 'enclave' });
    expect((await graminizeApp(app, { manifest: manifest(enough) })).trustedFileCount).toBeGreaterThan(0);
  });
});

describe('SIGTERM, which docker stop sends', () => {
  const injectionOf = async (StopSignal: string | undefined, manifest = '') =>
    (await manifestOf({ Cmd: ['/app'], ...(StopSignal !== undefined && { StopSignal }) }, { manifest })).sys
      .enable_sigterm_injection;

  test.each([undefined, '', 'SIGTERM', 'term', '15'])('is let in with STOPSIGNAL %s', async (signal) => {
    expect(await injectionOf(signal)).toBe(true);
  });

  test.each(['SIGQUIT', 'SIGINT', '9', 'SIGRTMIN+3'])('is not with STOPSIGNAL %s', async (signal) => {
    expect(await injectionOf(signal)).toBeUndefined();
    expect(await injectionOf(signal, 'sys.enable_sigterm_injection = true')).toBe(true);
  });

  test('is kept out if the manifest says so, with a note', async () => {
    const manifest = 'sys.enable_sigterm_injection = false';
    const { overrides, image } = await graminizeApp(await appImage([[staticProgram()]], { Cmd: ['/app'] }), {
      manifest,
    });
    expect((await manifestIn(image)).sys.enable_sigterm_injection).toBe(false);
    expect(overrides).toMatchObject([{ user: 'false', own: 'true', from: 'your manifest' }]);
  });
});

describe('what is reported to the user', () => {
  test.each<[string, RunConfig, RegExp]>([
    ['a HEALTHCHECK', { Healthcheck: { Test: ['CMD', 'x'] } }, /HEALTHCHECK/],
    [
      'a STOPSIGNAL that no enclave gets',
      { StopSignal: 'SIGQUIT' },
      /STOPSIGNAL SIGQUIT is not delivered .*injection.* and .*--stop-signal/,
    ],
    ['a working directory that is made', { WorkingDir: '/new' }, /\/new/],
    ['a working directory with a name that is not ASCII', { WorkingDir: '/né\nw' }, /\/né\\x0aw/],
    ['a broken variable', { Env: ['nothing'] }, /nothing/],
    ['a volume', { Volumes: { '/data': {} } }, /\/data/],
  ])('%s', async (_, run, expected) => {
    const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'], ...run });
    const { notes } = await graminizeApp(app);
    expect(notes.join('\n')).toMatch(expected);
  });

  test('that a file which the engine replaces is trusted without effect', async () => {
    const app = await appImage([[staticProgram(), ['etc/hosts', 'h']]], { Cmd: ['/app'] });
    const { notes } = await graminizeApp(app, { manifest: 'sgx.trusted_files = ["file:/etc/hosts"]' });
    expect(notes).toEqual([expect.stringMatching(/^\/etc\/hosts is trusted, but the engine/)]);
  });

  test('that a STOPSIGNAL which the manifest keeps out is not delivered', async () => {
    const app = await appImage([[staticProgram()]], { Cmd: ['/app'], StopSignal: '15' });
    const { notes } = await graminizeApp(app, { manifest: 'sys.enable_sigterm_injection = false' });
    expect(notes).toEqual([
      expect.stringMatching(/^STOPSIGNAL 15 is not delivered .*injection in your manifest$/),
    ]);
  });

  test('nothing, where there is nothing to tell', async () => {
    const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'], StopSignal: 'TERM' });
    const { notes } = await graminizeApp(app, { manifest: 'sys.enable_sigterm_injection = true' });
    expect(notes).toEqual([]);
  });

  test('which keys of the manifest won over what gsc found', async () => {
    const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'], User: '5' });
    const { overrides } = await graminizeApp(app, { manifest: 'loader.uid = 6' });
    expect(overrides).toMatchObject([{ path: ['loader', 'uid'], user: '6', own: '5' }]);
  });
});
