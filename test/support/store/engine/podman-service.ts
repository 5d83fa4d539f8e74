import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished, type TestContext } from 'vitest';
import { runTool } from '../../images/run-tool.ts';
import { hasTool } from '../../tool.ts';

export interface PodmanService {
  readonly socket: string;
  /** Runs podman on the same images, without the socket. */
  readonly podman: (...args: readonly string[]) => Promise<string>;
}

/** Podman's service with its own images, for one test. Without podman or root: an error in CI, else the test is skipped. */
export async function podmanForTest(context: TestContext): Promise<PodmanService> {
  if (!hasTool('podman') || process.getuid?.() !== 0) {
    if (process.env.CI) throw new Error('podman and root are needed');
    process.stderr.write(`SKIPPED: ${context.task.name}: podman and root are needed\n`);
    return context.skip('podman and root are needed');
  }
  const directory = mkdtempSync(join(tmpdir(), 'gsc-podman-'));
  const socket = join(directory, 'p.sock');
  const place = [
    '--root',
    join(directory, 'root'),
    '--runroot',
    join(directory, 'run'),
    '--storage-driver',
    'vfs',
    // crun wants the control groups that a systemd makes.
    '--runtime',
    'runc',
    '--cgroup-manager',
    'cgroupfs',
  ];
  const service = spawn('podman', [...place, 'system', 'service', '--time', '0', `unix://${socket}`], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => service.on('close', resolve));
  onTestFinished(async () => {
    service.kill();
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  for (let tries = 0; !existsSync(socket); tries++) {
    if (tries === 1200 || service.exitCode !== null) throw new Error('the service of podman does not start');
    await sleep(50);
  }
  return { socket, podman: (...args) => runTool('podman', [...place, ...args]) };
}
