import { describe, expect, test } from 'vitest';
import { mountPlaceIn } from '../../../src/cli/options/foreign-options.ts';
import { gscHere } from '../../support/cli/in-process.ts';

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await gscHere(args);
  expect([code, stdout], stderr).toEqual([2, '']);
  expect(stderr).toMatch(/^gsc: [^\n]+\nhint: [^\n]+\n$/);
  return stderr;
}

describe('options of other programs get the counterpart as a hint', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['-t names an image', ['build', '-t', 'app', 'oci:app'], /with -o/],
    ['--tag=NAME names an image', ['build', '--tag=app', 'oci:app'], /with -o/],
    ['--name names an image', ['sign-image', '--name', 'app', 'oci:app', 'key.pem'], /with -o/],
    ['-t of build-gramine', ['build-gramine', '-t', 'runtime'], /gsc build-gramine NAME/],
    ['--manifest', ['build', '--manifest', 'a.manifest', 'oci:app'], /gsc build IMAGE MANIFEST/],
    ['-m', ['build', '-m', 'a.manifest', 'oci:app'], /gsc build IMAGE MANIFEST/],
    ['--key', ['sign-image', '--key', 'key.pem', 'oci:app'], /gsc sign-image IMAGE KEY/],
    ['-k', ['sign-image', '-k', 'key.pem', 'oci:app'], /gsc sign-image IMAGE KEY/],
    ['-k with its value glued to it', ['sign-image', '-kkey.pem', 'oci:app'], /gsc sign-image IMAGE KEY/],
    ['-k of build', ['build', '-k', 'key.pem', 'oci:app'], /--key FILE/],
    ['-d', ['build', '-d', 'oci:app'], /--buildtype debug/],
    ['--debug', ['build-graphene', '--debug', 'x'], /--buildtype debug/],
    ['-L', ['build', '-L', 'oci:app'], /GRAMINE_MODE=direct/],
    ['--mount', ['build', '--mount', 'type=tmpfs', 'oci:app'], /--volume PATH=/],
    ['--tmpfs', ['build', '--tmpfs', '/data', 'oci:app'], /--volume \/data=tmpfs/],
    ['--env-file', ['explain', '--env-file', 'x', 'oci:app', '/app'], /--env NAME=VALUE/],
    ['-w', ['build', '-w', '/app', 'oci:app'], /fs\.start_dir/],
    ['-u', ['build', '-u', '1000', 'oci:app'], /loader\.uid/],
    ['--memory', ['build', '--memory', '2g', 'oci:app'], /sgx\.enclave_size/],
    ['-f', ['build', '-f', 'Dockerfile', '.'], /docker build/],
    ['-it', ['build', '-it', 'oci:app'], /docker run/],
    ['--device', ['build', '--device=/dev/sgx_enclave', 'oci:app'], /docker run/],
    ['-e of a command without variables', ['info-image', '-e', 'A=b', 'oci:app'], /docker run/],
  ])('%s', async (_, args, hint) => {
    const said = await refused(...args);
    expect(said).toMatch(/unknown option/);
    expect(said.split('\nhint: ')[1]).toMatch(hint);
  });

  test('gsc knows more about its own options than about others', async () => {
    expect(await refused('build', '--outptu', 'oci:x', 'oci:app')).toContain('did you mean --output?');
  });

  test.each(['sign', 'info', 'gen'])('the beginning of a command, %s', async (word) => {
    expect(await refused(word, 'x')).toMatch(new RegExp(`hint: did you mean ${word}-[a-z-]+\\?`));
  });

  test('the beginning of several commands proposes none of them', async () => {
    expect(await refused('s')).toContain('gsc --help lists the commands');
  });
});

describe('mounts of docker run', () => {
  const words = ['--runtime', 'runtime', 'oci:app'];

  test.each([
    ['-v', '/data:/data'],
    ['-v', 'data:/data:ro'],
    ['-v', './here:/data'],
    ['-v', 'C:\\data:/data'],
    ['-v/data:/data'],
    ['--volume', '/data:/data'],
    ['--volume=data:/data'],
  ])('%s %s gets a hint what to write', async (...option) => {
    for (const args of [
      [...option, ...words],
      [...words, ...option],
      [...option, ...words, 'app.manifest'],
    ]) {
      expect(await refused('build', ...args)).toMatch(/hint: .*--volume \/data=encrypted/);
    }
  });

  test('are not what else comes after -v', () => {
    for (const text of [
      ...['oci:/images/app', 'oci-archive:/app.tar', 'docker-archive:/app.tar:app:1', 'docker://host/app'],
      ...['localhost:5000/app', 'app:1', '/data', '/data=tmpfs', '/a:/b=tmpfs', ''],
    ]) {
      expect(mountPlaceIn(text), text).toBeUndefined();
    }
  });
});

describe('-p of gsc build', () => {
  test('opens a key: without one it is refused, and a port gets another hint', async () => {
    expect(await refused('build', '-p', 'secret', 'oci:app')).toMatch(
      /without the --key .*\nhint: .*--key FILE/,
    );
    for (const port of ['8080:80', '127.0.0.1:80:80/tcp', '80']) {
      expect(await refused('build', '-p', port, 'oci:app')).toMatch(/hint: ports .*docker run -p/);
    }
  });
});
