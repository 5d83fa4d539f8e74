import { GscError } from '../base/error.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { readText } from './graphene/complete-lines.ts';
import { parseLinesDocument } from './graphene/lines-document.ts';
import { migrateManifest } from './migrate/migrate.ts';
import { isGrapheneText } from './toml/graphene-lines.ts';
import { parseToml, type TomlDocument } from './toml/toml.ts';

/** A manifest of Graphene in the form that its checks work with, each key with its place in the text; any other as it is. */
export function gramineForm(document: TomlDocument, version: RuntimeVersion): TomlDocument {
  return version.family === 'graphene' ? migrateManifest(document, version, 'build').document : document;
}

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
