import { GscError } from '../base/error.ts';
import type { SourceLogin } from '../runtime/recipe/recipe.ts';

export interface RepositoryAddress {
  /** Without a login: it may be shown, and stand in a Dockerfile. */
  readonly repository: string;
  readonly login?: SourceLogin;
}

const pattern = /^(https?:\/\/)([^/]*)@(.*)$/s;

/** A URL of a repository as messages may show it. The name in `ssh://git@host` is not a secret; an image's digest no login. */
export function withoutLogin(url: string): string {
  return url.replace(/^((?!docker:)[a-z+.-]+:\/\/)([^/]*)@/i, (whole, start: string, userinfo: string) =>
    /^https?:/i.test(start) || userinfo.includes(':') ? start : whole,
  );
}

/** Takes the login out of the URL of a repository. Throws a `config` error, without it, for one that cannot be passed to git. */
export function splitLogin(url: string, place: string): RepositoryAddress {
  const [, start, userinfo, rest] = pattern.exec(url) ?? [];
  if (start === undefined || userinfo === undefined || rest === undefined) return { repository: url };
  const [username = '', password = ''] = userinfo.split(/:(.*)/s).map(decoded);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end a line of what git reads
  if (!/[\u0000-\u001f]/.test(username + password)) {
    return { repository: `${start}${rest}`, login: { username, password } };
  }
  throw new GscError({
    code: 'config',
    subject: place,
    message: `the login in the URL of ${withoutLogin(url)} has control characters`,
    hint: 'write the URL as in https://NAME:TOKEN@git.example.com/gramine.git',
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
