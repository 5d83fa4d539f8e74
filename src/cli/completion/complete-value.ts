import { after, beginning, type Candidate } from './candidate.ts';
import { completeFileName, type FilePlaces } from './file-names.ts';
import { completeReference, type ReferencePlaces } from './references.ts';

/** What values are looked up in. */
export type ValuePlaces = FilePlaces & ReferencePlaces;

/** What is known about a value: the words that it may be, or its placeholder in the help. */
export interface ValueFacts {
  readonly choices: readonly string[] | undefined;
  readonly placeholder: string;
}

type Complete = (typed: string, places: ValuePlaces) => Promise<readonly Candidate[]>;

const file: Complete = (typed, places) => completeFileName(typed, places, 'any');
const directory: Complete = (typed, places) => completeFileName(typed, places, 'directories');
const reference: Complete = completeReference;

const onToken: Candidate = { text: 'pkcs11:', description: 'a key on a token' };
const byProgram: Candidate = { text: 'exec:', description: 'a program that signs' };

/** What a KEY is: docs/signing.md. */
const key: Complete = async (typed, places) => [
  ...(await file(typed, places)),
  ...(await tokenUri(typed, places)),
  ...[byProgram].filter(({ text }) => text.startsWith(typed)),
];

/** Tokens and the keys on them. Their library is loaded when a URI has begun. */
async function tokenUri(typed: string, { host }: ValuePlaces): Promise<readonly Candidate[]> {
  if (!typed.startsWith(onToken.text)) return onToken.text.startsWith(typed) ? [onToken] : [];
  const { tokenKeyUris } = await import('./token-keys.ts');
  return (await tokenKeyUris(host)).filter(({ text }) => text.startsWith(typed));
}

/** What comes after the first `=`; what is before it is the user's own word. */
function afterEquals(complete: Complete): Complete {
  return async (typed, places) => {
    const at = typed.indexOf('=') + 1;
    return at === 0 ? [] : after(typed.slice(0, at), await complete(typed.slice(at), places));
  };
}

/** What the placeholders of options and arguments stand for. What is not here is the user's own word. */
const placeholders: Readonly<Record<string, Complete>> = {
  file,
  key,
  manifest: file,
  profile: file,
  source: file,
  uri: tokenUri,
  'hostpath:path': file,
  'source:path': file,
  'name=file': afterEquals(file),
  'container=image': afterEquals(reference),
  dir: directory,
  ref: reference,
  image: reference,
  'path=use': afterEquals(async (use) => beginning(use, ['allowed', 'encrypted', 'tmpfs'])),
};

/** What a value that begins so may become. */
export async function completeValue(
  { choices, placeholder }: ValueFacts,
  typed: string,
  places: ValuePlaces,
): Promise<readonly Candidate[]> {
  if (choices !== undefined) return beginning(typed, choices);
  const complete = Object.hasOwn(placeholders, placeholder) ? placeholders[placeholder] : undefined;
  return (await complete?.(typed, places)) ?? [];
}
