import type { RunConfig } from '../../../src/image/config.ts';
import type { BaseName } from './base-images.ts';
import type { Report } from './probe.ts';

/** One way to start a container. */
export interface StartForm {
  /** Says what is special about it. */
  readonly title: string;
  readonly base: BaseName;
  readonly run: RunConfig;
  /** Arguments of `docker run` after the image's name; the image is built with `--insecure-args` then. */
  readonly arguments?: readonly string[];
  /** `--entrypoint` of gsc, and of `docker run` for the app image, with `--cmd` as the arguments there. */
  readonly entrypoint?: string;
  readonly cmd?: readonly string[];
  /** The engine does not start it, and gsc does not build it: its error has this code. */
  readonly refused?: 'entrypoint' | 'user' | 'platform';
  /** A difference that is known and documented: what the app image's report would have to be. */
  readonly knownDifference?: (outside: Report) => Report;
}

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const probe = '/usr/local/bin/probe';

type Rest = Omit<StartForm, 'title' | 'base' | 'run'>;

function on(base: BaseName) {
  return (title: string, run: RunConfig, rest: Rest = {}): StartForm => ({ title, base, run, ...rest });
}
const busybox = on('busybox');
const debian = on('debian');
const bare = on('bare');
const musl = on('musl');

/** A script that is named relatively sees its absolute name: Gramine's start directory does not count for names of programs. */
function withScriptNamed(relative: string, absolute: string) {
  return (outside: Report): Report => ({
    ...outside,
    argv: outside.argv.map((word) => (word === relative ? absolute : word)),
  });
}

const words = [
  '',
  ' ',
  'two words',
  "it's",
  '"quoted"',
  '$HOME `id` \\ $(id)',
  'line one\nline two\n',
  '\t',
  '*',
];
const foreign = ['é', '日本語', '🔒', '\u0001\u007f', '\u2028', '--opt=é\n"'];

const commands: readonly StartForm[] = [
  busybox('ENTRYPOINT and CMD', { Entrypoint: [probe, 'a'], Cmd: ['b', 'c'] }),
  debian('ENTRYPOINT of three words and CMD', { Entrypoint: [probe, 'a', 'b'], Cmd: ['c'] }),
  debian('ENTRYPOINT alone', { Entrypoint: [probe, 'a'] }),
  busybox('CMD alone', { Cmd: [probe, 'a'] }),
  bare('ENTRYPOINT null, CMD given', { Entrypoint: null, Cmd: [probe] }),
  bare('ENTRYPOINT empty, CMD given', { Entrypoint: [], Cmd: [probe, 'x'] }),
  bare('CMD empty', { Entrypoint: [probe], Cmd: [] }),
  busybox('neither', {}, { refused: 'entrypoint' }),
  busybox('both empty', { Entrypoint: [], Cmd: [] }, { refused: 'entrypoint' }),
  busybox('an empty first word', { Cmd: ['', 'a'] }, { refused: 'entrypoint' }),
  busybox('blanks, quotes and newlines in arguments', { Entrypoint: [probe, ...words], Cmd: words }),
  debian('other scripts and control characters in arguments', { Entrypoint: [probe], Cmd: foreign }),
  debian('more than 4 KB in one argument', { Entrypoint: [probe], Cmd: ['x'.repeat(5000), 'y'] }),
  bare('60 KB in many arguments', {
    Entrypoint: [probe],
    Cmd: Array.from({ length: 600 }, (_, i) => `${i} ${'é"\\\n'.repeat(20)}`),
  }),
];

const programs: readonly StartForm[] = [
  debian('a name in PATH', { Cmd: ['probe', 'a'], Env: [path] }),
  debian('a name in the default PATH', { Cmd: ['probe'] }),
  busybox('a name in a PATH of its own', { Cmd: ['probe'], Env: ['PATH=/none:/opt/app/bin'] }),
  busybox('a directory of that name earlier in PATH', {
    Cmd: ['probe'],
    Env: [`PATH=/opt/shadow:/opt/app/bin`],
  }),
  busybox('a file that is not executable earlier in PATH', {
    Cmd: ['probe'],
    Env: ['PATH=/opt/plain-file:/opt/app/bin'],
  }),
  busybox(
    'an empty part of PATH, which is the working directory',
    { Cmd: ['probe'], Env: ['PATH=/none::/opt/app/bin'], WorkingDir: '/opt/app/bin' },
    { refused: 'entrypoint' },
  ),
  busybox(
    'a relative part of PATH',
    { Cmd: ['probe'], Env: ['PATH=app/bin'], WorkingDir: '/opt' },
    { refused: 'entrypoint' },
  ),
  busybox('an empty part of PATH behind the program', {
    Cmd: ['probe'],
    Env: ['PATH=/opt/app/bin::'],
    WorkingDir: '/usr/local/bin',
  }),
  busybox(
    'an empty PATH',
    { Cmd: ['probe'], Env: ['PATH='], WorkingDir: '/opt/app/bin' },
    { refused: 'entrypoint' },
  ),
  busybox('PATH given twice', { Cmd: ['probe'], Env: ['PATH=/none', 'PATH=/opt/app/bin'] }),
  debian('a relative name with a slash', { Cmd: ['./probe'], WorkingDir: '/opt/app/bin' }),
  debian('a relative name through directories', { Cmd: ['app/../app/bin/probe'], WorkingDir: '/opt' }),
  debian('a name that is not clean', { Cmd: ['/opt//app/./bin/../bin/probe'] }),
  bare('a program in the root', { Cmd: ['/probe'] }),
  bare('a relative program in the root', { Cmd: ['./probe'] }),
  debian('an absolute link', { Cmd: ['absolute-link', 'a'] }),
  busybox('a relative link', { Cmd: ['/usr/local/bin/relative-link'] }),
  debian('a link to a directory', { Cmd: ['/srv/current/bin/probe'] }),
  debian('links to links to directories', { Cmd: ['/srv/again/bin/probe'] }),
  debian('a PATH through directory links', { Cmd: ['probe'], Env: ['PATH=/srv/again/bin'] }),
  busybox('a dangling link', { Cmd: ['dangling-link'] }, { refused: 'entrypoint' }),
  busybox('a directory', { Cmd: ['/opt'] }, { refused: 'entrypoint' }),
  busybox('a name that is nowhere', { Cmd: ['nowhere'], Env: [path] }, { refused: 'entrypoint' }),
  busybox('a file that is no program', { Cmd: ['/work/file'] }, { refused: 'entrypoint' }),
  busybox('a program with a blank in its name', { Cmd: ['/opt/app/pro be', 'a'] }),
  debian('a program with a newline in its name', { Cmd: ['/opt/app/new\nline'] }),
  debian('a program with a name that is not ASCII', { Cmd: ['./probé'], WorkingDir: '/opt/app' }),
  debian('a dynamic program on glibc', { Entrypoint: ['dynamic-probe'], Cmd: ['a'], Env: [path] }),
  debian('a dynamic program through merged directories', { Cmd: ['/bin/dynamic-probe'] }),
  debian('a dynamic program with LD_LIBRARY_PATH', {
    Cmd: ['dynamic-probe'],
    Env: ['LD_LIBRARY_PATH=/opt/lib:/usr/lib', 'LD_BIND_NOW=1'],
  }),
  musl('a dynamic program on musl', { Entrypoint: ['musl-probe'], Cmd: ['a'] }),
  musl('a dynamic program on musl with LD_LIBRARY_PATH', {
    Cmd: ['musl-probe'],
    Env: ['LD_LIBRARY_PATH=/opt/lib'],
  }),
];

const scripts: readonly StartForm[] = [
  debian('a script in PATH', { Entrypoint: ['entry.sh', 'a'], Cmd: ['b c'] }),
  busybox('a script by its path, its line with an option', { Cmd: ['/opt/app/run.sh', 'a'] }),
  debian('a script through links', { Cmd: ['script-link', 'a'] }),
  debian('a script through a link to a directory', { Cmd: ['/srv/current/run.sh', 'a'] }),
  debian(
    'a relative script',
    { Cmd: ['./run.sh', 'a'], WorkingDir: '/opt/app' },
    { knownDifference: withScriptNamed('./run.sh', '/opt/app/run.sh') },
  ),
  bare('a #! line with blanks and an argument of several words', { Cmd: ['/opt/app/words', 'x y'] }),
  bare('a #! line without an end', { Cmd: ['/opt/app/plain', 'x'] }),
  bare('a script whose interpreter is a script', { Cmd: ['/opt/app/nested', 'x'] }),
  debian('a script by env', { Cmd: ['/opt/app/by-env', 'x'], Env: [path] }),
  busybox('a script by env of busybox', { Cmd: ['/opt/app/by-env', 'x'], Env: [path] }),
  debian('a script without its interpreter', { Cmd: ['/opt/app/lost'] }, { refused: 'entrypoint' }),
  debian('a script with the line ends of Windows', { Cmd: ['/opt/app/windows'] }, { refused: 'entrypoint' }),
  debian('a script without #!', { Cmd: ['/opt/app/no-format'] }, { refused: 'entrypoint' }),
  debian('a shell form, as CMD', { Cmd: ['/bin/sh', '-c', 'exec probe "$0" "two words" $((1 + 2))'] }),
  busybox('a shell form, as ENTRYPOINT, with CMD', {
    Entrypoint: ['/bin/sh', '-c', 'probe "$0" "$@"'],
    Cmd: ['zero', 'one two', 'three'],
  }),
  debian('a shell form of several lines', {
    Cmd: ['/bin/sh', '-ec', 'X="a\nb"\nexport X\nprobe "$X" \'q\'\n'],
  }),
  debian('bash as a login shell', { Cmd: ['bash', '-lc', 'exec probe "$0"', 'name'], Env: [path] }),
  busybox('an applet of busybox by its link', { Cmd: ['env', 'probe', 'x'], Env: [path] }),
  busybox('an applet of busybox as an argument', { Cmd: ['busybox', 'env', 'X=1', 'probe'], Env: [path] }),
  busybox('an applet by a link through other directories', { Cmd: ['/usr/bin/env', '-i', 'A=b', probe] }),
];

const users: readonly StartForm[] = [
  ...['', 'root', '0', '0:0', 'app', '1000', 'app:app', 'app:staff', '1000:50', 'svc', '1001'],
  ...['2222', '2222:3333', '2222:staff', 'nohome', '4321', '4321:4321', ':1000', 'app:', 'twice', '0:app'],
].map((User) => debian(`USER ${JSON.stringify(User)}`, { Cmd: [probe], User }));

const usersElsewhere: readonly StartForm[] = [
  ...['nobody-here', 'app:nothing', '-1', '2147483648', '99999999999999999999', 'app:-5', 'a b'].map((User) =>
    busybox(`USER ${JSON.stringify(User)}`, { Cmd: [probe], User }, { refused: 'user' }),
  ),
  bare('USER without a shell', { Cmd: [probe], User: '1000:1000' }),
  musl('USER on musl', { Cmd: ['musl-probe'], User: 'app' }),
  busybox('USER of another case', { Cmd: [probe], User: 'App' }, { refused: 'user' }),
];

const directories: readonly StartForm[] = [
  ...[
    '',
    '/',
    '/work/dir',
    '/work/link',
    '/work/absolute',
    '/work/dir/',
    '/work//./link/../dir',
    '/work/link/..',
  ].map((WorkingDir) => debian(`WORKDIR ${JSON.stringify(WorkingDir)}`, { Cmd: [probe], WorkingDir })),
  busybox('WORKDIR that is not there', { Cmd: [probe], WorkingDir: '/new/deep/er' }),
  bare('WORKDIR that is not there, without a shell', { Cmd: [probe], WorkingDir: '/made by é', User: 'app' }),
  busybox('WORKDIR that is not there, through a link', { Cmd: [probe], WorkingDir: '/work/link/new' }),
  busybox('WORKDIR that is not there, in a scratch place', { Cmd: [probe], WorkingDir: '/tmp/new/deep' }),
  busybox('WORKDIR that is a file', { Cmd: [probe], WorkingDir: '/work/file' }, { refused: 'entrypoint' }),
  busybox('WORKDIR below a file', { Cmd: [probe], WorkingDir: '/work/file/x' }, { refused: 'entrypoint' }),
  busybox('WORKDIR that is relative', { Cmd: [probe], WorkingDir: 'work/dir' }, { refused: 'entrypoint' }),
];

const environments: readonly StartForm[] = [
  ['values with =, quotes and backslashes', ['A=b=c', 'Q="x" \'y\'', 'B=\\n\\\\ $HOME']],
  ['newlines and tabs', ['N=one\ntwo\n', 'T=\t|', 'R=\r\n']],
  ['empty values', ['E=', 'F=""']],
  ['a name given twice: the last wins', ['A=1', 'B=2', 'A=3', 'A=4']],
  ['names that are no words', ['a.b=1', 'a-b=2', '1=3', 'a b=4', 'é=5', 'A"B=6', 'A\\B=7', '#=8', '[x]=9']],
  ['text that is not ASCII', ['E=é', 'J=日本語', 'Z=🔒\u0001\u007f\u2028']],
  ['HOME of its own', ['HOME=/elsewhere']],
  ['an empty HOME', ['HOME=']],
  ['an entry without =', ['A=1', 'JUST_A_NAME', 'B=2']],
  ['an entry without = after its value', ['A=1', 'A', 'B=2']],
  ['8 KB in one value', [`L=${'x'.repeat(8192)}`]],
  [
    'variables that the loader would heed',
    ['GRAMINE_MODE=direct', 'LD_BIND_NOW=1', 'IFS=/', 'ENV=/x', 'PS4=$(id)'],
  ],
  ['HOSTNAME and TERM of its own', ['HOSTNAME=mine', 'TERM=xterm']],
].map(([title, Env]) =>
  debian(`ENV: ${title as string}`, {
    Cmd: [probe],
    Env: [path, ...(Env as readonly string[])],
    User: 'app',
  }),
);

const settings: readonly StartForm[] = [
  debian('everything that a configuration can hold', {
    Cmd: [probe],
    User: 'app',
    WorkingDir: '/work/dir',
    Env: [path, 'A=b'],
    Volumes: { '/data': {} },
    ExposedPorts: { '8080/tcp': {}, '53/udp': {} },
    StopSignal: 'SIGUSR1',
    Labels: { own: 'yes' },
    Healthcheck: { Test: ['CMD', probe], Interval: 30_000_000_000, Retries: 3 },
    Shell: ['/bin/sh', '-ec'],
    OnBuild: ['RUN true'],
  }),
];

const impossible: readonly StartForm[] = [
  debian('ENV: an entry without a name', { Cmd: [probe], Env: ['=value'] }, { refused: 'entrypoint' }),
  debian('ENV: a NUL in a value', { Cmd: [probe], Env: ['A=a\0b'] }, { refused: 'entrypoint' }),
  debian('a NUL in an argument', { Cmd: [probe, 'a\0b'] }, { refused: 'entrypoint' }),
];

const runArguments: readonly StartForm[] = [
  debian(
    'arguments replace CMD',
    { Entrypoint: [probe, 'fixed'], Cmd: ['default'] },
    { arguments: ['given', 'two words'] },
  ),
  debian(
    'no arguments: CMD stays',
    { Entrypoint: [probe, 'fixed'], Cmd: ['default', 'é\n'] },
    { arguments: [] },
  ),
  busybox('arguments of every kind', { Entrypoint: [probe] }, { arguments: [...words, ...foreign] }),
  busybox('arguments of an applet of busybox', { Entrypoint: ['env'] }, { arguments: ['A=c', probe, 'x'] }),
  bare('arguments without a shell', { Entrypoint: [probe, 'fixed'], Cmd: ['d'] }, { arguments: ['given'] }),
];

const overrides: readonly StartForm[] = [
  busybox('--entrypoint drops CMD', { Entrypoint: ['/bin/echo'], Cmd: ['dropped'] }, { entrypoint: probe }),
  debian('--entrypoint and --cmd', { Cmd: ['/bin/sh'] }, { entrypoint: 'probe', cmd: ['a', 'two words'] }),
  debian('--cmd', { Entrypoint: ['probe', 'a'], Cmd: ['dropped'] }, { cmd: ['b'] }),
  debian(
    'an empty --entrypoint',
    { Entrypoint: ['/bin/echo'], Cmd: ['dropped'] },
    { entrypoint: '', cmd: ['probe', 'x'] },
  ),
  busybox('--entrypoint of an image without', {}, { entrypoint: '/opt/app/run.sh' }),
];

/** Every way to start that is tried, each outside and inside. */
export const startForms: readonly StartForm[] = [
  ...commands,
  ...programs,
  ...scripts,
  ...users,
  ...usersElsewhere,
  ...directories,
  ...environments,
  ...settings,
  ...impossible,
  ...runArguments,
  ...overrides,
];
