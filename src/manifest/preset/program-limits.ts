import { baseNameOf } from '../../base/image-path.ts';
import type { ContainerProcess } from '../../start/container-process.ts';

/** A program that does not do inside what it does outside, whatever the manifest says. */
export interface ProgramLimit {
  readonly title: string;
  /** Its base names. */
  readonly programs: RegExp;
  /** `fails`: it does not start, or does none of its work; `differs`: it works if it is set up for it. */
  readonly kind: 'fails' | 'differs';
  readonly why: string;
  readonly instead: string;
  /** True if only a script around the program fails. */
  readonly isOfScripts?: true;
  /** What settles it in the arguments or the environment. */
  readonly unless?: RegExp;
}

/**
 * Tried with Gramine 1.9 in direct mode, on the programs as Debian 12 has them; of container engines, ltrace and gdb only
 * its list of features says so.
 */
const programLimits: readonly ProgramLimit[] = [
  {
    title: 'PostgreSQL',
    programs: /^(?:postgres|postmaster|pg_ctl|pg_ctlcluster|initdb)$/,
    kind: 'fails',
    why: 'it asks for System V shared memory (shmget), which the library OS does not have',
    instead:
      'keep the database outside the enclave and let the application encrypt what it stores there, or use one that runs inside the application, such as SQLite',
  },
  {
    title: 'MariaDB or MySQL started by a script',
    programs: /^(?:mariadbd|mysqld)(?:[-_]safe)?$|^(?:mariadb|mysql)[-_]install[-_]db$/,
    kind: 'fails',
    isOfScripts: true,
    why: 'the script prepares the data with several processes, which share neither memory nor a tmpfs inside',
    instead: 'prepare the data directory outside, then start the server alone: --entrypoint mariadbd',
  },
  {
    title: 'OpenSSH server',
    programs: /^sshd$/,
    kind: 'fails',
    why: 'it drops its privileges with setresgid, which the library OS does not have, so it closes every connection',
    instead: 'let clients connect to the application itself, with TLS',
  },
  {
    title: 'cron',
    programs: /^cron$/,
    kind: 'fails',
    why: 'it acts for other users with seteuid, which the library OS does not have',
    instead: 'let the application keep the time, or start a container for each run',
  },
  {
    title: 'systemd',
    programs: /^systemd$/,
    kind: 'fails',
    why: 'it needs mounts and control groups, which the library OS does not have',
    instead: 'start the service itself: --entrypoint',
  },
  {
    title: 's6',
    programs: /^s6-(?:svscan|supervise|linux-init|overlay)/,
    kind: 'fails',
    why: 'it waits for signals with signalfd, which the library OS does not have',
    instead: 'start the service itself: --entrypoint',
  },
  {
    title: 'Dovecot',
    programs: /^dovecot$/,
    kind: 'fails',
    why: 'it changes the owners of its sockets, which are not files inside',
    instead: 'keep it outside the enclave',
  },
  {
    title: 'Erlang',
    programs: /^(?:erl|erlexec|beam\.smp|elixir|iex|rabbitmq-server|ejabberdctl|emqx|couchdb)$/,
    kind: 'fails',
    why: 'its virtual machine starts a helper process, and fork fails with as much memory as it reserves',
    instead: 'keep it outside the enclave',
  },
  {
    title: 'Chromium',
    programs: /^(?:chromium(?:-browser)?|(?:google-)?chrome(?:-stable)?|headless_shell|chromedriver)$/,
    kind: 'fails',
    why: 'its processes talk through sockets (SOCK_SEQPACKET) and shared memory that the library OS does not have',
    instead: 'run the browser outside the enclave',
  },
  {
    title: 'container engines',
    programs: /^(?:dockerd|containerd|podman|buildah|buildkitd|runc|crun)$/,
    kind: 'fails',
    why: 'they need mounts and namespaces, which the library OS does not have',
    instead: 'run them outside the enclave',
  },
  {
    title: 'debuggers and tracers',
    programs: /^(?:gdb|gdbserver|strace|ltrace)$/,
    kind: 'fails',
    why: 'they need ptrace, which the library OS does not have',
    instead: 'start the program itself; loader.log_level = "trace" shows its system calls',
  },
  {
    title: 'inotify',
    programs: /^(?:inotifywait|inotifywatch|incrond)$/,
    kind: 'fails',
    why: 'the library OS does not notify programs of changes to files',
    instead: 'let it poll for changes',
  },
  {
    title: 'gunicorn',
    programs: /^gunicorn3?$/,
    kind: 'differs',
    why: 'a worker shows that it is alive through a temporary file, which its master does not see: each worker is killed after the timeout of 30 s',
    instead: "switch the timeout off: --env 'GUNICORN_CMD_ARGS=--timeout 0'",
    unless: /(?:--timeout[= ]?|-t ?)0\b/,
  },
  {
    title: 'php-fpm',
    programs: /^php-fpm[\d.]*$/,
    kind: 'differs',
    why: 'the master does not see what its workers do, so pm = dynamic starts as many as pm.max_children allows',
    instead: 'set pm = static and the number of workers that you want',
  },
  {
    title: 'celery',
    programs: /^celery$/,
    kind: 'differs',
    why: 'its pool of processes needs POSIX semaphores, which the library OS does not have',
    instead: 'use threads: --pool threads',
    unless: /(?:--pool[= ]|-P ?)(?:solo|threads|gevent|eventlet)/,
  },
];

/** The limits of the programs that a container will start. */
export function limitsOf(start: ContainerProcess): readonly ProgramLimit[] {
  const { named, scripted } = start.programs;
  const names = [...named, ...scripted];
  const settings = [...start.argv, ...start.environment.variables.map(([, value]) => value)].join(' ');
  return programLimits.filter(
    ({ programs, isOfScripts, unless }) =>
      names.some((name) => programs.test(name)) &&
      (!isOfScripts || startsByShell(start)) &&
      !unless?.test(settings),
  );
}

/** A sentence for each. */
export function limitNotes(start: ContainerProcess): readonly string[] {
  return limitsOf(start).map(({ title, kind, why, instead }) => {
    const what = kind === 'fails' ? 'does not run inside' : 'runs differently inside';
    return `${title}: ${what}: ${why}; ${instead}`;
  });
}

/** Programs that are known to consist of several processes. */
const forking =
  /^(?:gunicorn3?|uwsgi|celery|nginx|apache2|httpd|php-fpm[\d.]*|supervisord|haproxy|unicorn|puma|passenger)$/;

/** True if the container starts by a shell or with a program that is known to start others. */
export function startsProcesses(start: ContainerProcess): boolean {
  return startsByShell(start) || start.programs.named.some((name) => forking.test(name));
}

/** Programs that run what they are told in a child, and do not become it. */
const parents = /^(?:tini|dumb-init|catatonit|supervisord|gunicorn3?|uwsgi|su|sudo|runuser|timeout)$/;

/** True if what serves may be a child of what the container starts: of a shell, or of a program that is known for it. */
export function mayServeInChild(start: ContainerProcess): boolean {
  return startsByShell(start) || start.programs.named.some((name) => parents.test(name));
}

/** True if the container starts with a shell: a script for one, or `sh -c`. */
export function startsByShell({ chain }: ContainerProcess): boolean {
  return chain.steps.some((step) =>
    [step.name, step.path].some((path) => /^(?:ba|da|a|k|z)?sh$/.test(baseNameOf(path))),
  );
}
