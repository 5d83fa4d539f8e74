import { type ByteString, baseNameOf, bytesOfText, imagePath } from '../base/image-path.ts';
import { textOfFileUri } from '../manifest/schema/file-uri.ts';
import { isTable, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { type Finding, failures, type ImageCheck, mismatch, notChecked, okUnless } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import type { MeasuredFiles } from './measurement-checks.ts';

const name = 'trusted-children';
const subject = 'sgx.trusted_children';

/**
 * Group 2: each enclave that this one may start is in the image, and measures what this one's manifest says. No line for the manifests
 * of releases that have one enclave for all processes.
 */
export function childChecks(
  { manifest, isSigned }: GraminizedImage,
  { bySigstruct }: MeasuredFiles,
): readonly ImageCheck[] {
  const trusted = valueAt(manifest.value?.root ?? new Map(), ['sgx', 'trusted_children']);
  if (!isTable(trusted) || trusted.size === 0) return [];
  if (!isSigned) {
    const detail = `${trusted.size} enclaves, whose measurements signing adds`;
    return [notChecked(name, { subject, detail, protection: 'measured' })];
  }
  const found = [...trusted].flatMap(([id, uri]): readonly Finding[] => {
    const expected = valueAt(manifest.value?.root ?? new Map(), ['sgx', 'trusted_mrenclave', id]);
    const got = bySigstruct.get(sigstructOfChild(uri));
    if (got !== undefined && got === expected) return [];
    const detail =
      got === undefined
        ? 'it is not one of the enclaves of the image, or cannot be measured'
        : `${mismatch(`MRENCLAVE ${String(expected)}`, got)}: this enclave would not start it`;
    return [{ subject: `${subject}.${id} = ${String(uri)}`, detail, protection: 'measured' }];
  });
  return okUnless(failures(name, found, subject), name, () => ({
    subject,
    detail: `${trusted.size} enclaves, with the MRENCLAVE that they have`,
    protection: 'measured',
  }));
}

/** The base name of the SIGSTRUCT of an enclave that may be started. */
export function sigstructOfChild(uri: TomlValue): ByteString {
  return baseNameOf(imagePath(bytesOfText(textOfFileUri(uri) ?? String(uri))));
}
