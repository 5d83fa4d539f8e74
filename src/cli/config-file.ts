import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import { z } from 'zod/mini';
import { GscError } from '../base/error.ts';
import { nearestName } from '../base/nearest-name.ts';
import { readUserFile } from '../base/read-file.ts';
import type { World } from './console.ts';

const text = z.nullish(z.string());
const source = { Repository: text, Branch: text };

/** The Python tool's configuration. YAML; JSON is YAML too. */
const configKeys = {
  Distro: text,
  Registry: text,
  Gramine: z.nullish(z.strictObject({ ...source, Image: text })),
  Graphene: z.nullish(z.strictObject({ ...source, Image: text })),
  SGXDriver: z.nullish(z.strictObject(source)),
};
const configSchema = z.strictObject(configKeys);

export type Config = z.infer<typeof configSchema>;

const defaultFiles = ['config.yaml', 'config.yml', 'config.json'];

/**
 * Reads the configuration that the user names, else `config.yaml` or `config.json` in the working directory if there is one. Throws a
 * `config` error with line and column.
 */
export async function readConfig(world: World, file: string | undefined): Promise<Config> {
  const found = file ?? defaultFiles.find((name) => existsSync(resolve(world.workingDirectory, name)));
  if (found === undefined) return {};
  const content = await readUserFile(resolve(world.workingDirectory, found), 'configuration');
  return parseConfig(content.toString('utf8'), found);
}

/** Parses a configuration; `subject` is its file. */
export function parseConfig(content: string, subject: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${subject}:${line}:${col}`;
  };
  const [syntaxError] = document.errors;
  if (syntaxError) {
    throw new GscError({
      code: 'config',
      subject: place(syntaxError.pos[0]),
      message: `not valid YAML: ${syntaxError.message}`,
      hint: 'correct this line; keys and values stand as in "Gramine:", below it indented "Image: NAME"',
    });
  }
  const parsed = configSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw new RangeError('a schema that refuses gives a reason');
  const { path, ...problem } = describeIssue(issue, document);
  throw new GscError({ code: 'config', subject: place(offsetOf(document, path)), ...problem });
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly hint: string;
}

function describeIssue(issue: z.core.$ZodIssue, document: Document): Problem {
  if (issue.code === 'unrecognized_keys') return unknownKey([...issue.path, issue.keys[0] ?? '']);
  const isTable = issue.code === 'invalid_type' && issue.expected === 'object';
  const value = valueAt(document.toJS(), issue.path);
  const name = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  return {
    path: issue.path,
    message: `${name}expected ${isTable ? 'keys with values' : 'a text'}, got ${showYaml(value)}`,
    hint: isTable ? `the keys are ${knownKeys(issue.path).join(', ')}` : 'write it in quotes',
  };
}

function unknownKey(path: readonly PropertyKey[]): Problem {
  const known = knownKeys(path.slice(0, -1));
  const near = nearestName(String(path.at(-1)), known);
  return {
    path,
    message: `unknown key ${path.join('.')}`,
    hint: near === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${near}?`,
  };
}

function knownKeys(table: readonly PropertyKey[]): readonly string[] {
  if (table.length === 0) return Object.keys(configKeys);
  return table[0] === 'SGXDriver' ? ['Repository', 'Branch'] : ['Repository', 'Branch', 'Image'];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  return valueAt((value as Readonly<Record<PropertyKey, unknown>>)[key], rest);
}

function showYaml(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  return Array.isArray(value) ? 'a list' : 'keys with values';
}

/** Where the key at `path` stands; of the whole document, its start. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  if (!isMap(parent) || path.length === 0) return 0;
  const pair = parent.items.find(({ key }: Pair) => isScalar(key) && String(key.value) === path.at(-1));
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? 0) : 0;
}
