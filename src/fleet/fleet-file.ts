import { posix } from 'node:path';
import * as v from 'valibot';
import { GscError, usageError } from '../base/error.ts';
import { strictObjectOf } from '../base/object-schema.ts';
import { listOf } from '../policy/policy-values.ts';
import { parseYamlFile } from '../policy/yaml-file.ts';
import { showFullName, withDefaultTag } from '../reference/image-name.ts';
import { type ImageReference, parseReference, showReference } from '../reference/image-reference.ts';
import { signedName, unsignedName } from '../reference/output-name.ts';

/** One image of a fleet. */
export interface FleetEntry {
  /** The app image, as the file names it. */
  readonly image: string;
  /** The name of the result; a default name is written out, so that two entries cannot have the same. */
  readonly output: string;
  /** Files, relative to the directory of the fleet's file. */
  readonly manifests: readonly string[];
  /** Words for `gsc build`: those for all images, then the entry's own. */
  readonly options: readonly string[];
}

const word = v.pipe(v.string(), v.minLength(1, 'expected a text that is not empty'));
const words = listOf(word);
const table = strictObjectOf(
  {
    image: word,
    output: v.optional(word),
    manifest: v.optional(v.union([words, word])),
    options: v.optional(words),
  },
  'expected an image, or a table with the key image',
);
const fileShape = strictObjectOf(
  {
    options: v.optional(words),
    images: v.pipe(
      v.array(v.union([word, table]), 'expected a list of images'),
      v.minLength(1, 'expected at least one image'),
    ),
  },
  'expected the keys images and options',
);

/**
 * Reads the list of a fleet, YAML or JSON: docs/gsc-fleet.md. Throws a `config` error with line and column, `usage` for a reference
 * that cannot be one, for two entries with the same result, and for options that a fleet gives by itself.
 */
export function parseFleet(
  content: string,
  { subject, isSigned }: { readonly subject: string; readonly isSigned: boolean },
): readonly FleetEntry[] {
  const hint = 'docs/gsc-fleet.md lists the keys';
  const { images, options: common = [] } = parseYamlFile({ content, subject, hint }, fileShape);
  checkOptions(common, `${subject}: options`);
  const entries = images.map((item, index) => {
    const entry = typeof item === 'string' ? { image: item } : item;
    const { image, output, manifest = [], options = [] } = entry as v.InferOutput<typeof table>;
    const where = `${subject}: images[${index}]`;
    checkOptions(options, where);
    const app = referenceIn(image, where);
    const result = output === undefined ? resultOf(app, isSigned) : referenceIn(output, where);
    return {
      image,
      output: showReference(result),
      manifests: typeof manifest === 'string' ? [manifest] : manifest,
      options: [...common, ...options],
    };
  });
  checkOutputs(entries, subject);
  return entries;
}

function resultOf(app: ImageReference, isSigned: boolean): ImageReference {
  return isSigned ? signedName(app) : unsignedName(app);
}

function referenceIn(text: string, where: string): ImageReference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof GscError)) throw error;
    throw usageError(`${where}: ${error.subject}`, error.detail, error.hint ?? 'correct the reference');
  }
}

/** What the fleet says itself, and what would make gsc build do something else. */
const ownOptions =
  /^(?:-[opqvGh].*|(?:--output|--key|--passphrase.*|--json|--quiet|--verbose|--progress|--cache-.*|--force|--graphene|--help|--)(?:=.*)?)$/s;

function checkOptions(options: readonly string[], where: string): void {
  const [first] = options;
  if (first !== undefined && !first.startsWith('-'))
    throw usageError(
      where,
      `expected options of gsc build, got ${JSON.stringify(first)}`,
      'an option begins with a dash',
    );
  const joined = options.find((option) => /^-c./.test(option));
  if (joined !== undefined)
    throw usageError(
      where,
      `expected -c and its file in two words, got ${JSON.stringify(joined)}`,
      'write --config FILE',
    );
  const own = options.find((option) => ownOptions.test(option));
  if (own === undefined) return;
  const name = /^-[^-]/.test(own) ? own.slice(0, 2) : own.replace(/=.*/s, '');
  throw usageError(where, `${name} is not an option of one image`, hintFor(name));
}

function hintFor(name: string): string {
  if (['-o', '--output'].includes(name)) return 'write output: REF beside the image';
  return 'give it to gsc fleet, or leave it out';
}

function checkOutputs(entries: readonly FleetEntry[], subject: string): void {
  const seen = new Map<string, number>();
  const apps = new Map(entries.map(({ image }, index) => [placeOf(image), index]));
  for (const [index, { output }] of entries.entries()) {
    const place = placeOf(output);
    const app = apps.get(place);
    if (app !== undefined) {
      throw usageError(
        `${subject}: images[${index}]`,
        `its result ${output} is the app image of images[${app}]`,
        'give it another output',
      );
    }
    const first = seen.get(place);
    if (first !== undefined) {
      throw usageError(
        `${subject}: images[${index}]`,
        `images[${first}] has the same result, ${output}`,
        'give one of them another output',
      );
    }
    seen.set(place, index);
  }
}

/** The same for all ways to write where an image is. What an archive has under several names is one file. */
function placeOf(text: string): string {
  const reference = parseReference(text);
  const pathOf = (path: string) => posix.resolve('/', path);
  switch (reference.kind) {
    case 'oci':
      return `oci ${pathOf(reference.path)} ${reference.digest ?? reference.tag ?? 'latest'}`;
    case 'oci-archive':
    case 'docker-archive':
      return `file ${pathOf(reference.path)}`;
    case 'registry':
      return `registry ${showFullName(withDefaultTag(reference.name))}`;
    default: {
      const { image } = reference;
      const name = image.kind === 'id' ? image.digest : showFullName(withDefaultTag(image));
      return `${reference.kind === 'containers-storage' ? 'podman' : 'engine'} ${name}`;
    }
  }
}
