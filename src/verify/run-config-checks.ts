import { GscError } from '../base/error.ts';
import { bytesOfText, imagePath } from '../base/image-path.ts';
import { runConfigDigest, sharedRunFields } from '../image/run-config-digest.ts';
import { isTable, type KeyPath, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { findUser } from '../start/container-user.ts';
import { type Environment, readEnvironment } from '../start/environment.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { failed, type ImageCheck, mismatch, notChecked, ok } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { launchIn, passesArguments } from './image-launch.ts';

const protection = 'not-protected';

/** Group 4: the image's configuration starts the enclave as gsc build wrote it. */
export function runConfigChecks(image: GraminizedImage): readonly ImageCheck[] {
  return [entrypointCheck(image), runConfigCheck(image)];
}

/** What decides what is started at all: it is known without the build's record. */
function entrypointCheck(image: GraminizedImage): ImageCheck {
  const name = 'entrypoint';
  const { Entrypoint, Cmd } = image.image.config.config ?? {};
  const got = [...(Entrypoint ?? [])];
  const launch = launchIn(image).entrypoint;
  const isPassed = passesArguments(image);
  const isRight = launch.every((word, index) => got[index] === word);
  const finding = { subject: 'ENTRYPOINT', protection } as const;
  if (!isRight || (!isPassed && got.length > launch.length)) {
    const lines = [`-ENTRYPOINT ${JSON.stringify(launch)}`, `+ENTRYPOINT ${JSON.stringify(got)}`];
    const detail = `${mismatch(JSON.stringify(launch), JSON.stringify(got))}: something else is started`;
    return failed(name, { ...finding, detail, lines });
  }
  if (!isPassed && (Cmd ?? []).length > 0) {
    const lines = [`+CMD ${JSON.stringify(Cmd)}`];
    return failed(name, { ...finding, subject: 'CMD', detail: mismatch('none', JSON.stringify(Cmd)), lines });
  }
  const more = isPassed ? '; further words are arguments of the application, which the host chooses' : '';
  return ok(name, { ...finding, detail: `${launch.join(' ')}${more}` });
}

/** By the digest that the build noted; what differs is found by what the manifest, which is measured, says. */
function runConfigCheck(image: GraminizedImage): ImageCheck {
  const name = 'run-config';
  const finding = { subject: `${sharedRunFields.join(', ')} and labels`, protection } as const;
  const differences = differencesFromManifest(image);
  if (image.record.value === undefined) {
    const detail = `how the image was started when it was built is not known: ${image.record.problem}`;
    if (differences.length === 0)
      return notChecked(name, { ...finding, detail: `${detail}; --base shows it` });
    return failed(name, { ...finding, detail, lines: differences });
  }
  const { config } = image.record.value;
  const got = runConfigDigest(image.image.config.config ?? {});
  if (got === config) {
    const detail =
      'as gsc build wrote it; docker run may override it, and the enclave takes the manifest instead';
    return ok(name, { ...finding, detail });
  }
  const named = namesOf(differences);
  const what =
    named === '' ? 'a label, or a field that the manifest says nothing of, was changed' : `changed: ${named}`;
  const detail = `it is not as gsc build wrote it (${mismatch(config, got)}); ${what}; --base shows all of it`;
  return failed(name, { ...finding, subject: named || finding.subject, detail, lines: differences });
}

function namesOf(differences: readonly string[]): string {
  return [...new Set(differences.map((line) => line.slice(1).split(/[ =]/).slice(0, 2).join(' ')))].join(
    ', ',
  );
}

/** USER, ENV and WORKDIR against the manifest, as a diff: what its values say, and what the image's configuration says. */
function differencesFromManifest(image: GraminizedImage): readonly string[] {
  return [...userDifference(image), ...environmentDifferences(image), ...directoryDifference(image)];
}

function inManifest({ manifest }: GraminizedImage, path: KeyPath): TomlValue | undefined {
  return valueAt(manifest.value?.root ?? new Map(), path);
}

function userDifference(image: GraminizedImage): readonly string[] {
  const [uid, gid] = ['uid', 'gid'].map((key) => inManifest(image, ['loader', key]));
  if (uid === undefined) return [];
  const { User } = image.image.config.config ?? {};
  const got = orProblem(() => {
    const user = findUser(User ?? '', image.tree, 'USER');
    return `${user.uid}:${user.gid}`;
  });
  return got === `${uid}:${gid}` ? [] : [`-USER ${uid}:${gid}`, `+USER ${User || 0} (${got})`];
}

function environmentDifferences(image: GraminizedImage): readonly string[] {
  const table = inManifest(image, ['loader', 'env']);
  const measured: ReadonlyMap<string, TomlValue> = isTable(table) ? table : new Map();
  const { environment } = launchIn(image);
  return readOrNothing(image.image.config.config?.Env ?? []).variables.flatMap(([variable, value]) => {
    const entry = measured.get(variable);
    const expected = textOf(entry);
    // An image without a shell carries it for the loader itself; else the manifest has more directories than the image.
    const isPart = variable === 'LD_LIBRARY_PATH' && isPartOf(value, expected);
    if (expected === value || environment[variable] === value || isPart || isPassedThrough(entry)) return [];
    return [...(expected === undefined ? [] : [`-ENV ${variable}=${expected}`]), `+ENV ${variable}=${value}`];
  });
}

function isPartOf(value: string, whole = ''): boolean {
  const directories = new Set(whole.split(':'));
  return value.split(':').every((directory) => directory === '' || directories.has(directory));
}

function textOf(value: TomlValue | undefined): string | undefined {
  const text = isTable(value) ? value.get('value') : value;
  return typeof text === 'string' ? text : undefined;
}

function isPassedThrough(value: TomlValue | undefined): boolean {
  return isTable(value) && value.get('passthrough') === true;
}

function directoryDifference(image: GraminizedImage): readonly string[] {
  const expected = inManifest(image, ['fs', 'start_dir']);
  const { WorkingDir } = image.image.config.config ?? {};
  const found = resolvePath(image.tree, imagePath(bytesOfText(WorkingDir || '/')));
  const got = found.kind === 'found' ? found.path : WorkingDir;
  if (typeof expected !== 'string' || bytesOfText(expected) === got) return [];
  return [`-WORKDIR ${expected}`, `+WORKDIR ${WorkingDir || '/'}`];
}

function readOrNothing(entries: readonly string[]): Environment {
  try {
    return readEnvironment(entries, 'ENV');
  } catch (error) {
    if (error instanceof GscError) return { variables: [], notes: [error.message] };
    throw error;
  }
}

function orProblem(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (error instanceof GscError) return error.detail;
    throw error;
  }
}
