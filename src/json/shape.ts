import { fieldKey } from './field-key.ts';
import type { JsonMember, JsonNode } from './parse-json.ts';
import { kindOf, type Place, showNode } from './place.ts';
import { plainValue } from './verbatim-json.ts';

/**
 * What a JSON value should be, and what it is read into. Documents about containers are written for Go programs, so they
 * are read as Go's encoding/json reads them: the fields of an object without regard to case; of a field that is given
 * more than once the last value, where objects and maps add to each other; null as nothing.
 */
export interface Shape<Value> {
  /** `a text`: for messages. */
  readonly name: string;
  /** `texts`. */
  readonly plural: string;
  /**
   * The value from all that is given for it, at least one, in order; null if that is nothing. What does not fit is noted
   * at `place`, and then the value does not count.
   */
  readonly read: (given: readonly JsonNode[], place: Place) => Value | null;
  /** What null stands for in a list or a map; without it null may not stand there. */
  readonly zero?: Value;
}

/** A field that has to be there. */
export interface RequiredShape<Value> extends Shape<Value> {
  readonly isRequired: true;
}

export type ValueOf<S> = S extends Shape<infer Value> ? Value : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type RequiredKeys<F> = { [Key in keyof F]: F[Key] extends RequiredShape<unknown> ? Key : never }[keyof F];

/** An object with these fields, under their own names, and with whatever else it has. */
export type ObjectValue<F extends Fields> = {
  readonly [Key in RequiredKeys<F>]: ValueOf<F[Key]>;
} & {
  readonly [Key in Exclude<keyof F, RequiredKeys<F>>]?: ValueOf<F[Key]> | null | undefined;
} & { readonly [key: string]: unknown };

export const text: Shape<string> = {
  ...scalar('a string', (node) => (node.kind === 'text' ? node.value : undefined)),
  plural: 'texts',
  zero: '',
};

export const flag: Shape<boolean> = scalar('true or false', (node) =>
  node.kind === 'boolean' ? node.value : undefined,
);

/** Any number, as a double. */
export const number: Shape<number> = scalar('a number', (node) =>
  node.kind === 'number' ? Number(node.digits) : undefined,
);

/** A size or another count, written in digits alone: what Go takes for an integer. */
export const count: Shape<number> = scalar(
  'a whole number from 0 to 2^53 - 1',
  (node) => {
    const value = node.kind === 'number' && /^\d+$/.test(node.digits) ? Number(node.digits) : undefined;
    return Number.isSafeInteger(value) ? value : undefined;
  },
  showNode,
);

/** Anything at all, for whoever reads the result; of several values the last. */
export const anything: Shape<unknown> = {
  name: 'anything',
  plural: 'anything',
  zero: null,
  read: (given) => plainValue(given[given.length - 1] as JsonNode),
};

/** A text of a form, which `name` describes; a wrong one is shown. */
export function textLike<Form extends string>(
  name: string,
  hasForm: (value: string) => value is Form,
): Shape<Form> {
  const take = (node: JsonNode) => (node.kind === 'text' && hasForm(node.value) ? node.value : undefined);
  return scalar(name, take, showNode);
}

/** One value and no other. */
export function exactly<const Value extends string | number>(value: Value): Shape<Value> {
  const shown = JSON.stringify(value);
  return scalar(shown, (node) => (showNode(node) === shown ? value : undefined), showNode);
}

/** Of several arrays the last, whose items add to those at the same places before: Go reads into what it has. */
export function listOf<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  const name = `an array of ${item.plural}`;
  return {
    name,
    plural: 'arrays',
    zero: [],
    read: (given, place) => {
      const lists = sinceNull(given).map((node) => {
        if (node.kind === 'array') return node.items;
        place.expected(name, kindOf(node));
        return [];
      });
      const last = lists.at(-1);
      if (last === undefined) return null;
      return last.map((_, i) =>
        readItem(
          item,
          lists.flatMap((items) => items[i] ?? []),
          place.at(i),
        ),
      );
    },
  };
}

/** An object with any keys. Of several each adds to those before. */
export function mapOf<Item>(item: Shape<Item>): Shape<Readonly<Record<string, Item>>> {
  return {
    name: 'an object',
    plural: 'objects',
    zero: {},
    read: (given, place) => {
      const nodes = sinceNull(given);
      if (nodes.length === 0) return null;
      const members = membersOf(nodes, place).map(
        ([key, value]) => [key, readItem(item, [value], place.at(key))] as const,
      );
      return Object.fromEntries(members) as Record<string, Item>;
    },
  };
}

/** An object with known fields, of which several add to each other; whatever else it has is kept. */
export function object<const F extends Fields>(fields: F): Shape<ObjectValue<F>> {
  const known = new Map(Object.entries(fields).map(([name, shape]) => [fieldKey(name), { name, shape }]));
  return {
    name: 'an object',
    plural: 'objects',
    read: (given, place) => {
      const nodes = given.filter(isGiven);
      if (nodes.length === 0) return null;
      if (given.slice(given.findIndex(isGiven)).some(isNull)) place.note(nullAfterObject);
      const values = new Map<string, unknown>();
      for (const { key, values: inside } of byField(membersOf(nodes, place))) {
        const { name, shape } = known.get(fieldKey(key)) ?? { name: key, shape: anything };
        values.set(name, shape.read(inside, place.at(key)));
      }
      const areObjects = nodes.every(({ kind }) => kind === 'object');
      for (const [name, shape] of areObjects ? Object.entries(fields) : []) {
        if ('isRequired' in shape && !values.has(name)) place.at(name).expected(shape.name, 'nothing');
      }
      return Object.fromEntries(values) as ObjectValue<F>;
    },
  };
}

/** A field that has to be there; null is an empty list or map, as which Go writes it, and nothing else. */
export function required<Value>(shape: Shape<Value>): RequiredShape<Value> {
  return {
    ...shape,
    isRequired: true,
    read: (given, place) => {
      const value = shape.read(given, place);
      if (given.some(isGiven)) return value;
      if (typeof shape.zero === 'object') return shape.zero;
      place.expected(shape.name, 'null');
      return null;
    },
  };
}

/** Docker holds a pointer, which null empties; Podman a value, which null leaves alone. */
const nullAfterObject =
  'repeated as null, which engines read differently: Docker drops the earlier value, Podman keeps it';
/** Docker reads an ENTRYPOINT again, all else is read into the list that is there. */
const nullAfterItem =
  'repeated with null in place of a value, which engines read differently: as nothing, or as that value';

function scalar<Value>(
  name: string,
  take: (node: JsonNode) => Value | undefined,
  show: (node: JsonNode) => string = kindOf,
): Shape<Value> {
  return {
    name,
    plural: name,
    read: (given, place) => {
      let last: Value | null = null;
      for (const node of given.filter(isGiven)) {
        const value = take(node);
        if (value === undefined) place.expected(name, show(node));
        else last = value;
      }
      return last;
    },
  };
}

function isNull({ kind }: JsonNode): boolean {
  return kind === 'null';
}

function isGiven(node: JsonNode): boolean {
  return !isNull(node);
}

/** What counts of several lists or maps: null empties them. */
function sinceNull(given: readonly JsonNode[]): readonly JsonNode[] {
  return given.slice(given.findLastIndex(isNull) + 1);
}

function readItem<Item>(item: Shape<Item>, given: readonly JsonNode[], place: Place): Item {
  // Where read gives null, it has noted why.
  if (!given.slice(-1).some(isNull)) return item.read(given, place) as Item;
  if (given.some(isGiven)) place.note(nullAfterItem);
  if (item.zero === undefined) place.expected(item.name, 'null');
  return item.zero as Item;
}

function membersOf(nodes: readonly JsonNode[], place: Place): readonly JsonMember[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'object') return node.members;
    place.expected('an object', kindOf(node));
    return [];
  });
}

/** The values of each field in order, under the key that came last. */
function byField(
  members: readonly JsonMember[],
): Iterable<{ readonly key: string; readonly values: JsonNode[] }> {
  const fields = new Map<string, { readonly key: string; readonly values: JsonNode[] }>();
  for (const [key, value] of members) {
    const folded = fieldKey(key);
    const values = fields.get(folded)?.values ?? [];
    values.push(value);
    fields.set(folded, { key, values });
  }
  return fields.values();
}
