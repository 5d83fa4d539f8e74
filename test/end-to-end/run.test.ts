import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { engineWith } from '../support/end-to-end/engine-stage.ts';
import { needs, stageForTests, succeeding } from '../support/end-to-end/stage.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();

describe('gsc run', () => {
  test('starts what was built, with volumes, secrets and arguments; exit codes and signals pass through', async (context) => {
    needs(context, 'docker');
    const { gsc, runtime, key, bundle } = stage();
    const { engine } = await engineWith(context, 'busybox');
    // Not through the wire: it does not close a connection's two directions one after the other, as docker run does.
    const env = { DOCKER_HOST: `unix://${engine.socket}`, PATH: process.env.PATH ?? '' };
    const build = ['build', '--runtime', runtime, '--key', key, '--force', 'busybox:1'];
    const script = (text: string) => ['--entrypoint', JSON.stringify(['/bin/sh', '-c', text])];
    const direct = ['run', '--direct', '--network', 'none'];

    const data = ['--volume', '/data=allowed', '--secret', 'token', '--env', 'WHO'];
    const work =
      'cat /run/secrets/token; read line; echo "$line for $WHO" >>/data/log; cat /data/log; exit 7';
    await succeeding(gsc, [...build, ...data, ...script(work), '-o', 'gsc-run:1'], { env });
    const token = join(gsc.directory, 'token.txt');
    writeFileSync(token, 'secret\n');
    const given = ['--secret', `token=${token}`, '--env', 'WHO=me'];
    const ended = await gsc([...direct, ...given, 'gsc-run:1'], { env, input: 'hello\n' });
    expect(ended).toMatchObject({ code: 7, stdout: 'secret\nhello for me\n' });
    expect(ended.stderr).toContain('direct mode: there is no enclave');

    const without = await gsc([...direct, 'gsc-run:1'], { env });
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('hint: give its file with --secret token=FILE');
    const words = await gsc([...direct, ...given, 'gsc-run:1', 'more'], { env });
    expect(words.code).toBe(2);
    expect(words.stderr).toContain('would not reach the application');

    const wait = 'trap "echo ended; exit 3" TERM; echo ready; while :; do sleep 1; done';
    await succeeding(gsc, [...build, ...script(wait), '-o', 'gsc-wait:1'], { env });
    const child = spawn(process.execPath, [bundle, ...direct, 'gsc-wait:1'], {
      env: { ...process.env, ...env },
    });
    let printed = '';
    child.stdout.on('data', (piece: Buffer) => {
      printed += piece;
      if (printed === 'ready\n') child.kill('SIGTERM');
    });
    const code = await new Promise((done) => child.once('close', done));
    expect({ code, printed }).toEqual({ code: 3, printed: 'ready\nended\n' });

    await succeeding(
      gsc,
      [...build, ...script('mkdir /dev/shm/a && echo made || echo refused'), '-o', 'gsc-seccomp:1'],
      {
        env,
      },
    );
    const rules = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }];
    writeFileSync(
      join(gsc.directory, 'p.json'),
      JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }),
    );
    expect((await gsc([...direct, 'gsc-seccomp:1'], { env })).stdout).toBe('made\n');
    const limited = await gsc([...direct, '--seccomp', 'p.json', 'gsc-seccomp:1'], { env });
    expect(limited).toMatchObject({ code: 0, stdout: expect.stringMatching(/^refused$/m) });
    const nowhere = await gsc([...direct, '--seccomp', 'none.json', 'gsc-seccomp:1'], { env });
    expect(nowhere.stderr).toContain('none.json: there is no such file for --seccomp');
    const enclave = await gsc(['run', '--seccomp', 'p.json', 'gsc-seccomp:1'], { env });
    expect(enclave).toMatchObject({ code: 2, stderr: expect.stringContaining('it is for direct mode') });

    const line = await succeeding(gsc, ['run', '--dry-run', '-p', '80:80', 'gsc-wait:1'], { env });
    expect(line.stdout).toBe(
      'docker run --rm --interactive --device /dev/sgx_enclave --publish 80:80 gsc-wait:1\n',
    );
    await engine.docker('rmi', '--force', 'gsc-run:1', 'gsc-wait:1', 'gsc-seccomp:1');
  });

  test('says what is missing: the program, a graminized image, an engine that can start a layout', async (context) => {
    const { gsc, runtime } = stage();
    const { env } = await engineWith(context, 'busybox');
    const app = await gsc(['run', 'busybox:1'], { env });
    expect({ code: app.code, stderr: app.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(
        'expected a graminized image, got an app image\nhint: make one with gsc build',
      ),
    });
    const build = ['build', '--runtime', runtime, '--force', '-o', 'gsc-none:1', 'busybox:1'];
    await succeeding(gsc, build, { env });
    const empty = join(gsc.directory, 'empty');
    mkdirSync(empty);
    const program = await gsc(['run', '--direct', 'gsc-none:1'], { env: { ...env, PATH: empty } });
    expect(program.code).toBe(1);
    expect(program.stderr).toContain('gsc: docker: the program is not on PATH');
    const layout = `oci:${join(gsc.directory, 'none')}:1`;
    await succeeding(gsc, ['build', '--runtime', runtime, '-o', layout, 'busybox:1'], { env });
    const file = await gsc(['run', '--direct', layout], { env });
    expect(file.code).toBe(2);
    expect(file.stderr).toContain(`hint: copy it first: skopeo copy ${layout} docker-daemon:NAME:TAG`);
  });
});
