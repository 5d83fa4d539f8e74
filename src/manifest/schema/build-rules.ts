import { bytesOfText, imagePath, showBytes } from '../../base/image-path.ts';
import { findTemplateMark, templateHint } from '../toml/template-marks.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue, valueAt } from '../toml/toml.ts';
import { textOfFileUri } from './file-uri.ts';
import { type Finding, showValue } from './problem.ts';
import { select } from './runtime-values.ts';

/** Every text of a manifest, and every name, that holds a piece of a template. */
export function findTemplateTexts(root: TomlTable): readonly Finding[] {
  return [...textsBelow(root, [])].flatMap(([path, text]) => {
    const mark = findTemplateMark(text);
    if (mark === undefined) return [];
    return [{ path, message: `an unrendered template: ${mark.text}`, hint: templateHint }];
  });
}

function* textsBelow(value: TomlValue, path: KeyPath): Iterable<readonly [KeyPath, string]> {
  if (typeof value === 'string') yield [path, value];
  else if (isArray(value)) {
    for (const [index, item] of value.entries()) yield* textsBelow(item, [...path, index]);
  } else if (isTable(value)) {
    for (const [key, item] of value) {
      yield [[...path, key], key];
      yield* textsBelow(item, [...path, key]);
    }
  }
}

/** Every key that holds the URI of a file; `*` as in {@link select}. */
const uriKeys: readonly string[] = [
  'loader.entrypoint',
  'loader.entrypoint.uri',
  'loader.argv_src_file',
  'loader.env_src_file',
  'fs.root.uri',
  'fs.mounts.*.uri',
  'sgx.trusted_files.*',
  'sgx.trusted_files.*.uri',
  'sgx.allowed_files.*',
];

/**
 * Relative `file:` URIs. Gramine compares them as text: below the root `file:/` of graminized images, where every name is
 * absolute, they match nothing.
 */
export function findRelativeUris(root: TomlTable): readonly Finding[] {
  return uriKeys.flatMap((key) =>
    [...select(root, key)].flatMap(([path, uri]) => {
      const text = textOfFileUri(uri);
      if (text === undefined || text.startsWith('/') || isUnused(root, path)) return [];
      const absolute = showBytes(imagePath(bytesOfText(text)));
      return [
        {
          path,
          message: `expected an absolute path in the image, got the relative ${showValue(uri)}, which matches nothing there`,
          hint: `write file:${absolute}${text.endsWith('/') && absolute !== '/' ? '/' : ''}`,
        },
      ];
    }),
  );
}

/** The URI of a tmpfs means nothing. */
function isUnused(root: TomlTable, path: KeyPath): boolean {
  const holder = valueAt(root, path.slice(0, -1));
  return isTable(holder) && holder.get('type') === 'tmpfs';
}
