import { readJson } from '../../../json/read-json.ts';
import type { Shape } from '../../../json/shape.ts';

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

/** A line of the answer to a build. Throws a RangeError that says what is wrong with it. */
export function readLine<Value>(line: string, shape: Shape<Value>): Value {
  const { value, problem } = readJson(line, shape);
  if (problem === undefined) return value;
  throw new RangeError(problem);
}
