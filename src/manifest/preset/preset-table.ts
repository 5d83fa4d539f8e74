import type { KeyPath, TomlValue } from '../toml/toml.ts';

/** One key that a program is known to need. The value of an array is one of its elements, in brackets. */
export interface PresetSetting {
  readonly path: KeyPath;
  readonly value: TomlValue;
  readonly reason: string;
}

/** What is known about one program. */
export interface Preset {
  readonly name: string;
  /** Base names of the program, for `auto`; absent where the entrypoint does not show it. */
  readonly programs?: RegExp;
  /** True for programs that start others, such as shells. */
  readonly isStarter?: boolean;
  /** True for programs that scripts use on their way to the application. */
  readonly isTool?: boolean;
  readonly settings: readonly PresetSetting[];
  /** An option that follows the program, unless a word of its arguments `names` it already. */
  readonly argument?: { readonly value: string; readonly names: string; readonly reason: string };
  /** What it needs besides, for which the user must decide. */
  readonly advice?: string;
}

const enclaveSize = (size: string, reason: string): PresetSetting => ({
  path: ['sgx', 'enclave_size'],
  value: size,
  reason,
});
const threads = (count: bigint, reason: string): PresetSetting => ({
  path: ['sgx', 'max_threads'],
  value: count,
  reason,
});
const stack = (size: string): PresetSetting => ({
  path: ['sys', 'stack', 'size'],
  value: size,
  reason: 'its code nests deeper than the default stack of 256K allows',
});
const sigterm: PresetSetting = {
  path: ['sys', 'enable_sigterm_injection'],
  value: true,
  reason: 'docker stop sends SIGTERM, which it handles to shut down cleanly',
};
const tmpfs = (path: string, reason: string): PresetSetting => ({
  path: ['fs', 'mounts'],
  value: [
    new Map([
      ['type', 'tmpfs'],
      ['path', path],
    ]),
  ],
  reason,
});
const tmp = tmpfs('/tmp', 'its libraries write temporary files');
const variable = (name: string, value: string, reason: string): PresetSetting => ({
  path: ['loader', 'env', name],
  value,
  reason,
});
const computingThreads = (count: string) =>
  variable('OMP_NUM_THREADS', count, 'otherwise it starts as many threads as the host has processors');
const oneArena = (reason: string) => variable('MALLOC_ARENA_MAX', '1', reason);
/** fork after 16 threads: 5 s where it works at all (Linux allows a process 65,530 mappings), 0.5 s with one arena. */
const forkable = oneArena(
  "fork copies the arenas of glibc's malloc, 64 MiB of addresses for each thread: children would start slowly or not at all",
);
const uncheckedPointers: PresetSetting = {
  path: ['libos', 'check_invalid_pointers'],
  value: false,
  reason: 'it passes only valid pointers to system calls, and the check of each is slow',
};

/**
 * Programs with the values that run them. The figures are those of the example manifests of the Gramine project (CI examples
 * of v1.9, its repository of examples, the GSC examples): starting points, not limits.
 */
export const presets: readonly Preset[] = [
  {
    name: 'bash',
    programs: /^(?:ba|da|a)?sh$/,
    isStarter: true,
    settings: [
      enclaveSize('512M', 'a shell and a few small programs'),
      threads(8n, 'the library OS adds its helper threads'),
    ],
  },
  {
    name: 'python',
    programs: /^(?:python|pypy)[\d.]*$|^(?:gunicorn|uvicorn|celery)$/,
    settings: [
      enclaveSize('1G', 'interpreter, modules and room for data'),
      threads(32n, 'numerical libraries start a thread for each processor'),
      stack('2M'),
      tmp,
      sigterm,
      computingThreads('4'),
      forkable,
    ],
  },
  {
    name: 'pytorch',
    settings: [
      enclaveSize('4G', 'its libraries alone take more than a gigabyte'),
      threads(32n, 'it computes in parallel'),
      tmp,
      computingThreads('8'),
      forkable,
    ],
  },
  {
    name: 'scikit-learn',
    settings: [
      enclaveSize('16G', 'its benchmarks hold whole data sets in memory'),
      threads(128n, 'it computes in parallel'),
      stack('8M'),
      tmp,
      computingThreads('8'),
      forkable,
    ],
  },
  {
    name: 'tensorflow-lite',
    settings: [enclaveSize('2G', 'library and model'), threads(16n, 'it computes in parallel')],
  },
  {
    name: 'openvino',
    settings: [
      enclaveSize('32G', 'models of full precision'),
      threads(196n, 'it has several threads for each processor'),
      {
        path: ['sgx', 'preheat_enclave'],
        value: true,
        reason: 'all pages are touched before the start, not while it computes',
      },
      uncheckedPointers,
    ],
  },
  {
    name: 'node',
    programs: /^(?:node|nodejs|npm|npx|yarn|pnpm)$/,
    settings: [
      enclaveSize('2G', 'V8 reserves large ranges of addresses for its heap'),
      threads(32n, 'workers of V8, of the thread pool and of the library OS'),
      forkable,
    ],
  },
  {
    name: 'java',
    programs: /^(?:java|jshell|catalina\.sh)$/,
    settings: [
      enclaveSize('8G', 'heap, metaspace and code cache are reserved at the start'),
      threads(128n, 'compiler and garbage collector add their threads'),
      stack('2M'),
      {
        path: ['sgx', 'use_exinfo'],
        value: true,
        reason:
          'the JVM turns page faults into NullPointerExceptions and safepoints, and needs their addresses',
      },
      {
        ...uncheckedPointers,
        reason: 'the JVM has guard pages, which the check of each pointer would touch',
      },
      oneArena("glibc's malloc takes 64 MiB of the enclave's addresses for each thread otherwise"),
    ],
    argument: {
      value: '-XX:-UsePerfData',
      names: 'UsePerfData',
      reason:
        'its performance data are for other processes, which do not see them inside; it warns that it cannot lock them (flock)',
    },
  },
  {
    name: 'r',
    programs: /^(?:R|Rscript)$/,
    settings: [
      enclaveSize('2G', 'interpreter, packages and data'),
      threads(8n, 'the library OS adds its helper threads'),
      stack('8M'),
      tmp,
      sigterm,
      forkable,
    ],
  },
  {
    name: 'gcc',
    programs: /^(?:gcc|g\+\+|cc|c\+\+)(?:-\d+)?$/,
    isTool: true,
    settings: [
      enclaveSize('1G', 'compiler, assembler and linker are processes with an enclave each'),
      threads(4n, 'each process has one thread and those of the library OS'),
    ],
  },
  {
    name: 'curl',
    programs: /^(?:curl|wget)$/,
    isTool: true,
    settings: [
      enclaveSize('512M', 'TLS libraries and certificates'),
      threads(4n, 'names are looked up in a thread'),
    ],
  },
  {
    name: 'redis',
    programs: /^(?:redis|valkey)-(?:server|sentinel|cli|benchmark)$/,
    settings: [
      enclaveSize('1G', 'the data are in memory'),
      threads(8n, 'it frees memory and syncs files in the background'),
      sigterm,
    ],
  },
  {
    name: 'memcached',
    programs: /^memcached$/,
    settings: [
      enclaveSize('1G', 'the data are in memory'),
      threads(16n, 'four workers, a few helpers'),
      sigterm,
    ],
  },
  {
    name: 'nginx',
    programs: /^nginx$/,
    settings: [
      enclaveSize('512M', 'master and workers are processes with an enclave each'),
      threads(4n, 'each process has one thread and those of the library OS'),
      sigterm,
    ],
  },
  {
    name: 'lighttpd',
    programs: /^lighttpd(?:-angel)?$/,
    settings: [
      enclaveSize('256M', 'a small server'),
      threads(8n, 'the library OS adds its helper threads'),
      sigterm,
      tmpfs('/var/tmp', 'uploads are kept there'),
    ],
  },
  {
    name: 'mongodb',
    programs: /^mongo[ds]$/,
    settings: [
      enclaveSize('8G', 'its cache takes half of the memory'),
      threads(64n, 'a thread for each connection'),
    ],
    advice:
      'mongodb locks its files with flock: sys.experimental__enable_flock = true in your manifest lets it, without protection against the host',
  },
  {
    name: 'sqlite',
    programs: /^sqlite3?$/,
    isTool: true,
    settings: [enclaveSize('256M', 'a small program'), threads(4n, 'one thread and those of the library OS')],
  },
  {
    name: 'rust',
    settings: [
      threads(8n, 'asynchronous runtimes have several workers'),
      oneArena("glibc's malloc reserves 64 MiB of addresses for each thread otherwise"),
    ],
  },
  {
    name: 'blender',
    programs: /^blender$/,
    settings: [enclaveSize('2G', 'scenes and textures'), threads(64n, 'it renders in parallel'), stack('8M')],
  },
];
