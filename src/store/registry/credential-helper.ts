import { GscError, systemErrorCode } from '../../base/error.ts';
import { oneLine } from '../../base/printable-text.ts';
import type { ProgramResult } from '../../base/run-program.ts';
import { readJson } from '../../json/read-json.ts';
import { object, required, text } from '../../json/shape.ts';
import type { RegistrySettings } from './registry-options.ts';

/** Who we are, for one registry. */
export type Credentials =
  | {
      readonly kind: 'password';
      readonly username: string;
      readonly password: string;
      readonly source: string;
    }
  /** An OAuth2 refresh token, for the token endpoint. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly source: string }
  /** A bearer token, for the registry itself. */
  | { readonly kind: 'registry-token'; readonly token: string; readonly source: string };

export interface HelperQuestion {
  /** `pass` for the program `docker-credential-pass`. */
  readonly name: string;
  readonly server: string;
  /** The file that names the helper. */
  readonly file: string;
}

const answerShape = object({ Username: required(text), Secret: required(text) });

/** The user name that marks the secret as an identity token. docker/docker-credential-helpers, README. */
const tokenUser = '<token>';

/** How helpers say that they know no login. docker-credential-helpers, credentials/error.go. */
const notFoundPattern = /credentials not found|no credentials server URL|no credentials username/i;

/**
 * Asks `docker-credential-NAME get`; undefined if the helper knows nothing of the server. Throws a `registry` error for
 * a helper that is missing, fails, hangs or answers nonsense, without any of what it printed on success.
 */
export async function askHelper(
  question: HelperQuestion,
  settings: RegistrySettings,
): Promise<Credentials | undefined> {
  const program = programOf(question);
  const result = await runHelper(program, question, settings);
  if (result.isTimedOut) throw helperError(question, `no answer within ${settings.timeouts.helperMs} ms`);
  if (result.status !== 0) {
    const said = oneLine(result.stdout || result.stderr);
    if (notFoundPattern.test(said)) return undefined;
    throw helperError(question, `exit code ${result.status}${said === '' ? '' : `: ${said}`}`);
  }
  return parseAnswer(result.stdout, question);
}

function programOf(question: HelperQuestion): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(question.name)) return `docker-credential-${question.name}`;
  throw helperError(question, 'this is not the name of a helper');
}

async function runHelper(
  program: string,
  question: HelperQuestion,
  settings: RegistrySettings,
): Promise<ProgramResult> {
  try {
    return await settings.runProgram(program, ['get'], {
      input: question.server,
      environment: settings.environment,
      timeoutMs: settings.timeouts.helperMs,
      signal: settings.signal,
    });
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined || settings.signal?.aborted) throw cause;
    throw helperError(
      question,
      code === 'ENOENT' ? 'the program is not installed' : `cannot be started (${code})`,
      cause,
    );
  }
}

function parseAnswer(stdout: string, question: HelperQuestion): Credentials | undefined {
  const { value, problem } = readJson(stdout, answerShape);
  if (problem !== undefined) throw helperError(question, `its answer has no Username and Secret: ${problem}`);
  const { Username: username, Secret: secret } = value;
  const source = `docker-credential-${question.name}`;
  if (secret === '') return undefined;
  if (username === tokenUser) return { kind: 'identity-token', token: secret, source };
  return { kind: 'password', username, password: secret, source };
}

function helperError(question: HelperQuestion, message: string, cause?: unknown): GscError {
  return new GscError({
    code: 'registry',
    subject: `credential helper docker-credential-${oneLine(question.name)}`,
    message: `cannot get the login for ${question.server}: ${message}`,
    hint: `repair the helper, or remove it from ${question.file}`,
    cause,
  });
}
