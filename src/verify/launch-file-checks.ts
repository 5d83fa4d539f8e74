import { baseNameOf, type ImagePath, isWithin, parentOf, showBytes } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import { launchDigest } from '../graminize/build-record.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { isTable, valueAt } from '../manifest/toml/toml.ts';
import { modeOfRuntimeFile } from '../runtime/runtime.ts';
import { type AppliedOverride, overrideComplete } from '../sign/enclave-overrides.ts';
import { completePlan, type EnclavePlan, type Measured } from '../signature/enclave-plan.ts';
import type { FileNode } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import {
  type Finding,
  failed,
  failures,
  type ImageCheck,
  mismatch,
  notChecked,
  ok,
  okUnless,
} from './check.ts';
import { sigstructOfChild } from './child-checks.ts';
import {
  attemptLater,
  type GraminizedImage,
  type Maybe,
  ownContent,
  parseManifest,
  showLayer,
} from './graminized-image.ts';
import { launchIn } from './image-launch.ts';
import { planOf } from './measurement-checks.ts';
import { ambiguousFiles, pathHistory } from './path-history.ts';
import { signersChoice } from './signers-choice.ts';
import { diffLines } from './text-diff.ts';

const protection = 'not-protected';

/** Group 4: the files that start the enclaves are those that gsc build put there, and nothing lies beside them. */
export function launchFileChecks(image: GraminizedImage): readonly ImageCheck[] {
  return [...launchFiles(image), ...ownDirectories(image)];
}

/** Group 4: what is read without an enclave, and by people, is what was signed. */
export async function manifestCopyCheck(image: GraminizedImage): Promise<ImageCheck> {
  const { tree, contents, manifestBytes, isSigned } = image;
  const name = 'manifest-copy';
  const subject = showBytes(image.files.manifest);
  const copy = ownContent(tree, contents, image.files.manifest);
  if (copy.problem !== undefined) return failed(name, { subject, detail: copy.problem, protection });
  if (!isSigned) return ok(name, { subject, detail: 'the image has this one only', protection });
  if (manifestBytes.problem !== undefined)
    return notChecked(name, { subject, detail: 'needs the signed manifest', protection });
  const plan = planOf(image);
  const expected = await signedForm(image, copy.value, plan);
  if (expected.problem !== undefined && expected.problem === plan.problem)
    return notChecked(name, { subject, detail: `needs what is measured: ${plan.problem}`, protection });
  if (expected.problem !== undefined) return failed(name, { subject, detail: expected.problem, protection });
  const { manifest, applied } = expected.value;
  if (manifest.equals(manifestBytes.value)) {
    const changed = applied.map(({ key, from, to }) => `${key} ${to} in place of ${from}`).join(', ');
    const more = changed === '' ? '' : `, but for what was chosen when it was signed: ${changed}`;
    return ok(name, { subject, detail: `the same as the signed manifest${more}`, protection });
  }
  const lines = diffLines(manifestBytes.value.toString('utf8'), manifest.toString('utf8'));
  const detail = 'expected the same as the signed manifest, got another one: direct mode would use it';
  return failed(name, { subject, detail, protection, lines: lines.slice(0, mostDiffLines) });
}

interface SignedForm {
  readonly manifest: Buffer;
  readonly applied: readonly AppliedOverride[];
}

/** What signing makes of the unsigned manifest: as it is or, if that is not the signed one, with the keys that whoever signs may choose. */
async function signedForm(
  image: GraminizedImage,
  copy: Buffer,
  plan: Maybe<EnclavePlan>,
): Promise<Maybe<SignedForm>> {
  const signed = image.manifestBytes.value;
  if (signed?.equals(copy)) return { value: { manifest: copy, applied: [] } };
  return attemptLater(plan, async (parts) => {
    const read = parseManifest(copy, image.files.manifest, image.version);
    const measured = trustedMeasurements(parts.manifest);
    const unchanged = new CompleteManifest(read.root, parts.version, () => copy);
    const { bytes } = await completePlan({ ...parts, manifest: unchanged }, measured);
    if (signed?.equals(bytes)) return { manifest: bytes, applied: [] };
    const completed = parseManifest(bytes, image.files.manifest, image.version);
    const { manifest, applied } = overrideComplete(unchanged, signersChoice(image, completed));
    return { manifest: (await completePlan({ ...parts, manifest }, measured)).bytes, applied };
  });
}

/** The measurements of the enclaves that this one may start, as its signed manifest has them. */
function trustedMeasurements({ root }: CompleteManifest): Measured {
  const children = valueAt(root, ['sgx', 'trusted_children']);
  return new Map(
    (isTable(children) ? [...children] : []).map(([id, uri]) => {
      const mrEnclave = valueAt(root, ['sgx', 'trusted_mrenclave', id]);
      return [sigstructOfChild(uri), String(mrEnclave)];
    }),
  );
}

const mostDiffLines = 60;

function launchFiles(image: GraminizedImage): readonly ImageCheck[] {
  const name = 'launch-files';
  const { record, places } = image;
  const script = scriptFinding(image);
  if (record.value === undefined) {
    const detail = `which files start the enclave is not known (${record.problem}); --runtime compares them`;
    const unknown = notChecked(name, { subject: places.packageDirectory, detail, protection });
    return [...failures(name, script, 'apploader.sh'), unknown];
  }
  const launch = Object.entries(record.value.launch) as [ImagePath, string][];
  const ambiguous = ambiguousFiles(image);
  const shown = new Set(script.map(({ subject }) => subject));
  const found = launch.flatMap(([path, sha256]) => {
    const detail = problemOf(image, path, sha256) ?? twice(image, ambiguous, path);
    return detail === undefined || shown.has(showBytes(path))
      ? []
      : [{ subject: showBytes(path), detail, protection, lines: pathHistory(image, path) } as const];
  });
  return okUnless(failures(name, [...script, ...found], 'gsc.build'), name, () => ({
    subject: `${places.packageDirectory}, ${places.hostDirectory}`,
    detail: `apploader, loaders and host libraries, ${launch.length} files, are those of the build`,
    protection,
  }));
}

/** The script is known without a record: it is the one that this version of gsc writes. */
function scriptFinding(image: GraminizedImage): readonly Finding[] {
  const { tree, contents } = image;
  return launchIn(image).files.flatMap(({ path, content: expected }): readonly Finding[] => {
    const subject = showBytes(path);
    const content = ownContent(tree, contents, path);
    if (content.value?.equals(expected)) return [];
    const lines = pathHistory(image, path);
    if (content.problem !== undefined) return [{ subject, detail: content.problem, protection, lines }];
    const [wanted, got] = [expected, content.value].map((each) => each.toString('utf8')) as [string, string];
    const detail = 'expected the script that gsc writes, got another one';
    return [{ subject, detail, protection, lines: [...diffLines(wanted, got), ...lines] }];
  });
}

function problemOf(read: GraminizedImage, path: ImagePath, sha256: string): string | undefined {
  const { image, tree } = read;
  const found = resolvePath(tree, path, { followLast: false });
  if (found.kind !== 'found')
    return `${mismatch(`a file with SHA-256 ${sha256}`, 'none')}: ${showFailure(found)}`;
  if (found.path !== path)
    return mismatch('a file in its own place', `one that a link leads to, ${found.path}`);
  const { node } = found;
  if (node.kind === 'symlink') return mismatch('a file', `a link to ${showBytes(node.target)}`);
  if (node.kind === 'directory') {
    const got = launchDigest(filesBelow(read, path));
    return got === sha256
      ? undefined
      : `${mismatch(`files with the digest ${sha256}`, got)}: one was changed, added or removed`;
  }
  if (node.kind !== 'file') return mismatch('a file', `a ${node.kind}`);
  if (node.sha256 !== sha256)
    return `${mismatch(`SHA-256 ${sha256}`, node.sha256)} from ${showLayer(image, node.layer)}`;
  return ownershipProblem(read, path, node);
}

function filesBelow({ tree }: GraminizedImage, directory: ImagePath) {
  return [...walkTree(tree, directory)].flatMap(({ path, node }) =>
    node.kind === 'file'
      ? [{ path, mode: node.mode, sha256: node.sha256 }]
      : node.kind === 'directory'
        ? []
        : [{ path, mode: 0, sha256: node.kind }],
  );
}

/** Who could write to what starts the enclave, and whether it can be started. */
function ownershipProblem(
  { places }: GraminizedImage,
  path: ImagePath,
  { mode, uid, gid }: FileNode,
): string | undefined {
  const isRuntime = places.directories.some((directory) => isWithin(path, directory));
  const isScript = baseNameOf(path) === 'apploader.sh';
  const expected = isRuntime ? modeOfRuntimeFile(path) : isScript ? 0o755 : undefined;
  if (uid !== 0 || gid !== 0) return mismatch('owner 0:0', `${uid}:${gid}`);
  if (expected === undefined || mode === expected) return undefined;
  return mismatch(`mode ${expected.toString(8)}`, mode.toString(8));
}

function twice(
  { image }: GraminizedImage,
  ambiguous: ReadonlyMap<ImagePath, number>,
  path: ImagePath,
): string | undefined {
  const layer = ambiguous.get(path);
  return layer === undefined
    ? undefined
    : `${showLayer(image, layer)} has it more than once, with different contents: what is unpacked may depend on the tool`;
}

/** What lies in gsc's own directories and is neither started, nor trusted, nor measured. */
function ownDirectories(image: GraminizedImage): readonly ImageCheck[] {
  const name = 'own-directories';
  const { record, tree, places, enclaves } = image;
  const top = parentOf(places.packageDirectory);
  const manifests = enclaves.flatMap(({ manifest }) => manifest.value ?? []);
  if (record.value === undefined || manifests.length < enclaves.length) {
    const detail = `needs the manifest and the label gsc.build; --runtime compares the runtime's files`;
    return [notChecked(name, { subject: top, detail })];
  }
  const own = enclaves.flatMap(({ files }) => [files.manifest, files.manifestSgx, files.sigstruct]);
  const started = Object.keys(record.value.launch) as ImagePath[];
  const known = new Set<ImagePath>([...own, ...started]);
  const whole = placesOf(started.filter((path) => isDirectory(image, path)));
  const ambiguous = ambiguousFiles(image);
  const found: Finding[] = own.flatMap((path) => {
    const detail = twice(image, ambiguous, path);
    return detail === undefined ? [] : [{ subject: showBytes(path), detail, protection }];
  });
  for (const { path, node } of walkTree(tree, top)) {
    if (ownDirectoryOf(path) === undefined) continue;
    // gsc build puts plain files there; a link may lead the loader anywhere, whatever the record says.
    const isPlain = node.kind === 'file' || node.kind === 'directory';
    if (isPlain && (known.has(path) || whole.holds(path))) continue;
    if (node.kind === 'directory' || manifests.some(({ names }) => names.trusted.has(path))) continue;
    const detail = `a ${node.kind} that gsc build did not put there, from ${showLayer(image.image, node.layer)}`;
    found.push({ subject: showBytes(path), detail, protection, lines: pathHistory(image, path) });
  }
  return okUnless(failures(name, found, top), name, () => ({
    subject: top,
    detail: 'there are only the files of gsc build and gsc sign-image',
    protection,
  }));
}

function isDirectory({ tree }: GraminizedImage, path: ImagePath): boolean {
  const found = resolvePath(tree, path, { followLast: false });
  return found.kind === 'found' && found.node.kind === 'directory';
}
