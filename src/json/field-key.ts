/** Letters beyond ASCII that Unicode's simple folding takes for `k` and `s`: the Kelvin sign, the long s. CaseFolding.txt. */
const foldedLetters: Readonly<Record<string, string>> = { '\u212a': 'k', '\u017f': 's' };

/**
 * A key of a JSON object as Go compares it with the names of a struct's fields, all of which are ASCII: without regard to
 * case, by Unicode's simple folding. Go, encoding/json, `Unmarshal`.
 */
export function fieldKey(key: string): string {
  return key.replace(/[A-Z\u212a\u017f]/g, (letter) => foldedLetters[letter] ?? letter.toLowerCase());
}
