import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shell } from '../../../src/cli/completion/shell-scripts.ts';

/** An interactive shell on a terminal, in which gsc only writes down how it was called once completion is done. */
export interface ShellSession {
  /** Types keys and Enter; gives the words with which gsc was called then. */
  type(keys: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Of the terminal when a command has ended and the shell reads keys again: what is typed before may be lost. */
const prompt = 'shell-is-ready ';
/** The same in two pieces: the terminal shows what is typed as well. */
const promptInParts = "shell-is''-ready ";
/** What gsc prints when it was called. */
const called = 'gsc-was-called';

/** How each shell is started without the user's files, with the completion that is under test and a known prompt. */
const starts: Readonly<Record<Shell, { readonly command: string; readonly setup: string }>> = {
  bash: {
    command: 'bash --norc --noprofile -i',
    setup: `source <(gsc completion bash); PS1='${promptInParts}'`,
  },
  zsh: {
    command: 'zsh -f -i',
    setup: `autoload -U compinit; compinit -u -D; source <(gsc completion zsh); PS1='${promptInParts}'`,
  },
  fish: {
    command: 'fish --no-config --interactive',
    setup: `gsc completion fish | source; function fish_prompt; printf '${promptInParts}'; end`,
  },
};

export interface ShellOptions {
  readonly directory: string;
  readonly bundle: string;
  /** Variables for gsc. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Opens a shell in `directory`, which gets a `bin/` with the bundle as `gsc`. */
export async function openShell(
  shell: Shell,
  { directory, bundle, env = {} }: ShellOptions,
): Promise<ShellSession> {
  const bin = join(directory, 'bin');
  const calls = join(directory, 'calls');
  mkdirSync(bin, { recursive: true });
  const gsc = join(bin, 'gsc');
  const run = `exec '${process.execPath}' '${bundle}' "$@"`;
  // The words one a line, under their name only when all are there.
  const record = `{ printf '%s\\n' "$@" >'${calls}.new'; mv '${calls}.new' '${calls}'; echo ${called}; }`;
  writeFileSync(gsc, `#!/bin/sh\ncase $1 in completion) ${run} ;; *) ${record} ;; esac\n`);
  chmodSync(gsc, 0o755);
  const { command, setup } = starts[shell];
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: directory,
    env: {
      ...{ PATH: `${bin}:${process.env.PATH}`, HOME: directory, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const screen = watch(child);
  const call = async (keys: string): Promise<readonly string[]> => {
    rmSync(calls, { force: true });
    const start = screen.text().length;
    child.stdin?.write(`${keys}\r`);
    await screen.until(() => isBack(screen.text().slice(start)));
    return readFileSync(calls, 'utf8').split('\n').slice(0, -1);
  };
  await screen.until(() => screen.text() !== '');
  child.stdin?.write(`${setup}\r`);
  await screen.until(() => screen.text().includes(prompt));
  await call('gsc ready');
  return {
    type: call,
    close: async () => {
      child.stdin?.end();
      child.kill('SIGHUP');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((done) => child.once('close', done));
    },
  };
}

/** True if gsc was called and has ended, and the shell reads keys again. */
function isBack(text: string): boolean {
  const at = text.indexOf(called);
  return at >= 0 && text.includes(prompt, at);
}

/** What a shell writes; waits for something to be true, looking again whenever there is more, and a little later. */
function watch(child: ChildProcess) {
  let text = '';
  let wake = () => {};
  child.stdout?.on('data', (piece: Buffer) => {
    text += piece.toString();
    wake();
  });
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) {
      if (child.exitCode !== null) throw new Error(`the shell ended: ${text}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 50);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  };
  return { until, text: () => text };
}
