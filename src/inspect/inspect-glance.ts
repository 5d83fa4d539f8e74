import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { ImageGlance } from '../image/image-glance.ts';
import { labels } from '../image/labels.ts';
import { labelledVersion } from '../runtime/version.ts';
import { readTarsAtHand } from '../scan/read-top-files.ts';
import { measureGramineEnclave } from '../signature/sign-enclave.ts';
import { type ImageInspection, inspectFiles, notSigned, signedFiles } from './inspect-image.ts';

/**
 * As `inspectImage`, of an image that is not read: from the layers that are at hand, whose diffIds prove them, or else from
 * single files, which the measurement of the enclave proves. Undefined if neither says what the image is: it has to be read then.
 * Throws as `inspectImage` does for an image without a signature.
 */
export async function inspectGlance(glance: ImageGlance): Promise<ImageInspection | undefined> {
  const { name } = glance;
  const atHand = await readTarsAtHand(glance.layers, signedFiles(glance.labels), name);
  if (atHand) return inspectFiles(glance, atHand);
  const isLabelled = glance.labels[labels.mrEnclave] !== undefined;
  return isLabelled ? inspectSingleFiles(glance) : refuseUnsigned(glance);
}

/** Tools that set no labels sign images too: those are read. */
async function refuseUnsigned(glance: ImageGlance): Promise<undefined> {
  const wanted = signedFiles(glance.labels);
  const files = await glance.readFiles(wanted);
  if (files.size < wanted.length) throw notSigned(glance);
}

function inspectSingleFiles(glance: ImageGlance): Promise<ImageInspection | undefined> {
  return unlessRefused(async () => {
    const files = await glance.readFiles([...signedFiles(glance.labels), graminizedPaths.libpal]);
    const inspection = inspectFiles(glance, files);
    return isProven(glance, files, inspection) ? inspection : undefined;
  });
}

/** The manifest and the program that are measured give the MRENCLAVE that the SIGSTRUCT and the labels hold. */
function isProven(
  { labels: found }: ImageGlance,
  files: ReadonlyMap<ImagePath, Buffer>,
  { sigstruct }: ImageInspection,
): boolean {
  const manifestSgx = files.get(graminizedPaths.manifestSgx);
  const libpal = files.get(graminizedPaths.libpal);
  const isLabelled =
    found[labels.mrEnclave] === sigstruct.mrEnclave && found[labels.mrSigner] === sigstruct.mrSigner;
  if (!manifestSgx || !libpal || !isLabelled) return false;
  const version = labelledVersion(found);
  // Graphene may measure programs and have several enclaves.
  if (version?.family !== 'gramine') return false;
  return measureGramineEnclave({ manifestSgx, libpal, version }).mrEnclave === sigstruct.mrEnclave;
}

/** What is wrong is said of the image itself, when that is read. */
async function unlessRefused<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GscError && error.code !== 'aborted') return undefined;
    throw error;
  }
}
