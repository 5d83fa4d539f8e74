import { showBytes } from '../base/image-path.ts';
import type { Graminized } from '../graminize.ts';
import type { Image } from '../image/image.ts';
import { showWhole } from '../manifest/merge.ts';
import { showPath } from '../manifest/toml.ts';
import { showRuntimeVersion } from '../runtime/patch-marks.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Console } from './console.ts';
import { placesToJson, sayExclusions, sayStartCosts, sayUndecidedPlaces } from './place-report.ts';
import { showCount, showCounted, showSize } from './sizes.ts';

export interface BuildFacts {
  readonly app: Image;
  readonly runtime: Runtime;
  readonly graminized: Graminized;
}

/** Says what was found and decided: the summary always, the lists with `-v`, the warnings in any case. */
export function reportBuild(console: Console, facts: BuildFacts): void {
  sayStart(console, facts);
  sayTrustedFiles(console, facts.graminized);
  sayPreset(console, facts.graminized);
  for (const { path, user, own, from } of facts.graminized.overrides) {
    console.say(`  overridden     ${showPath(path)}: ${user} (${from}) instead of ${own}`);
  }
  sayUndecidedPlaces(console, facts.graminized);
  sayWarnings(console, facts);
}

function sayStart(console: Console, { app, runtime, graminized }: BuildFacts): void {
  const { start } = graminized;
  const standIn = runtime.isStandIn ? ' — a STAND-IN that protects nothing' : '';
  console.say(`${app.name}: ${showCounted(app.layers.length, 'layer')}, untouched; 2 added`);
  console.say(
    `  runtime        ${showRuntimeVersion(runtime.version.text, runtime.patches)} from ${runtime.subject}, ${showSize(runtime.sizeBytes)}${standIn}`,
  );
  console.say(`  starts         ${showBytes(start.executable.path)} as ${showCommand(start.argv)}`);
  console.say(
    `  as             uid ${start.user.uid}, gid ${start.user.gid}, in ${showBytes(start.workingDirectory.realPath)}, ${showCounted(start.environment.variables.length, 'variable')} of the image`,
  );
  console.say(`  C library      ${describeLibc(graminized)}`);
}

function describeLibc({ start, libc }: Graminized): string {
  if (start.libraries.libc === 'static') return 'none, the program is static';
  const owner = libc.choice === 'runtime' ? "Gramine's" : "the image's own";
  return `${owner} ${start.libraries.libc}: ${libc.reason}`;
}

function sayTrustedFiles(console: Console, graminized: Graminized): void {
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
  sayStartCosts(console, graminized);
}

function sayProfile(console: Console, { profileBasis }: Graminized): void {
  if (profileBasis === undefined) return;
  const kinds = [...profileBasis.values()].map(({ kind }) => kind);
  const countOf = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
  console.say(
    `  profile        ${showCounted(countOf('traced'), 'file')} traced, ${showCount(countOf('guarded'))} guarded, ${showCount(countOf('required'))} asked for`,
  );
  for (const [path, basis] of profileBasis)
    if (basis.kind === 'guarded') console.detail(`    guarded ${showBytes(path)}: ${basis.reason}`);
}

function sayPreset(console: Console, { preset }: Graminized): void {
  if (preset === undefined) return;
  console.say(`  preset         ${preset.preset.name}, ${showCount(preset.settings.length)} settings`);
  for (const { path, value, reason } of preset.settings)
    console.say(`    ${showPath(path)} = ${showWhole(value)}: ${reason}`);
}

function sayWarnings(console: Console, { runtime, graminized }: BuildFacts): void {
  for (const { path, reason } of graminized.insecure) console.warn(`insecure: ${showPath(path)}: ${reason}`);
  if (runtime.isStandIn)
    console.warn('the runtime is a stand-in for tests: it has no enclave and protects nothing');
  for (const warning of [...runtime.warnings, ...graminized.notes]) console.warn(warning);
}

/** The command as a shell would take it. */
export function showCommand(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** The same as plain values, for `--json`. */
export function buildFactsToJson({ app, runtime, graminized }: BuildFacts): object {
  const { start, libc, selection, hidden } = graminized;
  return {
    app: { name: app.name, digest: app.manifest.digest, image_id: app.configDescriptor.digest },
    runtime: {
      source: runtime.subject,
      version: runtime.version.text,
      patches: runtime.patches,
      stand_in: runtime.isStandIn,
      size: runtime.sizeBytes,
    },
    entrypoint: showBytes(start.executable.path),
    argv: start.argv,
    uid: start.user.uid,
    gid: start.user.gid,
    working_directory: showBytes(start.workingDirectory.realPath),
    libc: start.libraries.libc,
    libc_from: libc.choice,
    libc_reason: libc.reason,
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
    warnings: [...runtime.warnings, ...graminized.notes],
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
