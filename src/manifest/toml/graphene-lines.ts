/**
 * `loader.exec = file:app`: a line of a manifest of Graphene before it used TOML, where texts have no quotes. What begins
 * like a value of TOML (quotes, brackets, numbers, booleans) is not one.
 */
const line =
  /^[ \t]*(?:fs|libos|loader|net|sgx|sys)\.[\w.-]+[ \t]*=[ \t]*(?!["'[{]|(?:true|false)\b|\d+(?:[ \t#]|$))\S/m;

/** A text, array or table as TOML writes them; Graphene had none of these. */
const tomlValue = /^[ \t]*[\w."'-]+[ \t]*=[ \t]*["'[{]|^[ \t]*\[/m;

/** A URI without quotes: this alone tells. */
const bareUri = /^[ \t]*[\w.-]+[ \t]*=[ \t]*(?:file|dev):/m;

/** True of a text that is not TOML and reads as a manifest of Graphene from before TOML. Graphene 1.1, docs/manifest-syntax. */
export function isGrapheneText(source: string): boolean {
  return bareUri.test(source) || (line.test(source) && !tomlValue.test(source));
}
