import { type Digest, digestOf, hexOf } from '../base/digest.ts';
import { readJson } from '../json/read-json.ts';
import { number, object, required, text } from '../json/shape.ts';

const shape = object({
  image: required(text),
  output: required(text),
  inputs: required(text),
  app: text,
  digest: required(text),
  image_id: text,
  mr_enclave: text,
  seconds: number,
  attempts: number,
});

/** What became of one image, as it is recorded: only results that were stored. */
export interface FleetResult {
  readonly image: string;
  readonly output: string;
  /** The digest of all that the result was made from, but the app image. */
  readonly inputs: string;
  /** The digest of the app image's manifest, where that says all about it. */
  readonly app?: string;
  /** The digest of the result's manifest. */
  readonly digest: string;
  readonly image_id?: string;
  /** Of a signed result. */
  readonly mr_enclave?: string;
  readonly seconds?: number;
  readonly attempts?: number;
}

/** Reads a recorded result; undefined for what is not one. */
export function parseFleetResult(bytes: Buffer): FleetResult | undefined {
  const { value } = readJson(bytes, shape);
  if (value === undefined) return undefined;
  const given = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  return Object.fromEntries(given) as unknown as FleetResult;
}

/** The name of a result's record, from the name of the image that was made: no two entries have the same. */
export function recordName(output: string): string {
  return hexOf(digestOf(output) satisfies Digest).slice(0, 32);
}
