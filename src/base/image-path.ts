declare const pathBrand: unique symbol;

/**
 * A string of bytes: each character is one byte, 0 to 255 (Node's `latin1`). File names in images are bytes,
 * not text; in this form they compare, sort and serve as keys without loss.
 */
export type ByteString = string;

/**
 * An absolute path inside an image, as a {@link ByteString}: `/` or `/a/b`, without empty, `.` or `..`
 * components and without a trailing slash.
 */
export type ImagePath = ByteString & { readonly [pathBrand]: true };

export const rootPath = '/' as ImagePath;

/** The bytes of a text in UTF-8. */
export function bytesOfText(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The text that the bytes spell in UTF-8, or undefined if they are not valid UTF-8. */
export function textOfBytes(bytes: ByteString): string | undefined {
  if (isAscii(bytes)) return bytes;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

/** For messages: the text, with every byte that is not part of valid UTF-8 shown as U+FFFD and controls escaped. */
export function showBytes(bytes: ByteString): string {
  const text = textOfBytes(bytes) ?? Buffer.from(bytes, 'latin1').toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
  return text.replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * Makes an {@link ImagePath} of any byte string: relative names are relative to `/`, empty and `.` components go,
 * `..` goes up and stops at the root (textually: links are not looked at).
 */
export function imagePath(bytes: ByteString): ImagePath {
  if (isClean(bytes)) return bytes as ImagePath;
  const kept: string[] = [];
  for (const part of bytes.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return `/${kept.join('/')}` as ImagePath;
}

/** The components below the root; none for `/`. */
export function componentsOf(path: ImagePath): readonly ByteString[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** The parent directory; `/` is its own parent. */
export function parentOf(path: ImagePath): ImagePath {
  const slash = path.lastIndexOf('/');
  return (slash <= 0 ? '/' : path.slice(0, slash)) as ImagePath;
}

/** The last component; empty for `/`. */
export function baseNameOf(path: ImagePath): ByteString {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `path` joined with one clean component. */
export function childOf(path: ImagePath, name: ByteString): ImagePath {
  return (path === '/' ? `/${name}` : `${path}/${name}`) as ImagePath;
}

const slash = 0x2f;

/** True if `path` is `directory` or is below it. */
export function isWithin(path: ImagePath, directory: ImagePath): boolean {
  // Asked of each file of an image: nothing is put together for it.
  if (directory === '/') return true;
  if (!path.startsWith(directory)) return false;
  return path.length === directory.length || path.charCodeAt(directory.length) === slash;
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII
  return /^[\u0000-\u007f]*$/.test(text);
}

function isClean(bytes: ByteString): boolean {
  return (
    bytes === '/' || (bytes.startsWith('/') && !bytes.endsWith('/') && !/\/\/|\/\.\.?(\/|$)/.test(bytes))
  );
}
