import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { ContainerNeeds } from '../../src/inspect/container-needs.ts';
import { type ContainerChoices, containerLine } from '../../src/run/container-line.ts';
import { hostNeeds } from '../../src/runtime/app-launch.ts';
import { launchArguments } from '../../src/runtime/launch.ts';

const needs: ContainerNeeds = {
  isSigned: true,
  isStandIn: false,
  mrEnclave: 'a'.repeat(64),
  mrSigner: 'b'.repeat(64),
  enclaveSizeBytes: 1n << 28n,
  host: hostNeeds({ family: 'gramine' }),
  makesQuotes: false,
  usesAesm: false,
  takesArguments: false,
  hasShell: true,
  directWords: launchArguments('direct'),
  userId: 0,
  groupId: 0,
  dataPlaces: [],
  secrets: [],
  passedVariables: [],
};
const choices: ContainerChoices = {
  ...{
    program: 'docker',
    image: 'gsc-app:1',
    mode: 'sgx',
    devices: ['/dev/sgx_enclave'],
    volumePrefix: 'gsc-app',
  },
  ...{ attachment: 'input', publish: [], environment: [], mounts: [], secrets: new Map(), arguments: [] },
};
const line = (more: Partial<ContainerNeeds> = {}, chosen: Partial<ContainerChoices> = {}) =>
  containerLine({ ...needs, ...more }, { ...choices, ...chosen }).join(' ');

describe('the command line of a container', () => {
  test('an enclave needs its device, and AESM where it makes quotes', () => {
    expect(line()).toBe('docker run --rm --interactive --device /dev/sgx_enclave gsc-app:1');
    expect(line({ usesAesm: true })).toContain('--volume /var/run/aesmd:/var/run/aesmd gsc-app:1');
  });

  test('direct mode needs neither, but more system calls, and the loader itself without a shell', () => {
    expect(line({ isSigned: false, usesAesm: true }, { mode: 'direct' })).toBe(
      'docker run --rm --interactive --security-opt seccomp=unconfined --env GRAMINE_MODE=direct gsc-app:1',
    );
    expect(line({ hasShell: false, takesArguments: true }, { mode: 'direct', arguments: ['-x'] })).toBe(
      'docker run --rm --interactive --security-opt seccomp=unconfined --entrypoint /gramine/runtime/direct/loader gsc-app:1 /gramine/runtime/direct/libpal.so init /gramine/app_files/entrypoint -x',
    );
  });

  test('direct mode has the profile that the user has for it', () => {
    expect(line({}, { mode: 'direct', seccompProfile: '/home/a/direct.json' })).toContain(
      '--security-opt seccomp=/home/a/direct.json ',
    );
  });

  test('data gets a named volume, unless the user mounts something there', () => {
    const dataPlaces = [
      { path: imagePath('/data'), use: 'encrypted' },
      { path: imagePath('/srv/my files'), use: 'allowed' },
    ] as const;
    expect(line({ dataPlaces })).toContain(
      '--volume gsc-app-data:/data --volume gsc-app-srv-my-files:/srv/my files',
    );
    const mounts = [{ source: '/mnt', path: '/data/', options: 'ro' }];
    expect(line({ dataPlaces: [dataPlaces[0]] }, { mounts })).toBe(
      'docker run --rm --interactive --device /dev/sgx_enclave --volume /mnt:/data/:ro gsc-app:1',
    );
  });

  test('a secret is its file; podman has a store of them', () => {
    const secrets = [{ name: 'token', path: imagePath('/run/secrets/token') }];
    expect(line({ secrets }, { secrets: new Map([['token', '/t']]) })).toContain(
      '--volume /t:/run/secrets/token:ro',
    );
    expect(line({ secrets }, { program: 'podman' })).toContain('--secret token gsc-app:1');
    expect(() => line({ secrets })).toThrow('secret token: the image expects it');
    expect(() => line({ secrets }, { secrets: new Map([['tokn', '/t']]) })).toThrow(
      'the image expects token',
    );
  });

  test('what the user says about name, network, ports, variables and the terminal is passed on', () => {
    const chosen = {
      name: 'shop',
      network: 'host',
      publish: ['80:80', '443:443'],
      environment: ['A=1', 'B'],
    };
    expect(line({}, { ...chosen, attachment: 'detached' })).toBe(
      'docker run --rm --detach --name shop --device /dev/sgx_enclave --network host --publish 80:80 --publish 443:443 --env A=1 --env B gsc-app:1',
    );
    expect(line({}, { attachment: 'terminal' })).toContain('--interactive --tty');
  });

  test('arguments go to an image that takes them, and are refused where they would be dropped', () => {
    expect(line({ takesArguments: true }, { arguments: ['--port', '80'] })).toMatch(/gsc-app:1 --port 80$/);
    expect(() => line({}, { arguments: ['--port', '80'] })).toThrow(
      '"--port 80" would not reach the application',
    );
  });

  test('an unsigned image starts in direct mode only', () => {
    expect(() => line({ isSigned: false })).toThrow('expected a signed image');
  });
});
