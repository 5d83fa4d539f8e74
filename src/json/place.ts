import type { JsonNode } from './parse-json.ts';

/** Problems beyond these are of no use in one line. */
const mostShown = 3;
/** A longer value is not one that was meant. */
const mostCharacters = 60;

/** A place in a document that is read, and where problems of all its places are gathered. */
export class Place {
  readonly #path: string;
  readonly #problems: string[];

  private constructor(path: string, problems: string[]) {
    this.#path = path;
    this.#problems = problems;
  }

  /** The whole of a document. */
  static top(): Place {
    return new Place('', []);
  }

  /** A member or an item of what is here. */
  at(key: string | number): Place {
    const step = typeof key === 'number' ? `[${key}]` : this.#path === '' ? key : `.${key}`;
    return new Place(this.#path + step, this.#problems);
  }

  /** Notes that something else stands here. The value itself is not shown: it may be secret. */
  expected(what: string, got: string): void {
    this.note(`expected ${what}, got ${got}`);
  }

  note(problem: string): void {
    this.#problems.push(this.#path === '' ? problem : `${this.#path}: ${problem}`);
  }

  /** All problems on one line, as in `layers[1].size: expected …; …`; undefined if there are none. */
  problem(): string | undefined {
    if (this.#problems.length === 0) return undefined;
    const more = this.#problems.length - mostShown;
    return `${this.#problems.slice(0, mostShown).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }
}

/** What kind of value this is, for messages. */
export function kindOf(node: JsonNode): string {
  switch (node.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(node.value);
    case 'array':
      return 'an array';
    case 'object':
      return 'an object';
    default:
      return `a ${node.kind}`;
  }
}

/** The value itself, for messages about what is not a secret. */
export function showNode(node: JsonNode): string {
  if (node.kind === 'number') return shortened(node.digits);
  return node.kind === 'text' ? JSON.stringify(shortened(node.value)) : kindOf(node);
}

function shortened(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
}
