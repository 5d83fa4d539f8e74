import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readError, readUserFile } from '../base/read-file.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import type { RawCollateral } from './collateral.ts';
import { collateralError, knownForms } from './collateral-error.ts';
import { isDcapQvl, readDcapQvl } from './dcap-qvl.ts';
import { intelNames } from './intel-names.ts';
import { withLooseCertificates } from './loose-certificates.ts';
import { isOpenEnclave, readOpenEnclave } from './open-enclave.ts';
import { isPcsResponse, readPcsResponse } from './pcs-response.ts';

/** What one file adds: parts of the collateral, or certificates whose use shows from the rest. */
interface Found {
  readonly raw: RawCollateral;
  readonly certificates: readonly Certificate[];
}

/** Larger files in a directory are not collateral. */
const mostFileBytes = 4 << 20;

/**
 * Reads collateral from a file of any known form, or from a directory whose files are parts of it; what is something else there is
 * skipped. Throws `collateral`, `not-found` and `unreadable` errors.
 */
export async function readCollateral(path: string): Promise<RawCollateral> {
  const isDirectory = await stat(path).then(
    (facts) => facts.isDirectory(),
    (error) => {
      throw readError(path, 'collateral', error);
    },
  );
  if (!isDirectory) {
    const bytes = await readUserFile(path, 'collateral');
    const found = recognize(bytes, path);
    if (found === undefined) throw collateralError(path, 'not collateral in a known form', knownForms);
    return combine([[path, found]], path);
  }
  const found: [string, Found][] = [];
  for (const name of (await readdir(path)).sort()) {
    const file = join(path, name);
    const facts = await stat(file);
    if (!facts.isFile() || facts.size > mostFileBytes) continue;
    const parts = recognize(await readUserFile(file, 'collateral'), file);
    if (parts !== undefined) found.push([file, parts]);
  }
  if (found.length === 0) throw collateralError(path, 'no file in it is collateral', knownForms);
  return combine(found, path);
}

/** Reads collateral from the bytes of one file. Throws a `collateral` error that names `subject`. */
export function parseCollateralFile(bytes: Uint8Array, subject: string): RawCollateral {
  const found = recognize(Buffer.from(bytes), subject);
  if (found === undefined) throw collateralError(subject, 'not collateral in a known form', knownForms);
  return combine([[subject, found]], subject);
}

/** Undefined for bytes that are something else; a `collateral` error for a known form that is damaged. */
function recognize(bytes: Buffer, subject: string): Found | undefined {
  try {
    if (isOpenEnclave(bytes)) return parts(readOpenEnclave(bytes));
    const text = bytes.toString('utf8');
    if (text.trimStart().startsWith('{')) return recognizeJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw collateralError(subject, `damaged collateral: ${reason}`, 'fetch it again', error);
  }
  return recognizeCertificates(bytes) ?? recognizeCrl(bytes);
}

function recognizeJson(text: string): Found | undefined {
  const names = Object.keys(JSON.parse(text) as object);
  if (isDcapQvl(names)) return parts(readDcapQvl(text));
  return isPcsResponse(names) ? parts(readPcsResponse(text)) : undefined;
}

/** Chains come as PEM, in headers of PCS percent-encoded. */
function recognizeCertificates(bytes: Buffer): Found | undefined {
  try {
    const text = bytes.toString('latin1');
    const plain = text.startsWith('-----BEGIN%20') ? Buffer.from(decodeURIComponent(text.trim())) : bytes;
    return { raw: { pckCrls: [] }, certificates: readCertificates(plain) };
  } catch {
    return undefined;
  }
}

function recognizeCrl(bytes: Buffer): Found | undefined {
  try {
    const { issuerDer } = parseCrl(bytes);
    const isOfRoot = issuerDer.includes(intelNames.root);
    return parts(isOfRoot ? { rootCaCrl: bytes, pckCrls: [] } : { pckCrls: [{ crl: bytes }] });
  } catch {
    return undefined;
  }
}

function parts(raw: RawCollateral): Found {
  return { raw, certificates: [] };
}

/** One value of what several files hold. Throws if two files hold different ones: either could be meant. */
function combine(found: readonly (readonly [file: string, found: Found])[], subject: string): RawCollateral {
  const merged: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const [file, { raw }] of found) {
    for (const [key, value] of Object.entries(raw)) {
      if (key === 'pckCrls' || value === undefined || value.length === 0) continue;
      if (merged[key] !== undefined && !Buffer.from(merged[key] as string).equals(Buffer.from(value))) {
        const other = sources.get(key);
        throw collateralError(
          subject,
          `${other} and ${file} hold different values of ${key}`,
          'leave one of them in the directory',
        );
      }
      merged[key] = value;
      sources.set(key, file);
    }
  }
  const pckCrls = found.flatMap(([, { raw }]) => raw.pckCrls);
  const loose = found.flatMap(([, { certificates }]) => certificates);
  return withLooseCertificates({ ...merged, pckCrls }, loose);
}
