import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod/mini';
import { GscError } from '../base/error.ts';
import { nearestName } from '../base/nearest-name.ts';
import { readUserFile } from '../base/read-file.ts';
import type { World } from './console.ts';

const text = z.nullish(z.string());
const repository = { Repository: text, Branch: text };

/** The Python tool's configuration. YAML; JSON is YAML too. */
const configSchema = z.strictObject({
  Distro: text,
  Registry: text,
  Gramine: z.nullish(z.strictObject({ ...repository, Image: text })),
  Graphene: z.nullish(z.strictObject({ ...repository, Image: text })),
  SGXDriver: z.nullish(z.strictObject(repository)),
});

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
    throw new GscError({ code: 'config', subject: place(syntaxError.pos[0]), message: syntaxError.message });
  }
  const parsed = configSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path =
    issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  const node = document.getIn(path, true) as
    | { readonly range?: readonly [number, number, number] }
    | undefined;
  throw new GscError({
    code: 'config',
    subject: place(node?.range?.[0] ?? 0),
    message:
      issue?.code === 'unrecognized_keys'
        ? `unknown key ${path.join('.')}`
        : `${path.join('.')}: ${issue?.message}`,
    hint: hintFor(path),
  });
}

function hintFor(path: readonly PropertyKey[]): string {
  const known =
    path.length > 1
      ? ['Repository', 'Branch', 'Image']
      : ['Distro', 'Registry', 'Gramine', 'Graphene', 'SGXDriver'];
  const near = nearestName(String(path.at(-1)), known);
  return near === undefined ? `known keys are ${known.join(', ')}` : `did you mean ${near}?`;
}
