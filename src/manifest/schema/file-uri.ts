import { bytesOfText, type ImagePath, imagePath, textOfBytes } from '../../base/image-path.ts';
import { isTable, type TomlValue } from '../toml/toml.ts';

const scheme = 'file:';

/** What stands after `file:`, absolute or relative, as it is written; undefined for everything else. */
export function textOfFileUri(value: TomlValue | undefined): string | undefined {
  return typeof value === 'string' && value.startsWith(scheme) ? value.slice(scheme.length) : undefined;
}

/** The absolute path of a `file:` URI, or of a table that holds one as `uri`; undefined for everything else. */
export function pathOfUri(value: TomlValue | undefined): ImagePath | undefined {
  const text = textOfFileUri(uriOf(value));
  return text?.startsWith('/') ? imagePath(bytesOfText(text)) : undefined;
}

/** The URI that an entry of a list of files is, or has. */
export function uriOf(value: TomlValue | undefined): string | undefined {
  const uri = isTable(value) ? value.get('uri') : value;
  return typeof uri === 'string' ? uri : undefined;
}

/** The URI of a path; undefined for a path that no manifest can hold, as it is not UTF-8. */
export function fileUri(path: ImagePath): string | undefined {
  const text = textOfBytes(path);
  return text === undefined ? undefined : fileUriOfText(text);
}

/** The URI of a path that is text. */
export function fileUriOfText(path: string): string {
  return `${scheme}${path}`;
}
