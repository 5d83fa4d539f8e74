import { GscError } from '../../base/error.ts';

/** A word for a POSIX shell, in single quotes where it needs them. Newlines must have been refused before. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./^~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A `RUN` of commands, each of which must succeed; one to a line. `mounts` are BuildKit's. */
export function run(commands: readonly string[], mounts: readonly string[] = []): string {
  const options = mounts.map((mount) => `--mount=${mount} `).join('');
  return `RUN ${options}${commands.join(' \\\n && ')}`;
}

/** BuildKit's mount of a secret as `/run/secrets/ID`. */
export function secretMount(id: string): string {
  return `type=secret,id=${id},required=true`;
}

/** The words of a long command, one to a line. */
export function listed(command: string, words: readonly string[]): string {
  return [command, ...words.map(shellWord)].join(' \\\n      ');
}

/** Refuses what would end a line of a Dockerfile, and what a program would take for an option. */
export function checkWord(text: string, subject: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (text !== '' && !text.startsWith('-') && !/[\u0000-\u001f\u007f]/.test(text)) return text;
  throw new GscError({
    code: 'config',
    subject,
    message: `cannot be written in a Dockerfile: ${JSON.stringify(text)}`,
    hint: 'it must not be empty, begin with a dash or hold control characters',
  });
}
