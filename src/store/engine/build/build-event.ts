/** What a build tells while it runs. */
export type BuildEvent =
  /** An instruction begins. `key` is the step's among the events of one build. */
  | { readonly kind: 'step'; readonly key: string; readonly title: string; readonly isCached: boolean }
  /** Something that a step printed: any piece of text, colours taken out. */
  | { readonly kind: 'output'; readonly key: string; readonly text: string }
  /** What the base image's transfer is at. */
  | { readonly kind: 'status'; readonly text: string }
  /** The build is over, and not well; `key` is the step that failed, if it was one. */
  | { readonly kind: 'failed'; readonly key: string | undefined; readonly said: string }
  /** An image is made: the result, or that of a stage before it. */
  | { readonly kind: 'image'; readonly id: string };

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const escapes = /\u001b\[[0-9;?]*[A-Za-z]|\r(?=\n)/g;

/** Text without the escape sequences that Engines put around what came from stderr. */
export function plainText(text: string): string {
  return text.replace(escapes, '');
}
