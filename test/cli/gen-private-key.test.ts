import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { testWithTool } from '../support/tool.ts';

let gsc: Gsc;
beforeAll(async () => {
  gsc = await gscInScratch();
});

const modeOf = (file: string) => statSync(join(gsc.directory, file)).mode & 0o777;

describe('gsc gen-private-key', () => {
  test.each(['000', '022', '077'])('makes a file for its owner alone, under umask %s', async (umask) => {
    const result = await gsc(['gen-private-key', `key-${umask}.pem`], { umask });
    expect(result).toMatchObject({ code: 0, stderr: expect.stringMatching(/MRSIGNER [0-9a-f]{64}/) });
    expect(result.stdout).toBe(`${join(gsc.directory, `key-${umask}.pem`)}\n`);
    expect(modeOf(`key-${umask}.pem`)).toBe(0o600);
  });

  testWithTool('openssl', 'makes an RSA key of 3072 bits with exponent 3, as openssl sees it', async () => {
    await gsc(['gen-private-key', 'checked.pem']);
    const text = execFileSync('openssl', ['rsa', '-in', 'checked.pem', '-text', '-noout', '-check'], {
      cwd: gsc.directory,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(text).toMatch(/3072 bit/);
    expect(text).toMatch(/publicExponent: 3 \(0x3\)/);
    expect(readFileSync(join(gsc.directory, 'checked.pem'), 'utf8')).toMatch(
      /^-----BEGIN RSA PRIVATE KEY-----\n/,
    );
  });

  test('never overwrites: not a file, not an empty one, not through a link', async () => {
    writeFileSync(join(gsc.directory, 'mine.pem'), 'precious');
    writeFileSync(join(gsc.directory, 'empty.pem'), '');
    symlinkSync('mine.pem', join(gsc.directory, 'link.pem'));
    symlinkSync('nowhere.pem', join(gsc.directory, 'dangling.pem'));
    for (const file of ['mine.pem', 'empty.pem', 'link.pem', 'dangling.pem', '.']) {
      const result = await gsc(['gen-private-key', file]);
      expect(result, file).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^gsc: .*\nhint: /),
      });
    }
    expect(readFileSync(join(gsc.directory, 'mine.pem'), 'utf8')).toBe('precious');
    expect(readFileSync(join(gsc.directory, 'empty.pem'), 'utf8')).toBe('');
    expect(readdirSync(gsc.directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test("makes the key where Gramine's tools look if no file is named", async () => {
    const config = join(gsc.directory, 'config');
    const result = await gsc(['gen-private-key', '--json'], { env: { XDG_CONFIG_HOME: config } });
    const { file, mr_signer: mrSigner } = JSON.parse(result.stdout);
    expect(file).toBe(join(config, 'gramine/enclave-key.pem'));
    expect(mrSigner).toMatch(/^[0-9a-f]{64}$/);
    expect(modeOf('config/gramine/enclave-key.pem')).toBe(0o600);
    expect(modeOf('config/gramine')).toBe(0o700);
    expect((await gsc(['gen-private-key'], { env: { XDG_CONFIG_HOME: config } })).code).toBe(1);
    expect((await gsc(['gen-private-key'])).stdout).toBe(
      `${join(gsc.directory, 'home/.config/gramine/enclave-key.pem')}\n`,
    );
  });

  test('makes no directories for a file that is named', async () => {
    mkdirSync(join(gsc.directory, 'there'));
    expect((await gsc(['gen-private-key', 'there/key.pem'])).code).toBe(0);
    const missing = await gsc(['gen-private-key', 'not/there/key.pem']);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('not/there/key.pem') });
  });

  test('needs a HOME or a name', async () => {
    const result = await gsc(['gen-private-key'], { env: { HOME: '' } });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('HOME') });
  });
});
