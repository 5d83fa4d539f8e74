/**
 * A text with its control characters shown, line endings and tabs aside: names in images, manifests and answers of registries
 * must not steer the user's terminal.
 */
export function escapeControls(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Longer texts of others are cut. */
const shownCharacters = 300;

/** A foreign text in one line, its control and formatting characters as blanks. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters)}…` : line;
}

/** A foreign text without control characters other than line endings. */
export function printableLines(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, ' ').trim();
}
