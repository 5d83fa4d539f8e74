import { createHash } from 'node:crypto';
import { GscError } from '../../base/error.ts';
import type { TomlValue } from '../../index.ts';
import {
  describeSignedBytes,
  isTable,
  type PreparedSignature,
  parseManifest,
  serializeManifest,
  showPath,
} from '../../tools.ts';
import type { Console } from '../terminal/console.ts';

/** The name of the summary beside a file with bytes to sign. */
export function summaryFileOf(file: string): string {
  return `${file}.summary.toml`;
}

/** What whoever is asked to sign should know, as TOML. */
export function writeSummary(image: string, { message, ...prepared }: PreparedSignature): string {
  const { measured, applied, base, insecure, trustedFiles } = prepared;
  const { settings } = measured;
  const facts: readonly (readonly [string, TomlValue | undefined])[] = [
    ['image', image],
    ['image_digest', prepared.imageDigest],
    ['base_image', base.name],
    ['base_digest', base.digest],
    ...factsOfMessage(message, 'message'),
    ['enclave_size', `0x${settings.sizeBytes.toString(16)}`],
    ['max_threads', BigInt(settings.maxThreads)],
    ['overrides', applied.map(({ key, from, to }) => `${key} = ${to} (the manifest says ${from})`)],
    ['insecure_options', insecure.map(({ path, reason }) => `${showPath(path)}: ${reason}`)],
    ['trusted_files', BigInt(trustedFiles.count)],
    ['trusted_files_digest', trustedFiles.digest],
  ];
  return serializeManifest(
    new Map(facts.filter((fact): fact is [string, TomlValue] => fact[1] !== undefined)),
    {
      layout: 'compact',
    },
  );
}

/** What the bytes themselves say: of this, a summary can say nothing else. */
function factsOfMessage(message: Buffer, subject: string): readonly (readonly [string, TomlValue])[] {
  const fields = describeSignedBytes(message, subject);
  const hex = (value: bigint | number) => `0x${value.toString(16)}`;
  return [
    ['mr_enclave', fields.mrEnclave],
    ['date', fields.date],
    ['isv_prod_id', BigInt(fields.isvProdId)],
    ['isv_svn', BigInt(fields.isvSvn)],
    ['debug', fields.isDebug],
    ['attribute_flags', hex(fields.flags)],
    ['attribute_flags_mask', hex(fields.flagsMask)],
    ['attribute_xfrms', hex(fields.xfrm)],
    ['attribute_xfrm_mask', hex(fields.xfrmMask)],
    ['misc_select', hex(fields.miscSelect)],
    ['misc_mask', hex(fields.miscMask)],
    ['sha256', createHash('sha256').update(message).digest('hex')],
  ];
}

/**
 * Shows what is to be signed: of the bytes, and of the summary if there is one. Gives the image's name in it. Throws a `sigstruct`
 * error if the summary is that of other bytes.
 */
export function reportPrepared(
  console: Console,
  message: { readonly bytes: Buffer; readonly file: string },
  summary: Buffer | undefined,
): string | undefined {
  const own = factsOfMessage(message.bytes, message.file);
  const file = summaryFileOf(message.file);
  const claimed = summary === undefined ? new Map<string, TomlValue>() : parseManifest(summary, file).root;
  for (const [key, value] of own) {
    const said = claimed.get(key);
    if (summary !== undefined && said !== value) throw otherSummary(file, key, [value, said]);
    console.say(`  ${key.padEnd(20)} ${String(value)}`);
  }
  const known = new Set(own.map(([key]) => key));
  const others = [...claimed].filter(([key]) => !known.has(key));
  if (others.length > 0) console.say(`as ${file} says, which is not signed:`);
  for (const [key, value] of others)
    for (const line of linesOf(value)) console.say(`  ${key.padEnd(20)} ${line}`);
  const image = claimed.get('image');
  return typeof image === 'string' ? image : undefined;
}

function linesOf(value: TomlValue): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? ['none'] : value.map(String);
  return [isTable(value) ? 'a table' : String(value)];
}

function otherSummary(
  file: string,
  key: string,
  [value, said]: readonly [TomlValue, TomlValue | undefined],
): GscError {
  return new GscError({
    code: 'sigstruct',
    subject: file,
    message: `the summary is that of other bytes: expected ${key} to be ${String(value)}, got ${said === undefined ? 'none' : String(said)}`,
    hint: 'let gsc sign-image --prepare write both files again',
  });
}
