/** A place of an image whose files are not trusted, and why. */
export interface ExclusionRule {
  /** Names the place and all below it, as a `Glob`. */
  readonly pattern: string;
  readonly reason: string;
  /** True of what is there in every container, whether the image has it or not. */
  readonly isFromEngine?: true;
}

/**
 * What is left out of the trusted files. The list is that of the Python GSC (`finalize_manifest.py`) and, marked "engine",
 * the files that a container engine mounts over the image's own, whose hashes would never match.
 */
export const exclusionRules: readonly ExclusionRule[] = [
  { pattern: '/boot', reason: 'kernels and boot loaders, which no container uses' },
  { pattern: '/dev', reason: 'devices: the library OS has its own /dev' },
  { pattern: '/proc', reason: 'the library OS has its own /proc' },
  { pattern: '/sys', reason: 'the library OS has its own /sys' },
  { pattern: '/var', reason: 'data that programs change while they run' },
  { pattern: '/etc/rc?.d', reason: 'start-up scripts of System V, which no container runs' },
  { pattern: '/etc/mtab', reason: 'the list of mounts: the engine and the library OS make their own' },
  { pattern: '/etc/shadow*', reason: 'passwords: secrets do not belong in an enclave image' },
  { pattern: '/etc/gshadow*', reason: 'passwords: secrets do not belong in an enclave image' },
  { pattern: '/etc/.pwd.lock', reason: 'a lock file of passwd' },
  { pattern: '/etc/security', reason: 'settings of logins, which an enclave does not have' },
  { pattern: '/.dockerenv', reason: 'engine: made for each container', isFromEngine: true },
  { pattern: '/.dockerinit', reason: 'engine: made for each container', isFromEngine: true },
  {
    pattern: '/etc/hosts',
    reason: 'engine: mounted over at run time, so no hash would match',
    isFromEngine: true,
  },
  {
    pattern: '/etc/hostname',
    reason: 'engine: mounted over at run time; gethostname() works without it',
    isFromEngine: true,
  },
  {
    pattern: '/etc/resolv.conf',
    reason: 'engine: mounted over at run time; the library OS generates its own',
    isFromEngine: true,
  },
  {
    pattern: '/run/.containerenv',
    reason: 'engine: podman makes it for each container',
    isFromEngine: true,
  },
  ...['/gramine/runtime', '/gramine/host', '/gramine/app_files'].map((pattern) => ({
    pattern,
    reason: "gsc's own files, which it lists by itself",
  })),
];

/** The files that an engine puts into every container, over what the image may have there. */
export const engineFiles: ReadonlyMap<string, ExclusionRule> = new Map(
  exclusionRules.filter(({ isFromEngine }) => isFromEngine).map((rule) => [rule.pattern, rule]),
);
