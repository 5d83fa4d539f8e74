import type { AddCommand } from './options/command-context.ts';

/** A command as the overview shows it, and where the rest of it is. */
export interface CommandRow {
  readonly name: string;
  readonly alias?: string;
  /** Its operands, as commander writes them. */
  readonly operands: readonly string[];
  readonly summary: string;
  /** Loaded only when it is called, or its help is: all commands together take longer to load than one does. */
  readonly load: () => Promise<AddCommand>;
}

/** All commands, in the order of the help. A test holds the rows against the commands. */
export const commands: readonly CommandRow[] = [
  {
    name: 'build',
    operands: ['IMAGE', '[MANIFEST...]'],
    summary: 'graminize an image',
    load: async () => (await import('./commands/build-command.ts')).addBuild,
  },
  {
    name: 'sign-image',
    operands: ['IMAGE', '[KEY]'],
    summary: 'sign a graminized image',
    load: async () => (await import('./commands/sign-image-command.ts')).addSignImage,
  },
  {
    name: 'sign-prepared',
    operands: ['FILE', 'KEY'],
    summary: 'sign what sign-image --prepare wrote',
    load: async () => (await import('./commands/sign-prepared-command.ts')).addSignPrepared,
  },
  {
    name: 'info-image',
    operands: ['IMAGE'],
    summary: 'print what a signed image says about its enclave',
    load: async () => (await import('./commands/info-image-command.ts')).addInfoImage,
  },
  {
    name: 'run',
    operands: ['IMAGE', '[ARG...]'],
    summary: 'start a graminized image',
    load: async () => (await import('./commands/run-command.ts')).addRun,
  },
  {
    name: 'kubernetes',
    operands: ['[IMAGE]'],
    summary: 'write a Kubernetes manifest for a signed image',
    load: async () => (await import('./commands/kubernetes-command.ts')).addKubernetes,
  },
  {
    name: 'verify-image',
    operands: ['IMAGE'],
    summary: 'check whether a graminized image is what it claims to be',
    load: async () => (await import('./commands/verify-image-command.ts')).addVerifyImage,
  },
  {
    name: 'diff',
    operands: ['A', 'B'],
    summary: 'say what changed between two graminized images',
    load: async () => (await import('./commands/diff-command.ts')).addDiff,
  },
  {
    name: 'report',
    operands: ['IMAGE'],
    summary: 'write a page that says what a graminized image is',
    load: async () => (await import('./commands/report-command.ts')).addReport,
  },
  {
    name: 'attest-build',
    operands: ['IMAGE'],
    summary: 'sign how an image was built, and attach that to it',
    load: async () => (await import('./commands/attest-build-command.ts')).addAttestBuild,
  },
  {
    name: 'evidence',
    operands: ['ACTION', 'IMAGE'],
    summary: 'list or show what is attached to an image about its build',
    load: async () => (await import('./commands/evidence-command.ts')).addEvidence,
  },
  {
    name: 'attest',
    operands: ['[HOST:PORT]'],
    summary: 'check which enclave answers',
    load: async () => (await import('./commands/attest-command.ts')).addAttest,
  },
  {
    name: 'collateral',
    operands: ['ACTION'],
    summary: 'fetch collateral and keep it for gsc attest',
    load: async () => (await import('./commands/collateral-command.ts')).addCollateral,
  },
  {
    name: 'secrets',
    operands: ['ACTION'],
    summary: 'serve secrets to attested enclaves',
    load: async () => (await import('./commands/secrets-command.ts')).addSecrets,
  },
  {
    name: 'build-gramine',
    alias: 'build-graphene',
    operands: ['NAME'],
    summary: 'build a runtime from its sources',
    load: async () => (await import('./commands/build-gramine-command.ts')).addBuildGramine,
  },
  {
    name: 'explain',
    operands: ['IMAGE', 'PATH...'],
    summary: 'say what the enclave does with a path, and why',
    load: async () => (await import('./commands/explain-command.ts')).addExplain,
  },
  {
    name: 'trace',
    operands: ['IMAGE', '[MANIFEST]'],
    summary: 'find out which files an application opens',
    load: async () => (await import('./commands/trace-command.ts')).addTrace,
  },
  {
    name: 'gen-private-key',
    operands: ['[FILE]'],
    summary: 'make a signing key',
    load: async () => (await import('./commands/gen-private-key-command.ts')).addGenPrivateKey,
  },
  {
    name: 'key',
    operands: ['ACTION', 'URI'],
    summary: 'list the keys on a token',
    load: async () => (await import('./commands/key-command.ts')).addKey,
  },
  {
    name: 'sgx-sign',
    operands: [],
    summary: 'sign a manifest, as gramine-sgx-sign does',
    load: async () => (await import('./commands/sgx-sign-command.ts')).addSgxSign,
  },
  {
    name: 'sigstruct-view',
    operands: ['FILE'],
    summary: 'print a SIGSTRUCT',
    load: async () => (await import('./commands/sigstruct-view-command.ts')).addSigstructView,
  },
  {
    name: 'init',
    operands: ['IMAGE'],
    summary: 'write a first manifest',
    load: async () => (await import('./commands/init-command.ts')).addInit,
  },
  {
    name: 'manifest-check',
    operands: ['[FILE]'],
    summary: 'check a manifest',
    load: async () => (await import('./commands/manifest-check-command.ts')).addManifestCheck,
  },
  {
    name: 'migrate-manifest',
    operands: ['[FILE]'],
    summary: 'rewrite a manifest of an older release',
    load: async () => (await import('./commands/migrate-manifest-command.ts')).addMigrateManifest,
  },
  {
    name: 'config',
    operands: [],
    summary: 'show the configuration, or write a first one',
    load: async () => (await import('./commands/config-command.ts')).addConfig,
  },
  {
    name: 'cache',
    operands: ['ACTION'],
    summary: 'list or prune what gsc keeps between runs',
    load: async () => (await import('./commands/cache-command.ts')).addCache,
  },
  {
    name: 'doctor',
    operands: ['[IMAGE]'],
    summary: 'say what this machine has and lacks',
    load: async () => (await import('./commands/doctor-command.ts')).addDoctor,
  },
  {
    name: 'completion',
    operands: ['SHELL', '[WORD...]'],
    summary: 'complete command lines in a shell',
    load: async () => (await import('./commands/completion-command.ts')).addCompletion,
  },
];
