import { fieldKey } from './field-key.ts';
import type { JsonNode } from './parse-json.ts';

/**
 * A part of a document that no JavaScript value stands for: a number with more digits than a double holds, an object with
 * a key twice. It is written back as it was.
 */
export class VerbatimJson {
  /** JSON without white space. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The value as JavaScript has it, with {@link VerbatimJson} for the parts of which it would lose something. */
export function plainValue(node: JsonNode): unknown {
  switch (node.kind) {
    case 'null':
      return null;
    case 'boolean':
    case 'text':
      return node.value;
    case 'number':
      return String(Number(node.digits)) === node.digits
        ? Number(node.digits)
        : new VerbatimJson(node.digits);
    case 'array':
      return node.items.map(plainValue);
    case 'object': {
      // The order of such keys decides which one an engine takes.
      const isPlain = new Set(node.members.map(([key]) => fieldKey(key))).size === node.members.length;
      if (!isPlain) return new VerbatimJson(textOf(node));
      return Object.fromEntries(node.members.map(([key, value]) => [key, plainValue(value)]));
    }
  }
}

function textOf(node: JsonNode): string {
  switch (node.kind) {
    case 'null':
      return 'null';
    case 'boolean':
    case 'text':
      return JSON.stringify(node.value);
    case 'number':
      return node.digits;
    case 'array':
      return `[${node.items.map(textOf).join()}]`;
    case 'object':
      return `{${node.members.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join()}}`;
  }
}
