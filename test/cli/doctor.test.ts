import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { gscHere } from '../support/cli/in-process.ts';
import { engineDouble } from '../support/store/engine/engine-double.ts';

const home = mkdtempSync(join(tmpdir(), 'gsc-doctor-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function findingsFor(environment: Readonly<Record<string, string>>) {
  const { stdout, code } = await gscHere(['doctor', '--json'], {
    workingDirectory: home,
    homeDirectory: home,
    environment: { HOME: home, ...environment },
  });
  const { findings, missing } = JSON.parse(stdout) as { findings: Finding[]; missing: number };
  expect(missing).toBe(findings.filter(({ state }) => state === 'missing').length);
  expect(code).toBe(missing === 0 ? 0 : 1);
  return (name: string) => findings.find((finding) => finding.name === name);
}

test('an Engine: who, which version, its client, its seccomp', async () => {
  const engine = await engineDouble({
    intercept: (request, response) => {
      const answer = /\/version$/.test(request.url ?? '')
        ? { Version: '28.2.2' }
        : /\/info$/.test(request.url ?? '') && { SecurityOptions: ['name=seccomp,profile=builtin'] };
      if (answer) response.end(JSON.stringify(answer));
      return Boolean(answer);
    },
  });
  const of = await findingsFor({ DOCKER_HOST: `unix://${engine.socket}`, PATH: home });
  expect(of('engine')).toMatchObject({
    state: 'present',
    found: expect.stringContaining('28.2.2, API 1.51'),
  });
  expect(of('client')).toMatchObject({ state: 'missing', advice: 'install it: apt install docker-cli' });
  expect(of('seccomp')?.found).toMatch(/^on; /);
  writeFileSync(join(home, 'docker'), '', { mode: 0o755 });
  const again = await findingsFor({ DOCKER_HOST: `unix://${engine.socket}`, PATH: home });
  expect(again('client')).toMatchObject({ state: 'present', found: join(home, 'docker') });
});

test('without an Engine there are still layouts and registries: a note, with how to start one', async () => {
  const of = await findingsFor({ DOCKER_HOST: 'unix:///nowhere/docker.sock' });
  expect(of('engine')).toMatchObject({ state: 'optional', advice: expect.any(String) });
});

test('logins by host, a key, a cache; a damaged file of logins is a finding with its place', async () => {
  const nowhere = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const before = await findingsFor(nowhere);
  expect(before('registry logins')).toMatchObject({ state: 'optional' });
  expect(before('key')).toMatchObject({ state: 'optional', advice: 'gsc gen-private-key makes one there' });
  mkdirSync(join(home, '.docker'));
  const logins = join(home, '.docker', 'config.json');
  const auth = Buffer.from('me:secret').toString('base64');
  writeFileSync(logins, JSON.stringify({ auths: { 'registry.example.com': { auth } }, credsStore: 'pass' }));
  mkdirSync(join(home, '.config', 'gramine'), { recursive: true });
  writeFileSync(join(home, '.config', 'gramine', 'enclave-key.pem'), '');
  const after = await findingsFor(nowhere);
  expect(after('registry logins')).toMatchObject({
    state: 'present',
    found: 'registry.example.com, those of docker-credential-pass',
  });
  expect(after('key')).toMatchObject({ state: 'present' });
  expect(after('cache')).toMatchObject({ state: 'present', found: join(home, '.cache', 'gsc') });
  writeFileSync(logins, '{"auths": 7}');
  expect((await findingsFor(nowhere))('registry logins')).toMatchObject({
    state: 'missing',
    found: expect.stringContaining(logins),
    advice: expect.any(String),
  });
});

test('as text: a heading per area, a line per finding, what to do below it', async () => {
  const { stdout } = await gscHere(['doctor'], {
    environment: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
  });
  expect(stdout).toMatch(/^building:\n {2}note {5}engine /);
  expect(stdout).toMatch(/\nrunning:\n {2}(?:ok|missing) +processor /);
  expect(stdout).toMatch(/\n {20,}-> /);
});

test('an image that is not there, or not graminized, is an error before anything else', async () => {
  const { code, stderr } = await gscHere(['doctor', 'oci:/nowhere']);
  expect(code).toBe(1);
  expect(stderr).toContain('/nowhere');
});
