import { type ImagePath, isWithin, showBytes } from '../base/image-path.ts';
import { graminizedPaths, ownDirectoryOf } from '../image/graminized-paths.ts';
import { valueAt } from '../manifest/toml/toml.ts';
import { type AppLoaderOptions, appLoaderScript } from '../runtime/apploader.ts';
import { modeOfRuntimeFile } from '../runtime/runtime.ts';
import { overrideComplete } from '../sign/enclave-overrides.ts';
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
import {
  attempt,
  type GraminizedImage,
  ownContent,
  parseManifest,
  showLayer,
  signersChoice,
} from './graminized-image.ts';
import { ambiguousFiles, pathHistory } from './path-history.ts';
import { diffLines } from './text-diff.ts';

const protection = 'not-protected';

/** Group 4: the files that start the enclave are those that gsc build put there, and nothing lies beside them. */
export function launchFileChecks(image: GraminizedImage): readonly ImageCheck[] {
  return [manifestCopyCheck(image), ...launchFiles(image), ...ownDirectories(image)];
}

/** What is read without an enclave, and by people. */
function manifestCopyCheck(image: GraminizedImage): ImageCheck {
  const { tree, contents, manifestBytes, isSigned } = image;
  const name = 'manifest-copy';
  const subject = graminizedPaths.manifest;
  const copy = ownContent(tree, contents, subject);
  if (copy.problem !== undefined) return failed(name, { subject, detail: copy.problem, protection });
  if (!isSigned) return ok(name, { subject, detail: 'the image has this one only', protection });
  if (manifestBytes.problem !== undefined)
    return notChecked(name, { subject, detail: 'needs the signed manifest', protection });
  const expected = copyWithOverrides(image, copy.value);
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

/** The unsigned manifest as it is with the keys that whoever signs may choose: those of the signed one. */
function copyWithOverrides(image: GraminizedImage, copy: Buffer) {
  if (image.manifestBytes.value?.equals(copy)) return { value: { manifest: copy, applied: [] } };
  return attempt({ value: copy }, (bytes) => {
    const { manifest, applied } = overrideComplete(
      parseManifest(bytes, graminizedPaths.manifest, image.version),
      signersChoice(image),
    );
    return { manifest: applied.length === 0 ? bytes : manifest.bytes, applied };
  });
}

const mostDiffLines = 60;

function launchFiles(image: GraminizedImage): readonly ImageCheck[] {
  const name = 'launch-files';
  const { record } = image;
  const script = appLoaderFinding(image);
  if (record.value === undefined) {
    const detail = `which files start the enclave is not known (${record.problem}); --runtime compares them`;
    const unknown = notChecked(name, { subject: graminizedPaths.packageDirectory, detail, protection });
    return [...failures(name, script, graminizedPaths.appLoader), unknown];
  }
  const launch = Object.entries(record.value.launch) as [ImagePath, string][];
  const ambiguous = ambiguousFiles(image);
  const found = launch.flatMap(([path, sha256]) => {
    const detail = problemOf(image, path, sha256) ?? twice(image, ambiguous, path);
    const isScript = path === graminizedPaths.appLoader && script.length > 0;
    return detail === undefined || isScript
      ? []
      : [{ subject: showBytes(path), detail, protection, lines: pathHistory(image, path) } as const];
  });
  return okUnless(failures(name, [...script, ...found], 'gsc.build'), name, () => ({
    subject: `${graminizedPaths.packageDirectory}, ${graminizedPaths.hostDirectory}`,
    detail: `apploader, loaders and host libraries, ${launch.length} files, are those of the build`,
    protection,
  }));
}

/** The script is known without a record: it is the one that this version of gsc writes. */
function appLoaderFinding(image: GraminizedImage): readonly Finding[] {
  const { tree, contents } = image;
  const subject = graminizedPaths.appLoader;
  if (!hasAppLoader(image)) return [];
  const lines = pathHistory(image, subject);
  const content = ownContent(tree, contents, subject);
  if (content.problem !== undefined) return [{ subject, detail: content.problem, protection, lines }];
  const expected = appLoaderScript({ commandLineArguments: commandLineArguments(image) });
  const got = content.value.toString('utf8');
  if (got !== expected) {
    const detail = 'expected the script that gsc writes, got another one';
    return [{ subject, detail, protection, lines: [...diffLines(expected, got), ...lines] }];
  }
  return [];
}

/** Whether the image starts through the script: it does where the build found a shell. */
export function hasAppLoader({ tree, record }: GraminizedImage): boolean {
  if (record.value) return record.value.launch[graminizedPaths.appLoader] !== undefined;
  return resolvePath(tree, graminizedPaths.appLoader).kind === 'found';
}

/** As the manifest, which is measured, has it. */
export function commandLineArguments({
  manifest,
}: GraminizedImage): AppLoaderOptions['commandLineArguments'] {
  const root = manifest.value?.root ?? new Map();
  const fromHost = valueAt(root, ['loader', 'insecure__use_cmdline_argv']) === true;
  return fromHost && valueAt(root, ['loader', 'argv_src_file']) === undefined ? 'passed' : 'ignored';
}

function problemOf({ image, tree }: GraminizedImage, path: ImagePath, sha256: string): string | undefined {
  const found = resolvePath(tree, path, { followLast: false });
  if (found.kind !== 'found')
    return `${mismatch(`a file with SHA-256 ${sha256}`, 'none')}: ${showFailure(found)}`;
  if (found.path !== path)
    return mismatch('a file in its own place', `one that a link leads to, ${found.path}`);
  const { node } = found;
  if (node.kind === 'symlink') return mismatch('a file', `a link to ${showBytes(node.target)}`);
  if (node.kind !== 'file') return mismatch('a file', `a ${node.kind}`);
  if (node.sha256 !== sha256)
    return `${mismatch(`SHA-256 ${sha256}`, node.sha256)} from ${showLayer(image, node.layer)}`;
  return ownershipProblem(path, node);
}

/** Who could write to what starts the enclave, and whether it can be started. */
function ownershipProblem(path: ImagePath, { mode, uid, gid }: FileNode): string | undefined {
  const isRuntime = !isWithin(path, graminizedPaths.appDirectory);
  const expected = isRuntime
    ? modeOfRuntimeFile(path)
    : path === graminizedPaths.appLoader
      ? 0o755
      : undefined;
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
  const { record, manifest, tree } = image;
  const subject = '/gramine';
  if (record.value === undefined || manifest.value === undefined) {
    const detail = `needs the manifest and the label gsc.build; --runtime compares the runtime's files`;
    return [notChecked(name, { subject, detail })];
  }
  const { manifest: written, manifestSgx, sigstruct } = graminizedPaths;
  const known = new Set<string>([written, manifestSgx, sigstruct, ...Object.keys(record.value.launch)]);
  const { trusted } = manifest.value.names;
  const found: Finding[] = [];
  for (const { path, node } of walkTree(tree, parentOfOwn)) {
    if (ownDirectoryOf(path) === undefined || known.has(path) || trusted.has(path)) continue;
    if (node.kind === 'directory') continue;
    const detail = `a ${node.kind} that gsc build did not put there, from ${showLayer(image.image, node.layer)}`;
    found.push({ subject: showBytes(path), detail, protection, lines: pathHistory(image, path) });
  }
  return okUnless(failures(name, found, subject), name, () => ({
    subject,
    detail: 'there are only the files of gsc build and gsc sign-image',
    protection,
  }));
}

const parentOfOwn = '/gramine' as ImagePath;
