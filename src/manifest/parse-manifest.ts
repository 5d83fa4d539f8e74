import { GscError } from '../base/error.ts';
import { readText } from './graphene/complete-lines.ts';
import { parseLinesDocument } from './graphene/lines-document.ts';
import { isGrapheneText } from './toml/graphene-lines.ts';
import { parseToml, type TomlDocument } from './toml/toml.ts';

/**
 * Reads a manifest of any release: TOML, or the lines of Graphene before it used TOML, whichever the text is. Throws a `manifest`
 * error with line and column for what is neither.
 */
export function parseManifest(input: string | Uint8Array, subject: string): TomlDocument {
  try {
    return parseToml(input, subject);
  } catch (error) {
    if (!(error instanceof GscError) || error.code !== 'manifest') throw error;
    const text = typeof input === 'string' ? input : new TextDecoder().decode(input);
    if (!isGrapheneText(text)) throw error;
    return parseLinesDocument(readText(input, subject), subject);
  }
}
