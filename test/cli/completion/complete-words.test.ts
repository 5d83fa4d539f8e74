import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { presetNames } from '../../../src/tools.ts';
import { gscHere } from '../../support/cli/in-process.ts';
import { engineDouble } from '../../support/store/engine/engine-double.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-complete-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
for (const name of ['keys', 'layout', '.hidden', 'broken']) mkdirSync(join(directory, name));
for (const name of ['keys/a.pem', 'keys/b.pem', 'keys.txt', 'bad\nname', 'broken/index.json'])
  writeFileSync(join(directory, name), '{');
symlinkSync('keys', join(directory, 'link'));
symlinkSync('nowhere', join(directory, 'dangling'));
writeFileSync(join(directory, 'layout', 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [] }));

async function linesFor(...words: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await gscHere(['completion', 'bash', '--', ...words], {
    workingDirectory: directory,
    homeDirectory: join(directory, 'keys'),
    environment: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').slice(0, -1);
}

async function textsFor(...words: readonly string[]): Promise<readonly string[]> {
  return (await linesFor(...words)).map((line) => line.replace(/\t.*$/, ''));
}

const transports = [
  ...['docker://', 'docker-daemon:', 'containers-storage:', 'oci:', 'oci-archive:', 'docker-archive:'],
];

describe('the words of a command line', () => {
  test('first come the commands, with what they do, and the options of gsc itself', async () => {
    expect(await linesFor('sign-i')).toEqual(['sign-image\tsign a graminized image']);
    expect(await textsFor('')).toEqual(expect.arrayContaining(['build', 'completion', 'help']));
    expect(await textsFor('--v')).toEqual(['--version']);
    expect(await textsFor('help', 'bui')).toEqual(['build', 'build-gramine']);
  });

  test('options are those of the command, those of every command included', async () => {
    expect(await textsFor('sigstruct-view', '--')).toEqual(
      expect.arrayContaining(['--output-format', '--json', '--quiet', '--help']),
    );
    expect(await textsFor('cache', '-')).not.toContain('--preset');
  });

  test('a value comes after its option, in the next word or after =', async () => {
    expect(await textsFor('build', '--libc', '')).toEqual(['auto', 'runtime', 'image']);
    expect(await textsFor('build', '--libc=r')).toEqual(['--libc=runtime']);
    expect(await textsFor('build', '-b', 'd')).toEqual(['debug', 'debugoptimized']);
    expect(await textsFor('init', '--preset', '')).toEqual([...presetNames]);
    expect(await textsFor('info-image', '--expected-values', 'j')).toContain('json');
  });

  test('operands are counted past options and their values, and past --', async () => {
    expect(await textsFor('build', '--libc', 'auto', '')).toEqual(transports);
    expect(await textsFor('build', '--libc=auto', 'app', 'keys/')).toEqual(['keys/a.pem', 'keys/b.pem']);
    expect(await textsFor('build', '--', 'app', 'keys/')).toEqual(['keys/a.pem', 'keys/b.pem']);
    expect(await textsFor('build', 'app', 'manifest', 'keys/')).toEqual(['keys/a.pem', 'keys/b.pem']);
    expect(await textsFor('info-image', 'app', 'keys/')).toEqual([]);
    expect(await textsFor('cache', '')).toEqual(['ls', 'prune']);
  });

  test('a word in the place of an operand is offered, and then its own options', async () => {
    expect(await linesFor('kubernetes', 'f')).toEqual(['fleet\ta Job that makes a list of images']);
    expect(await textsFor('kubernetes', '')).toEqual(['fleet', ...transports]);
    expect(await textsFor('kubernetes', 'app:1', 'f')).toEqual([]);
    expect(await textsFor('kubernetes', '--images', 'keys.txt', 'f')).toEqual(['fleet']);
    const options = await textsFor('kubernetes', 'fleet', '--');
    expect(options).toEqual(
      expect.arrayContaining(['--images', '--worker-image', '--name', '--json', '--help']),
    );
    for (const other of [
      '--file',
      '--image',
      '--kind',
      '--device-plugin',
      '--attestation',
      '--epc',
      '--platform',
    ])
      expect(options).not.toContain(other);
    expect(await textsFor('kubernetes', 'fleet', '--images', 'keys.')).toEqual(['keys.txt']);
    const ofAnImage = await textsFor('kubernetes', 'app:1', '--');
    expect(ofAnImage).toEqual(expect.arrayContaining(['--kind', '--platform', '--name', '--json', '--help']));
    for (const other of ['--images', '--jobs', '--worker-image', '--key-secret'])
      expect(ofAnImage).not.toContain(other);
    expect(await textsFor('kubernetes', '--im')).toEqual(['--image', '--images']);
  });

  test('actions are choices, as of every command that has some', async () => {
    expect(await textsFor('evidence', '')).toEqual(['ls', 'show']);
    expect(await textsFor('key', '')).toEqual(['ls']);
    expect(await textsFor('collateral', '')).toEqual(['get']);
    expect(await textsFor('secrets', '')).toEqual(['serve']);
  });

  test('an alias of a command is that command; after an unknown one there is nothing', async () => {
    expect(await textsFor('build-graphene', '--buildt')).toEqual(['--buildtype']);
    expect(await textsFor('nothing', '')).toEqual([]);
  });
});

describe('values that are looked up', () => {
  test('files: directories with a /, hidden ones only where asked for, links as what they lead to', async () => {
    expect(await textsFor('build', '--key', '')).toEqual([
      'broken/',
      'dangling',
      'keys/',
      'keys.txt',
      'layout/',
      'link/',
      'pkcs11:',
      'exec:',
    ]);
    expect(await textsFor('build', '--key', 'pkc')).toEqual(['pkcs11:']);
    expect(await textsFor('key', 'ls', 'e')).toEqual([]);
    expect(await textsFor('build', '--key', '.h')).toEqual(['.hidden/']);
    expect(await textsFor('build', '--key', '~/a')).toEqual(['~/a.pem']);
    expect(await textsFor('build', '--key', `${directory}/keys.`)).toEqual([`${directory}/keys.txt`]);
    expect(await textsFor('build', '--key', 'keys.txt/')).toEqual([]);
  });

  test('directories alone where a directory is wanted', async () => {
    expect(await textsFor('collateral', 'get', '-o', 'ke')).toEqual(['keys/']);
    expect(await textsFor('info-image', 'oci:ke')).toEqual(['oci:keys/']);
  });

  test('references: transports, then what each has; nothing where it cannot be read', async () => {
    expect(await textsFor('info-image', 'doc')).toEqual(['docker://', 'docker-daemon:', 'docker-archive:']);
    expect(await textsFor('info-image', 'docker-archive:keys.')).toEqual(['docker-archive:keys.txt']);
    expect(await textsFor('info-image', 'docker-daemon:')).toEqual([]);
    for (const name of ['layout', 'broken', 'nowhere'])
      expect(await textsFor('info-image', `oci:${name}:`)).toEqual([]);
  });

  test('names of the images that the Engine has, under its transport and alone', async () => {
    const engine = await engineDouble();
    for (const name of ['shop:1', 'localhost:5000/shop:2', 'base:1']) engine.put(name, { config: {} }, []);
    const complete = (word: string) =>
      gscHere(['completion', 'bash', '--', 'build', word], {
        environment: { DOCKER_HOST: `unix://${engine.socket}` },
      });
    expect((await complete('docker-daemon:sh')).stdout).toBe('docker-daemon:shop:1\n');
    expect((await complete('localhost:5000/')).stdout).toBe('localhost:5000/shop:2\n');
    expect((await complete('ba')).stdout).toBe('base:1\n');
  });

  test('what an enclave does with a place; the place itself is the user’s own word', async () => {
    expect(await textsFor('build', '--volume', '/data=')).toEqual([
      '/data=allowed',
      '/data=encrypted',
      '/data=tmpfs',
    ]);
    expect(await textsFor('build', '--volume', '/data')).toEqual([]);
  });
});

describe('gsc completion', () => {
  test('prints the script of a shell, also in JSON', async () => {
    const { stdout } = await gscHere(['completion', 'fish']);
    expect(stdout).toContain('complete --command gsc');
    const json = await gscHere(['completion', 'fish', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ shell: 'fish', script: stdout });
  });

  test('refuses another shell, and proposes the nearest', async () => {
    const { code, stderr } = await gscHere(['completion', 'bsh']);
    expect(code).toBe(2);
    expect(stderr).toBe('gsc: SHELL: expected one of bash, zsh, fish, got "bsh"\nhint: did you mean bash?\n');
  });
});
