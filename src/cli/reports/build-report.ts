import { showBytes } from '../../base/image-path.ts';
import { showCount, showCounted, showSize } from '../../base/show-size.ts';
import type { Graminized, Runtime, StoredImage } from '../../index.ts';
import { showWhole } from '../../manifest/merge.ts';
import { showRuntimeVersion } from '../../parts.ts';
import { hasPredictedStart } from '../../runtime/version.ts';
import { showPath } from '../../tools.ts';
import { attestedToJson, sayAttested } from './attested-report.ts';
import { placesToJson, sayExclusions, sayStartCosts, sayUndecidedPlaces } from './place-report.ts';
import { sayStart, startToJson } from './start-report.ts';
import type { Transcript } from './transcript.ts';

export interface BuildFacts {
  readonly app: StoredImage;
  readonly runtime: Runtime;
  readonly graminized: Graminized;
}

/** Says what was found and decided: the summary always, the lists with `-v`, the warnings in any case. */
export function reportBuild(console: Transcript, facts: BuildFacts): void {
  sayImages(console, facts);
  sayAttested(console, facts.graminized);
  sayTrustedFiles(console, facts.graminized);
  sayPreset(console, facts.graminized);
  for (const { path, user, own, from } of facts.graminized.overrides) {
    console.say(`  overridden     ${showPath(path)}: ${user} (${from}) instead of ${own}`);
  }
  sayUndecidedPlaces(console, facts.graminized);
  sayWarnings(console, facts);
}

/** Says, as the last thing, how long starting takes and what would make it shorter. */
export function reportPredictedStart(
  console: Transcript,
  { runtime, graminized }: Pick<BuildFacts, 'runtime' | 'graminized'>,
): void {
  if (hasPredictedStart(runtime.version.release)) sayStartCosts(console, graminized);
}

function sayImages(console: Transcript, { app, runtime, graminized }: BuildFacts): void {
  const standIn = runtime.isStandIn ? ' — a STAND-IN that protects nothing' : '';
  console.say(`${app.name}: ${showCounted(app.layers.length, 'layer')}, untouched; 2 added`);
  console.say(
    `  runtime        ${showRuntimeVersion(runtime.version, runtime.patches)} from ${runtime.subject}, ${showSize(runtime.sizeBytes)}${standIn}`,
  );
  sayStart(console, graminized);
  sayLibraryData(console, graminized);
}

/** Gramine's C library looks for its data at its own places. */
function sayLibraryData(console: Transcript, { libraryData }: Graminized): void {
  if (libraryData.length === 0) return;
  const kinds = [...new Set(libraryData.map(({ kind }) => kind))];
  console.say(`  its data       ${kinds.join(', ')}: the image's own, mounted where it looks for them`);
  for (const { path, target } of libraryData)
    console.detail(`    mount ${showBytes(path)} -> ${showBytes(target)}`);
}

function sayTrustedFiles(console: Transcript, graminized: Graminized): void {
  const { selection, hidden, trustedFileCount, trustedSizeBytes } = graminized;
  console.say(
    `  trusted files  ${showCount(trustedFileCount)}, ${showSize(trustedSizeBytes)}; directory links mounted: ${showCount(selection.mounts.length)}`,
  );
  sayProfile(console, graminized);
  for (const { path, target } of selection.mounts)
    console.detail(`    mount ${showBytes(path)} -> ${showBytes(target)}`);
  console.say(`  left out       ${showCounted(selection.excluded.length + hidden.length, 'file')}`);
  sayExclusions(console, selection.exclusions);
  if (hidden.length > 0) {
    console.say(
      `    ${showCount(hidden.length).padStart(7)}  below a tmpfs, an encrypted mount or what is allowed`,
    );
  }
  for (const { path, reason } of selection.excluded)
    console.detail(`    left out ${showBytes(path)}: ${reason}`);
  for (const { path } of hidden) console.detail(`    left out ${showBytes(path)}: hidden by a mount`);
  for (const { path, target, reason } of selection.ignoredLinks) {
    console.detail(`    ignored link ${showBytes(path)} -> ${showBytes(target)}: ${reason}`);
  }
}

function sayProfile(console: Transcript, { profileBasis }: Graminized): void {
  if (profileBasis === undefined) return;
  const kinds = [...profileBasis.values()].map(({ kind }) => kind);
  const countOf = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
  console.say(
    `  profile        ${showCounted(countOf('traced'), 'file')} traced, ${showCount(countOf('guarded'))} guarded, ${showCount(countOf('required'))} asked for`,
  );
  for (const [path, basis] of profileBasis)
    if (basis.kind === 'guarded') console.detail(`    guarded ${showBytes(path)}: ${basis.reason}`);
}

function sayPreset(console: Transcript, { preset }: Graminized): void {
  if (preset === undefined) return;
  console.say(`  preset         ${preset.preset.name}, ${showCount(preset.settings.length)} settings`);
  for (const { path, value, reason } of preset.settings)
    console.say(`    ${showPath(path)} = ${showWhole(value)}: ${reason}`);
}

function sayWarnings(console: Transcript, { runtime, graminized }: BuildFacts): void {
  for (const { path, reason } of graminized.insecure) console.warn(`insecure: ${showPath(path)}: ${reason}`);
  if (runtime.isStandIn)
    console.warn('the runtime is a stand-in for tests: it has no enclave and protects nothing');
  for (const warning of [...runtime.warnings, ...graminized.notes]) console.warn(warning);
}

/** The same as plain values, for `--json`. */
export function buildFactsToJson({ app, runtime, graminized }: BuildFacts): object {
  const { selection, hidden } = graminized;
  return {
    app: { name: app.name, digest: app.manifest.digest, image_id: app.configDescriptor.digest },
    runtime: {
      source: runtime.subject,
      version: runtime.version.text,
      patches: runtime.patches,
      stand_in: runtime.isStandIn,
      size: runtime.sizeBytes,
    },
    ...startToJson(graminized),
    library_data: graminized.libraryData.map(({ kind, path, target }) => ({
      kind,
      path: showBytes(path),
      target: showBytes(target),
    })),
    ...attestedToJson(graminized),
    trusted_files: { count: graminized.trustedFileCount, size: graminized.trustedSizeBytes },
    left_out: selection.excluded.map(({ path, rule, reason }) => ({ path: showBytes(path), rule, reason })),
    hidden: hidden.map(({ path }) => showBytes(path)),
    mounts: selection.mounts.map(({ path, target }) => ({
      path: showBytes(path),
      target: showBytes(target),
    })),
    overrides: graminized.overrides.map(({ path, user, own, from }) => ({
      key: showPath(path),
      user,
      own,
      from,
    })),
    preset: graminized.preset && {
      name: graminized.preset.preset.name,
      settings: graminized.preset.settings.map(({ path, value, reason }) => ({
        key: showPath(path),
        value: showWhole(value),
        reason,
      })),
    },
    insecure: graminized.insecure.map(({ path, reason }) => ({ key: showPath(path), reason })),
    ...(graminized.profileBasis && { profile: profileToJson(graminized.profileBasis) }),
    ...placesToJson(graminized),
    notes: app.notes,
    warnings: [...app.warnings, ...runtime.warnings, ...graminized.notes],
    predicted_start_seconds: Number(graminized.predictedStartSeconds.toFixed(3)),
    predicted_start_seconds_at_most: Number(
      graminized.startCosts[graminized.trustLevel].predictedMaximumSeconds.toFixed(3),
    ),
  };
}

function profileToJson(basis: NonNullable<Graminized['profileBasis']>): object {
  const pathsOf = (wanted: string) =>
    [...basis]
      .filter(([, { kind }]) => kind === wanted)
      .map(([path]) => showBytes(path))
      .sort();
  return { traced: pathsOf('traced'), guarded: pathsOf('guarded'), required: pathsOf('required') };
}
