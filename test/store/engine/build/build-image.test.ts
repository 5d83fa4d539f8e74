import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import type { BuildEvent } from '../../../../src/store/engine/build/build-event.ts';
import { buildImage, type ImageBuild } from '../../../../src/store/engine/build/build-image.ts';
import { connectEngine, type Engine } from '../../../../src/store/engine/engine.ts';
import { needs } from '../../../support/end-to-end/stage.ts';
import type { TestEngine } from '../../../support/images/engine.ts';
import { engineForTest } from '../../../support/images/image-for-test.ts';
import { runTool } from '../../../support/images/run-tool.ts';
import { podmanForTest } from '../../../support/store/engine/podman-service.ts';
import { atEnd } from '../../../support/store/registry/fixture.ts';
import { startRealRegistry } from '../../../support/store/registry/real-registry.ts';
import { scratchDirectory } from '../../../support/store/scratch.ts';

const builders = ['classic', 'buildkit'] as const;

/** Two stages on busybox alone. */
const good = `FROM scratch AS first
ARG WORD
COPY busybox /bin/sh
RUN echo "the word is $WORD"; echo complaint >&2; echo $WORD >/word
FROM scratch
COPY --from=first /word /word
`;

describe.each(builders)('an image that a real Engine builds with %s', (builder) => {
  test('has its labels, its content, and no name; what the steps print is reported', async (context) => {
    const { engine, docker } = await openEngine(context);
    const events: BuildEvent[] = [];
    const before = await namesIn(docker);
    const { id } = await buildImage(
      engine,
      buildOf(good, { buildArguments: new Map([['WORD', 'sesame seed']]) }),
      {
        builder,
        onEvent: (event) => events.push(event),
      },
    );
    expect(await namesIn(docker)).toEqual(before);
    expect(JSON.parse(await docker('inspect', '--format', '{{json .Config.Labels}}', id))).toMatchObject({
      made: 'here',
    });
    const file = join(scratchDirectory(), 'image.tar');
    await docker('save', '-o', file, id);
    expect(execFileSync('tar', ['-xOf', file, '--wildcards', '*/layer.tar']).toString('latin1')).toContain(
      'sesame seed',
    );
    const printed = events.flatMap((event) => (event.kind === 'output' ? [event.text] : [])).join('');
    expect(printed).toContain('the word is sesame seed\n');
    expect(printed).toContain('complaint\n');
    const titles = events.flatMap((event) => (event.kind === 'step' ? [event.title] : []));
    expect(titles.some((title) => title.includes('RUN echo "the word is'))).toBe(true);
    await docker('rmi', '--force', id);
  });

  test('of a step that fails is none; the error has the step, its code and the end of what it printed', async (context) => {
    const { engine, docker } = await openEngine(context);
    const text = `FROM scratch\nCOPY busybox /bin/sh\nRUN for i in 1 2 3; do echo "line $i"; done; echo why >&2; exit 7\n`;
    await expect(buildImage(engine, buildOf(text), { builder })).rejects.toMatchObject({
      code: 'build',
      message: expect.stringMatching(
        /^the thing: the build failed at the step .*RUN for i in .*: it ended with code 7\n(?=[\s\S]*\| line 3)(?=[\s\S]*\| why)/,
      ),
    });
    expect(await docker('ps', '--all', '--quiet')).toBe('');
  });

  test('on a base that is nowhere is none, and the hint says where it is looked for', async (context) => {
    const { engine } = await openEngine(context);
    await expect(
      buildImage(engine, buildOf('FROM localhost:1/no/such:1\n'), { builder }),
    ).rejects.toMatchObject({
      code: 'build',
      hint: expect.stringContaining('Registry'),
    });
  });

  test('from a Dockerfile that is none is refused in the words of the Engine', async (context) => {
    const { engine } = await openEngine(context);
    await expect(buildImage(engine, buildOf('FROM scratch\nNONSENSE\n'), { builder })).rejects.toMatchObject({
      message: expect.stringMatching(/unknown instruction: NONSENSE/i),
    });
  });

  test('is given up when the caller stops: the step ends, no container and no image is left', async (context) => {
    const host = await engineForTest(context);
    const abort = new AbortController();
    const engine = await connect(host, abort.signal);
    const before = await imagesIn(host.docker);
    const text = 'FROM scratch\nCOPY busybox /bin/sh\nRUN echo begun; while :; do :; done\n';
    const building = buildImage(engine, buildOf(text), {
      builder,
      onEvent: (event) => {
        if (event.kind === 'output' && event.text.includes('begun')) abort.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ code: 'aborted' });
    await expect.poll(runningSteps, { timeout: 120_000 }).toBe(0);
    await expect.poll(() => host.docker('ps', '--all', '--quiet'), { timeout: 120_000 }).toBe('');
    expect(await imagesIn(host.docker)).toEqual(before);
  });

  test('on a base behind a login gets the login', async (context) => {
    needs(context, 'skopeo docker-registry htpasswd');
    const { engine, docker } = await openEngine(context);
    const login = { username: 'user', password: 'pass word' };
    const registry = await startRealRegistry({ htpasswd: login });
    const image = `${registry.domain}/private/base:${builder}`;
    const layout = join(scratchDirectory(), 'layout');
    await docker(
      'build',
      '--quiet',
      '--tag',
      image,
      contextDirectory('FROM scratch\nCOPY busybox /bin/sh\n'),
    );
    await runTool('skopeo', [
      'copy',
      '--quiet',
      `--src-daemon-host=${(await engineForTest(context)).host}`,
      `docker-daemon:${image}`,
      `oci:${layout}`,
    ]);
    await runTool('skopeo', [
      'copy',
      '--quiet',
      '--dest-tls-verify=false',
      `--dest-creds=${login.username}:${login.password}`,
      `oci:${layout}`,
      `docker://${image}`,
    ]);
    await docker('rmi', '--force', image);
    const asked: string[] = [];
    const build = buildOf(`FROM ${image}\nRUN echo built\n`, {
      registries: [registry.domain],
      loginFor: async (host) => {
        asked.push(host);
        return host === registry.domain ? login : undefined;
      },
    });
    const { id } = await buildImage(engine, build, { builder });
    expect(asked).toContain(registry.domain);
    await docker('rmi', '--force', id);
    await expect(
      buildImage(engine, { ...build, isFresh: true, loginFor: async () => undefined }, { builder }).then(
        async (again) => {
          // The base may still be in the Engine's cache.
          await docker('rmi', '--force', again.id);
          throw new Error('was cached');
        },
      ),
    ).rejects.toThrow();
  });
});

describe('an image that Podman builds', () => {
  test('has its labels and its arguments, and the steps are told apart from what they print', async (context) => {
    needs(context, 'busybox runc');
    const { socket, podman } = await podmanForTest(context);
    const engine = await connect({ socket });
    const events: BuildEvent[] = [];
    const build = buildOf(good, { buildArguments: new Map([['WORD', 'sesame']]) });
    const { id } = await buildImage(engine, build, {
      builder: 'classic',
      onEvent: (event) => events.push(event),
    });
    const labels = await podman('inspect', '--format', '{{json .Labels}}', id);
    expect(JSON.parse(labels)).toMatchObject({ made: 'here' });
    const titles = events.flatMap((event) => (event.kind === 'step' ? [event.title] : []));
    expect(titles.slice(0, 3)).toEqual(['FROM scratch AS first', 'ARG WORD', 'COPY busybox /bin/sh']);
    const printed = events.flatMap((event) => (event.kind === 'output' ? [event.text] : [])).join('');
    expect(printed).toContain('the word is sesame');
    expect(printed).not.toMatch(/COMMIT|-->|[0-9a-f]{64}/);
  });

  test('can be the only one that is left of its stages', async (context) => {
    needs(context, 'busybox runc');
    const { socket, podman } = await podmanForTest(context);
    const build = buildOf(good, { forgetsStages: true });
    const { id } = await buildImage(await connect({ socket }), build, { builder: 'classic' });
    expect((await podman('images', '--all', '--quiet', '--no-trunc')).trim()).toBe(id);
  });

  test('of a step that fails is none, with the reason', async (context) => {
    needs(context, 'busybox runc');
    const { socket } = await podmanForTest(context);
    const text = 'FROM scratch\nCOPY busybox /bin/sh\nRUN echo why; exit 7\n';
    await expect(
      buildImage(await connect({ socket }), buildOf(text), { builder: 'classic' }),
    ).rejects.toMatchObject({
      code: 'build',
      message: expect.stringMatching(/RUN echo why; exit 7: [\s\S]*why/),
    });
  });
});

describe('secrets', () => {
  const text = `FROM scratch
COPY busybox /bin/sh
RUN --mount=type=secret,id=key,required=true while read -r word; do echo "got \${#word} letters"; done </run/secrets/key
`;

  test('reach the step that mounts them, and nothing else', async (context) => {
    const { engine, docker } = await openEngine(context);
    const printed: string[] = [];
    const secrets = new Map([['key', Buffer.from('open-sesame\n')]]);
    const { id } = await buildImage(engine, buildOf(text, { secrets }), {
      builder: 'buildkit',
      onEvent: (event) => event.kind === 'output' && printed.push(event.text),
    });
    expect(printed.join('')).toContain('got 11 letters');
    const file = join(scratchDirectory(), 'image.tar');
    await docker('save', '-o', file, id);
    expect(readFileSync(file).includes('open-sesame')).toBe(false);
    await docker('rmi', '--force', id);
  });

  test('reach it in Podman too, which has no sessions', async (context) => {
    needs(context, 'busybox runc');
    const { socket, podman } = await podmanForTest(context);
    const engine = await connect({ socket });
    const printed: string[] = [];
    const secrets = new Map([['key', Buffer.from('open-sesame\n')]]);
    const { id } = await buildImage(engine, buildOf(text, { secrets }), {
      builder: 'classic',
      onEvent: (event) => event.kind === 'output' && printed.push(event.text),
    });
    expect(printed.join('')).toContain('got 11 letters');
    const file = join(scratchDirectory(), 'image.tar');
    await podman('save', '--quiet', '-o', file, id);
    expect(readFileSync(file).includes('open-sesame')).toBe(false);
  });

  test('that are missing fail the step that wants them', async (context) => {
    const { engine } = await openEngine(context);
    await expect(
      buildImage(engine, buildOf(text, { isFresh: true }), { builder: 'buildkit' }),
    ).rejects.toMatchObject({
      code: 'build',
      message: expect.stringMatching(/secret.*not found|not found.*secret/s),
    });
  });
});

/** Processes of steps: busybox as a shell that never ends. */
function runningSteps(): number {
  const list = execFileSync('ps', ['-eo', 'args']).toString();
  return list.split('\n').filter((line) => line.startsWith('/bin/sh -c echo begun')).length;
}

/** Names of images, each as often as it is there. */
async function namesIn(docker: TestEngine['docker']): Promise<readonly string[]> {
  const names = (await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n');
  return names.filter((name) => !name.includes('<none>')).sort();
}

/** IDs of images that are not a step's. */
async function imagesIn(docker: TestEngine['docker']): Promise<readonly string[]> {
  return (await docker('images', '--quiet', '--no-trunc')).split('\n').sort();
}

function buildOf(dockerfile: string, more: Partial<ImageBuild> = {}): ImageBuild {
  return {
    subject: 'the thing',
    files: [
      { path: 'Dockerfile', mode: 0o644, content: Buffer.from(dockerfile) },
      { path: 'busybox', mode: 0o755, content: readFileSync('/bin/busybox') },
    ],
    buildArguments: new Map(),
    labels: { made: 'here' },
    network: 'none',
    registries: [],
    secrets: new Map(),
    loginFor: async () => undefined,
    ...more,
  };
}

function contextDirectory(dockerfile: string): string {
  const directory = join(scratchDirectory(), 'context');
  mkdirSync(directory);
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
  writeFileSync(join(directory, 'busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
  return directory;
}

async function openEngine(
  context: TestContext,
): Promise<{ readonly engine: Engine; readonly docker: TestEngine['docker'] }> {
  needs(context, 'busybox');
  const host = await engineForTest(context);
  return { engine: await connect(host), docker: host.docker };
}

async function connect({ socket }: Pick<TestEngine, 'socket'>, signal?: AbortSignal): Promise<Engine> {
  const address = { kind: 'unix', path: socket, origin: 'DOCKER_HOST' } as const;
  const engine = await connectEngine(address, signal ? { signal } : {});
  atEnd(() => engine.close());
  return engine;
}
