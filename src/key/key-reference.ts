import { GscError } from '../base/error.ts';
import { type Pkcs11Uri, parsePkcs11Uri } from './pkcs11-uri.ts';

/** Where a signing key is. */
export type KeyReference =
  | { readonly kind: 'pem'; readonly path: string }
  | { readonly kind: 'pkcs11'; readonly uri: Pkcs11Uri }
  | { readonly kind: 'exec'; readonly program: string; readonly parameters: readonly string[] };

/**
 * Reads a KEY: the path of a PEM file, a `pkcs11:` URI (RFC 7512) or `exec:PROGRAM ARG…`, whose words are separated and quoted
 * as in a shell, without its expansions. A file whose name begins like one of the others is written with `./`. Throws a
 * `usage` error, in which a PIN never is.
 */
export function parseKeyReference(text: string): KeyReference {
  if (/^pkcs11:/i.test(text)) return { kind: 'pkcs11', uri: parsePkcs11Uri(text) };
  if (/^exec:/i.test(text)) {
    const [program = '', ...parameters] = wordsOf(text.slice('exec:'.length));
    if (program !== '') return { kind: 'exec', program, parameters };
    throw keyUsageError(
      'expected a program after exec:',
      'write it as exec:PROGRAM ARG…, quoted as one word',
    );
  }
  if (text !== '') return { kind: 'pem', path: text };
  throw keyUsageError('expected a file, a pkcs11: URI or exec:PROGRAM, got nothing', 'name the signing key');
}

/** The words of a command line: blanks separate; '…', "…" and \ quote. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|[^\s'"\\]+|(['"\\])/g;
  let current: string | undefined;
  for (const [all, single, double, escaped, open] of text.matchAll(pattern)) {
    if (open !== undefined) {
      throw keyUsageError(`${open} in exec: is never closed`, `close it, or write it as "\\${open}"`);
    }
    if (single === undefined && double === undefined && escaped === undefined && /^\s/.test(all)) {
      if (current !== undefined) words.push(current);
      current = undefined;
    } else {
      current = `${current ?? ''}${single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? all}`;
    }
  }
  return current === undefined ? words : [...words, current];
}

function keyUsageError(message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject: 'KEY', message, hint });
}
