const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Controls, line ends, formatting characters such as right-to-left marks, and halves of surrogate pairs. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Any text as the content of an HTML element, or of an attribute in quotes: markup stands for itself, and what cannot be seen, or
 * would change how the rest is seen, is written as `\n`, `\x1b` or `\u202e`.
 */
export function escapeText(text: unknown): string {
  return String(text)
    .replace(invisible, showInvisible)
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function showInvisible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code > 0xffff) return `\\u{${hex}}`;
  return short[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`);
}
