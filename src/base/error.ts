/**
 * Every way in which gsc fails, as a closed list; `docs/errors.md` explains each.
 * The command line turns `usage`, `config` and `manifest` into exit code 2, all others into 1.
 */
export const errorCodes = [
  'usage',
  'config',
  'manifest',
  'not-found',
  'exists',
  'unreadable',
  'unwritable',
  'archive',
  'image',
  'blob',
  'tar',
  'tree',
  'platform',
  'state',
  'entrypoint',
  'user',
  'runtime',
  'elf',
  'enclave',
  'key',
  'sigstruct',
  'quote',
  'collateral',
  'attestation',
  'evidence',
  'engine',
  'build',
  'trace',
  'registry',
  'cache',
  'aborted',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  readonly code: ErrorCode;
  /** What the failure is about: a file, an image, a digest, a manifest key. */
  readonly subject: string;
  /** What failed, with "expected X, got Y" where there is such a pair. Without the subject. */
  readonly message: string;
  /** One thing that the user can do. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Whether another attempt may succeed; by default as the cause, else as the code has it. */
  readonly isPassing?: boolean;
}

/** What breaks on the way, is full for the moment, or was stopped. */
const passingCodes: ReadonlySet<ErrorCode> = new Set(['aborted', 'blob', 'unwritable']);

/** The only error class that gsc throws on purpose. `message` is `subject: detail`. */
export class GscError extends Error {
  readonly code: ErrorCode;
  readonly subject: string;
  /** The message without the subject. */
  readonly detail: string;
  readonly hint: string | undefined;
  /**
   * True if the same may succeed another time: a network, a registry or an Engine that does not answer or cannot for the moment.
   * What is wrong with an image, a manifest, a key or a login stays wrong.
   */
  readonly isPassing: boolean;

  static {
    // Node shows the name of an error's class, which the bundler shortens.
    Object.defineProperty(GscError, 'name', { value: 'GscError' });
  }

  constructor(details: ErrorDetails) {
    super(`${details.subject}: ${details.message}`, { cause: details.cause });
    this.name = 'GscError';
    this.code = details.code;
    this.subject = details.subject;
    this.detail = details.message;
    this.hint = details.hint;
    const ofCause = details.cause instanceof GscError ? details.cause.isPassing : undefined;
    this.isPassing = details.isPassing ?? ofCause ?? passingCodes.has(details.code);
  }
}

/** The error for what a user wrote: `subject` is the option or the place, `hint` what to write instead. */
export function usageError(subject: string, message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject, message, hint });
}

/** The system's own word for a failed call (`ENOENT`, `EACCES`, …), or undefined for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The system's words for a failed call, its parts and its causes, outermost first. */
export function systemErrorCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const own = systemErrorCode(error);
  const parts = error instanceof AggregateError ? error.errors : [];
  return [
    ...(own === undefined ? [] : [own]),
    ...parts.flatMap(systemErrorCodes),
    ...systemErrorCodes(error.cause),
  ];
}
