import { bytesOfText, type ImagePath, imagePath, textOfBytes } from '../base/image-path.ts';
import { isTable, type TomlValue } from '../manifest/toml/toml.ts';

/** The absolute path of a `file:` URI, or of a table that holds one as `uri`; undefined for everything else. */
export function pathOfUri(value: TomlValue | undefined): ImagePath | undefined {
  const uri = uriOf(value);
  return uri?.startsWith('file:/') ? imagePath(bytesOfText(uri.slice('file:'.length))) : undefined;
}

/** The URI that an entry of a list of files is, or has. */
export function uriOf(value: TomlValue | undefined): string | undefined {
  const uri = isTable(value) ? value.get('uri') : value;
  return typeof uri === 'string' ? uri : undefined;
}

/** The URI of a path; undefined for a path that no manifest can hold, as it is not UTF-8. */
export function fileUri(path: ImagePath): string | undefined {
  const text = textOfBytes(path);
  return text === undefined ? undefined : `file:${text}`;
}
