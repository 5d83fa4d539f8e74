import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type StandinRuntime, standinRuntime } from '../images/standin-runtime.ts';
import { hasTool } from '../tool.ts';

/** The loader changes the user, so it is tested as root, on a static busybox. Missing in CI is an error. */
export const canRunStandin = process.getuid?.() === 0 && hasTool('cc') && hasTool('busybox');
if (!canRunStandin && process.env.CI)
  throw new Error('the stand-in is tested as root, with cc and busybox-static');
if (!canRunStandin)
  process.stderr.write('SKIPPED: the stand-in is tested as root, with cc and busybox-static\n');

/** What a run of the loader gave. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A directory with a static program (`/bin/busybox` inside) and an application `app`, whose manifest has `fs.root` there.
 * The loader runs natively, with the directory as its current one.
 */
export class World {
  readonly directory: string;
  readonly #runtime: StandinRuntime;

  constructor(runtime: StandinRuntime) {
    this.#runtime = runtime;
    this.directory = mkdtempSync(join(tmpdir(), 'gsc-standin-'));
    mkdirSync(join(this.directory, 'bin'));
    copyFileSync('/bin/busybox', join(this.directory, 'bin/busybox'));
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(join(this.directory, path)), { recursive: true });
    writeFileSync(join(this.directory, path), content, { mode });
  }

  /** The runtime's package directory on the host. */
  get package(): string {
    return this.#runtime.package;
  }

  /** An inline table for `sgx.trusted_files`. */
  trusted(path: string): string {
    const host = join(this.directory, path);
    return `{ uri = "file:${host}", sha256 = "${createHash('sha256').update(readFileSync(host)).digest('hex')}" }`;
  }

  /** The least manifest that starts busybox; `lines` go before its tables, `files` to the trusted files. */
  manifest(lines: string, files: readonly string[] = ['bin/busybox'], entrypoint = '/bin/busybox'): string {
    const text = `libos.entrypoint = "${entrypoint}"
loader.entrypoint.uri = "file:${join(this.#runtime.package, 'libsysdb.so')}"
fs.root = { type = "chroot", uri = "file:${this.directory}" }
sgx.trusted_files = [
${files.map((file) => `  ${this.trusted(file)},\n`).join('')}]
${lines}
`;
    this.write('app.manifest', text);
    return text;
  }

  /** Runs the direct loader on `app`. */
  run(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}, uid?: number): Outcome {
    return this.#start('direct', args, env, uid);
  }

  /** Runs the SGX loader on `app`. */
  runSgx(): Outcome {
    return this.#start('sgx', [], { LD_LIBRARY_PATH: join(this.#runtime.package, '..') });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  #start(
    kind: 'direct' | 'sgx',
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    uid?: number,
  ): Outcome {
    const loader = join(this.#runtime.package, kind, 'loader');
    const libpal = join(this.#runtime.package, kind, 'libpal.so');
    const { status, stdout, stderr } = spawnSync(loader, [libpal, 'init', 'app', ...args], {
      cwd: this.directory,
      env: { ...env },
      encoding: 'utf8',
      ...(uid !== undefined && { uid, gid: uid }),
    });
    return { code: status, stdout, stderr };
  }
}

/** A separate world for each test of the file. */
export function useWorld(): () => World {
  let current: World | undefined;
  beforeEach(async () => {
    if (canRunStandin) current = new World(await standinRuntime());
  });
  afterEach(() => current?.remove());
  return () => {
    if (!current) throw new Error('there is a world only within a test');
    return current;
  };
}

/** An array of strings in TOML; JSON's escapes are TOML's. */
export function asToml(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
}
