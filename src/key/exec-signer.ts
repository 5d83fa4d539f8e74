import { GscError, systemErrorCode } from '../base/error.ts';
import { type ProgramResult, runProgram } from '../base/run-program.ts';
import type { Signer } from '../signature/signer.ts';
import type { KeyEnvironment } from './key-environment.ts';
import { parseSigningAnswer, type SigningAnswer, writeSigningRequest } from './signing-exchange.ts';

/** A signing service may ask a person first. */
export const defaultSignerTimeoutMs = 120_000;

export interface ExecKey {
  readonly program: string;
  readonly parameters: readonly string[];
}

/**
 * A signer that asks a program: it gets one JSON object on its standard input and answers one, see `docs/external-signers.md`. The
 * program runs when there is something to sign, once for each; its modulus is known after that. Its standard error is shown.
 * `sign` throws a `key` error for a program that is missing, fails, hangs or answers something else.
 */
export function execSigner(key: ExecKey, environment: KeyEnvironment): Signer {
  const subject = `exec:${key.program}`;
  let modulus: Buffer | undefined;
  return {
    kind: 'external',
    subject,
    get modulus(): Buffer {
      if (modulus !== undefined) return modulus;
      throw programError(subject, 'the program names its key with its signature, and has not signed yet');
    },
    sign: async (message, facts) => {
      const answer = await askProgram(key, writeSigningRequest(message, facts), { subject, environment });
      checkMessage(answer, message, subject);
      if (modulus !== undefined && !modulus.equals(answer.modulus))
        throw programError(subject, 'the program signed with another key than before');
      modulus = answer.modulus;
      return answer.signature;
    },
  };
}

interface AskOptions {
  readonly subject: string;
  readonly environment: KeyEnvironment;
}

async function askProgram(
  { program, parameters }: ExecKey,
  input: string,
  { subject, environment: { host, reporter, timeoutMs = defaultSignerTimeoutMs } }: AskOptions,
): Promise<SigningAnswer> {
  const said = lineWriter((line) => reporter?.say(`${subject}: ${line}`));
  let result: ProgramResult;
  try {
    result = await runProgram(program, parameters, {
      ...{ input, timeoutMs, environment: host.environment, signal: host.signal },
      ...{ workingDirectory: host.workingDirectory, onStderr: said.write },
    });
  } catch (cause) {
    throw host.signal.aborted ? cause : startError(subject, cause);
  }
  said.end();
  checkResult(result, subject, timeoutMs);
  return parseSigningAnswer(result.stdout, subject);
}

function startError(subject: string, cause: unknown): GscError {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such program',
    EACCES: 'it may not be executed',
    ENOEXEC: 'it is not a program; a script needs a line #!/bin/sh',
  };
  const code = systemErrorCode(cause) ?? String(cause);
  return new GscError({
    code: 'key',
    subject,
    message: `the program does not start: ${reasons[code] ?? code}`,
    hint: 'give its path, and make it executable',
    cause,
  });
}

function checkResult(
  { status, stderr, isTimedOut }: ProgramResult,
  subject: string,
  timeoutMs: number,
): void {
  if (isTimedOut) {
    throw programError(
      subject,
      `the program did not answer within ${timeoutMs / 1000} seconds, and was ended`,
      'give it more time with --signer-timeout SECONDS',
      true,
    );
  }
  if (status === 0) return;
  const how = status === null ? 'was ended by a signal' : `failed with exit code ${status}`;
  const last = stderr.trimEnd().split('\n').at(-1);
  throw programError(
    subject,
    `the program ${how}${last ? `; it said last: ${last}` : ''}`,
    'run it by hand with the request of docs/external-signers.md on its standard input',
    // It asks a service, most often.
    true,
  );
}

/** An answer may repeat what it signed. */
function checkMessage(answer: SigningAnswer, message: Buffer, subject: string): void {
  if (answer.message === undefined || answer.message.equals(message)) return;
  throw programError(subject, 'the program signed other bytes than those requested');
}

/** Passes text on line by line. */
function lineWriter(write: (line: string) => void): { write(piece: string): void; end(): void } {
  let open = '';
  return {
    write: (piece) => {
      const lines = `${open}${piece}`.split(/\r?\n/);
      open = lines.pop() ?? '';
      for (const line of lines) write(line);
    },
    end: () => {
      if (open !== '') write(open);
    },
  };
}

function programError(
  subject: string,
  message: string,
  hint = 'the contract of such programs is in docs/external-signers.md',
  isPassing = false,
): GscError {
  return new GscError({ code: 'key', subject, message, hint, isPassing });
}
