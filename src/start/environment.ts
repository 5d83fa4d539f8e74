import { GscError } from '../base/error.ts';

/** An image's environment. */
export interface Environment {
  /** Names and values in the order of the names' first appearance; of equal names the last value. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** Entries that are dropped or damaged, in words. */
  readonly notes: readonly string[];
}

/**
 * Reads `Env` of an image's config. Docker splits at the first `=` and lets later entries of a name win
 * (`ReplaceOrAppendEnvVars`); an entry without `=` sets nothing. Throws an `entrypoint` error for an entry without a name
 * or with a NUL in it, with which no container starts (runc, Linux).
 */
export function readEnvironment(entries: readonly string[], subject: string): Environment {
  const variables = new Map<string, string>();
  const notes: string[] = [];
  for (const entry of entries) {
    const split = entry.indexOf('=');
    const name = entry.slice(0, split);
    if (split < 0) notes.push(`the environment entry ${JSON.stringify(entry)} has no "=": it sets nothing`);
    else if (name === '' || entry.includes('\0')) throw impossible(entry, subject);
    else {
      if (isDamaged(entry)) {
        notes.push(
          `the environment variable ${name} was not valid UTF-8 when the image was made: characters are lost`,
        );
      }
      variables.set(name, wellFormed(entry.slice(split + 1)));
    }
  }
  return { variables: [...variables], notes };
}

function impossible(entry: string, subject: string): GscError {
  const problem = entry.startsWith('=') ? 'has no name' : 'holds a NUL';
  return new GscError({
    code: 'entrypoint',
    subject,
    message: `the environment entry ${JSON.stringify(entry)} ${problem}: no container starts with it`,
    hint: 'build the image with another ENV',
  });
}

/** The value of a variable, or undefined if it is not set. */
export function variableOf(environment: Environment, name: string): string | undefined {
  return environment.variables.find(([known]) => known === name)?.[1];
}

/** Configs are JSON: other bytes became U+FFFD when the engine wrote them, or are lone surrogates. */
function isDamaged(text: string): boolean {
  return /[\ufffd\p{Surrogate}]/u.test(text);
}

/** A text as Go reads it from JSON: U+FFFD in the place of half a character. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
