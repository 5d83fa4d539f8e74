import { GscError, systemErrorCode } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { nearestName } from '../base/nearest-name.ts';
import { type ProgramResult, runProgram } from '../base/run-program.ts';
import type { Source, SourceLogin } from '../runtime/recipe/recipe.ts';
import { splitLogin, withoutLogin } from './repository-login.ts';

/** A repository as the configuration names it. */
export interface WantedSource {
  readonly repository: string;
  /** Branch, tag or commit; without one the repository's own default branch. */
  readonly branch?: string;
  /** `config.yaml:3:5`, or what stands for it. */
  readonly place: string;
}

export interface FoundSource extends Source {
  /** Why the name could not be replaced by the commit that it stands for now. */
  readonly obstacle?: string;
}

/** A repository that is slower is asked again by the build itself. */
const timeoutMs = 30_000;
/** `git ls-remote --exit-code`: there is no such ref. */
const noSuchRef = 2;

/**
 * The commit that a name stands for now, asked with the `git` of this machine; so a runtime is built again when a branch
 * has moved, and only then. Where git or the repository cannot be used, the name stays. Throws a `config` error if the
 * repository answers and has no such name.
 */
export async function findSource(host: HostEnvironment, wanted: WantedSource): Promise<FoundSource> {
  checkRepository(wanted);
  const { repository, login } = splitLogin(wanted.repository, wanted.place);
  const found = await askFor(host, { ...wanted, repository, ...(login && { login }) });
  return { repository, ...found, ...(login && { login }) };
}

/** A repository whose URL has no login any more. */
interface Question extends WantedSource {
  readonly login?: SourceLogin;
}

async function askFor(
  host: HostEnvironment,
  question: Question,
): Promise<Omit<FoundSource, 'repository' | 'login'>> {
  const { branch = 'HEAD' } = question;
  if (/^[0-9a-f]{40}$/.test(branch)) return { revision: branch };
  const refs = [`refs/heads/${branch}`, `refs/tags/${branch}^{}`, `refs/tags/${branch}`, branch];
  const answer = await lsRemote(host, question, { options: ['--exit-code'], refs });
  // The beginning of a commit, unless there is a branch or tag of that name.
  if (/^[0-9a-f]{7,39}$/.test(branch) && !isFound(answer)) return { revision: branch };
  if (typeof answer === 'string') return unresolved(branch, answer);
  if (answer.status === noSuchRef) throw await unknownName(host, question, branch);
  if (answer.status !== 0) return unresolved(branch, complaintOf(answer));
  const commits = readRefs(answer.stdout);
  const commit = refs.map((ref) => commits.get(ref)).find((found) => found !== undefined);
  if (commit === undefined) throw await unknownName(host, question, branch);
  return { revision: commit, name: branch };
}

function isFound(answer: ProgramResult | string): boolean {
  return typeof answer !== 'string' && answer.status === 0;
}

function unresolved(revision: string, obstacle: string): Omit<FoundSource, 'repository' | 'login'> {
  return { revision, isUnresolved: true, obstacle };
}

/** What a container can clone: it has no keys for ssh, and sees no directory of this machine. */
function checkRepository({ repository, place }: WantedSource): void {
  if (/^(?:https?|git|ftps?):\/\/./.test(repository)) return;
  throw new GscError({
    code: 'config',
    subject: place,
    message: `expected a repository that the build's container can clone, got ${JSON.stringify(withoutLogin(repository))}`,
    hint: 'write a URL (https:// or git://; it may contain a login); a repository on this machine can be served with git daemon',
  });
}

/** Tells git a login outside the arguments of programs, which all users can read. git, gitcredentials(7). */
const loginHelper = String.raw`!f() { printf 'username=%s\npassword=%s\n' "$GSC_GIT_USERNAME" "$GSC_GIT_PASSWORD"; }; f`;

/** The answer, or why there is none. */
async function lsRemote(
  host: HostEnvironment,
  { repository, login }: Question,
  { options, refs }: { readonly options: readonly string[]; readonly refs: readonly string[] },
): Promise<ProgramResult | string> {
  const helper = login ? ['-c', 'credential.helper=', '-c', `credential.helper=${loginHelper}`] : [];
  try {
    // After the dashes nothing is an option, whatever a branch is called.
    const parameters = [...helper, 'ls-remote', ...options, '--', repository, ...refs];
    const result = await runProgram('git', parameters, {
      input: '',
      // There is no user to ask for a password.
      environment: {
        ...host.environment,
        GIT_TERMINAL_PROMPT: '0',
        ...(login && { GSC_GIT_USERNAME: login.username, GSC_GIT_PASSWORD: login.password }),
      },
      timeoutMs,
      signal: host.signal,
    });
    return result.isTimedOut ? 'the repository does not answer in time' : result;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'git is not installed on this machine';
    throw error;
  }
}

function complaintOf({ stderr }: ProgramResult): string {
  const [first] = stderr.split('\n').filter((line) => /^(?:fatal|error|remote):/.test(line));
  return first ?? 'git could not reach the repository';
}

/** `<commit> TAB <ref>` to a line. */
function readRefs(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map((line) => line.split('\t'));
  return new Map(lines.flatMap(([commit, ref]) => (commit && ref ? [[ref, commit] as const] : [])));
}

async function unknownName(host: HostEnvironment, question: Question, branch: string): Promise<GscError> {
  const { repository, place } = question;
  const answer = await lsRemote(host, question, { options: ['--heads', '--tags'], refs: [] });
  const refs = typeof answer === 'string' ? [] : [...readRefs(answer.stdout).keys()];
  const names = refs.map((ref) => ref.replace(/^refs\/(?:heads|tags)\/|\^\{\}$/g, ''));
  const near = nearestName(branch, names);
  return new GscError({
    code: 'config',
    subject: place,
    message: `${repository} has no branch or tag ${branch}`,
    hint: near === undefined ? 'git ls-remote lists them' : `did you mean ${near}?`,
  });
}
