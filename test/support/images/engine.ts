import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from './run-tool.ts';

const script = fileURLToPath(new URL('../../../scripts/engine.sh', import.meta.url));

/** A running Docker Engine of the tests' own. */
export interface TestEngine {
  /** Path of its socket. */
  readonly socket: string;
  /** The socket as `DOCKER_HOST` wants it. */
  readonly host: string;
  /** Runs Debian's `docker` client against it and gives stdout. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  /** Loads an image with skopeo, so without gsc's code: `source` is any skopeo reference. */
  readonly load: (source: string, name: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

let running: Promise<TestEngine | undefined> | undefined;

/**
 * The Engine of this test process, started at the first call and stopped at the latest when the process ends. Where it
 * cannot be started (no root, no dockerd): an error if CI is set, else undefined and a line on stderr.
 */
export function testEngine(): Promise<TestEngine | undefined> {
  running ??= startEngine().catch((error: unknown) => {
    if (process.env.CI) throw error;
    process.stderr.write(`SKIPPED: no Docker Engine for tests: ${String(error)}\n`);
    return undefined;
  });
  return running;
}

/** Starts an Engine with its own data in a temporary directory. Throws with the Engine's last words if it does not come up. */
export async function startEngine(): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'gsc-engine-'));
  try {
    await runTool(script, ['start', directory]);
  } catch (error) {
    await discard(directory);
    throw error;
  }
  stopAfterProcess(directory);
  const socket = join(directory, 'docker.sock');
  const host = `unix://${socket}`;
  return {
    socket,
    host,
    docker: (...args) => runTool('/usr/bin/docker', ['--host', host, ...args]),
    load: async (source, name) => {
      await runTool('skopeo', [
        'copy',
        '--quiet',
        '--dest-daemon-host',
        host,
        source,
        `docker-daemon:${name}`,
      ]);
    },
    stop: async () => {
      running = undefined;
      await discard(directory);
    },
  };
}

async function discard(directory: string): Promise<void> {
  await runTool(script, ['stop', directory]);
  await rm(directory, { recursive: true, force: true });
}

/** A process of its own waits for this one's end, however it ends (test runners kill their workers), and cleans up. */
function stopAfterProcess(directory: string): void {
  const wait = 'cat >/dev/null; "$0" stop "$1" && rm -rf "$1"';
  const keeper = spawn('sh', ['-c', wait, script, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keeper.unref();
  const pipe = keeper.stdin as unknown as { unref: () => void };
  pipe.unref();
}
