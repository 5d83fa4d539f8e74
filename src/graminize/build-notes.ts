import { type ByteString, baseNameOf, bytesOfText, imagePath, showBytes } from '../base/image-path.ts';
import { encryptedMountNotes } from '../manifest/encrypted-mounts.ts';
import { mountOf, readMounts } from '../manifest/files/mounts.ts';
import { choiceRisks } from '../manifest/option-manifest.ts';
import { detectPreset } from '../manifest/preset/detect-preset.ts';
import { limitNotes, mayServeInChild, startsProcesses } from '../manifest/preset/program-limits.ts';
import { pathOfUri } from '../manifest/schema/file-uri.ts';
import { isArray, showPath, type TomlDocument, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { familyName, showRelease } from '../runtime/version.ts';
import { type ContainerProcess, startFiles } from '../start/container-process.ts';
import { lineEndNotes } from '../start/line-ends.ts';
import { engineFiles } from '../trust/exclusion-rules.ts';
import type { ComposedManifest } from './compose-manifest.ts';
import type { GraminizeContext } from './graminize-context.ts';
import { raTlsArguments } from './ra-tls.ts';
import { usualScratchPlaces } from './scratch-directories.ts';
import { stopSignalNotes } from './stop-signal.ts';
import { volumeNotes } from './volume-report.ts';

/** What the user should know about a build: things that are lost, weaken the enclave, or work differently from outside. */
export function buildNotes(context: GraminizeContext, composed: ComposedManifest): readonly string[] {
  const { choices, tree, selection, volumes } = context;
  const manifest = composed.manifest.root;
  return [
    ...tree.warnings,
    ...(context.user?.notes ?? []),
    ...imageNotes(context, manifest),
    ...selection.notes,
    ...composed.warnings,
    ...choiceRisks(choices),
    ...volumeNotes({ declared: volumes, chosen: choices.volumes }, manifest, tree),
    ...encryptedMountNotes(manifest, startFiles(context.start)),
    ...hiddenFileNotes(context, composed),
    ...limitNotes(context.start),
    ...sharedPlaceNotes(context, manifest),
    ...certificateNotes(context, manifest),
    ...engineFileNotes(manifest),
    ...presetNotes(context),
  ];
}

/** Things of the image that gsc carries over and that work differently from outside. */
function imageNotes(
  { app, tree, start, argumentSource, choices, runtime }: GraminizeContext,
  manifest: TomlTable,
): readonly string[] {
  const { Healthcheck } = app.config.config ?? {};
  const notes = [...start.environment.notes, ...start.libraries.notes, ...lineEndNotes(start, tree)];
  if (Healthcheck?.Test && Healthcheck.Test[0] !== 'NONE') {
    notes.push('HEALTHCHECK is carried over; its command runs in the container, outside the enclave');
  }
  notes.push(...stopSignalNotes(app.config, manifest));
  if (start.user.supplementaryGroups.length > 0) {
    const groups = start.user.supplementaryGroups.map(({ name, gid }) => `${showBytes(name)} (${gid})`);
    notes.push(
      `the user is also in the groups ${groups.join(', ')}; inside the enclave only the primary group is in effect`,
    );
  }
  if (!start.workingDirectory.exists) {
    notes.push(
      `WORKDIR ${showBytes(start.workingDirectory.path)} is in no layer; it is created, as Docker does`,
    );
  }
  return [...notes, ...programNameNotes(start.argv[0] ?? '', { argumentSource, choices, runtime }, manifest)];
}

/** Where the path of the program becomes its argv[0]. */
function programNameNotes(
  given: string,
  {
    argumentSource,
    choices: { raTls },
    runtime,
  }: Pick<GraminizeContext, 'argumentSource' | 'choices' | 'runtime'>,
  manifest: TomlTable,
): readonly string[] {
  if (argumentSource !== 'host' && raTls === undefined) return [];
  const words = valueAt(manifest, ['loader', 'argv']);
  const started = raTls
    ? isArray(words) && words[raTlsArguments(raTls).length]
    : valueAt(manifest, ['libos', 'entrypoint']);
  if (typeof started !== 'string' || nameIn(given) === nameIn(started)) return [];
  const [cause, caller] = raTls
    ? ['--ratls', 'gramine-ratls']
    : ['arguments from the host', familyName(runtime.version)];
  return [
    `with ${cause}, ${caller} calls the program ${started} (argv[0]) and not ${given}; programs that dispatch on argv[0] may behave differently`,
  ];
}

function nameIn(path: string): ByteString {
  return baseNameOf(imagePath(bytesOfText(path)));
}

function hiddenFileNotes({ choices }: GraminizeContext, composed: ComposedManifest): readonly string[] {
  const hidden = new Set(composed.hidden.map(({ path }) => path));
  return choices.files
    .filter(({ path }) => hidden.has(path))
    .map(({ path }) => `--file ${showBytes(path)}: a mount or a volume hides it; add it under another path`);
}

/** Files that were asked for, by an option or the manifest, and will have another content in every container. */
function engineFileNotes(manifest: TomlTable): readonly string[] {
  const listed = valueAt(manifest, ['sgx', 'trusted_files']);
  return (isArray(listed) ? listed : []).flatMap((entry) => {
    const path = pathOfUri(entry);
    if (path === undefined || !engineFiles.has(path)) return [];
    return [
      `${path} is trusted, but the engine puts its own file there, so opening it fails: sgx.allowed_files makes it readable, unprotected`,
    ];
  });
}

/** A tmpfs belongs to one process: what programs hand on through it does not arrive. */
function sharedPlaceNotes({ start }: GraminizeContext, manifest: TomlTable): readonly string[] {
  const mounts = readMounts(manifest);
  const places = usualScratchPlaces.filter((place) => mountOf(place, mounts)?.type === 'tmpfs');
  const [place = ''] = places.filter((each) => each === '/tmp').concat(places);
  if (place === '' || !startsProcesses(start)) return [];
  return [
    `each process has its own tmpfs at ${places.join(', ')}: processes do not see each other's files there; if they need to, --volume ${place}=encrypted:_sgx_mrenclave lets all processes of the enclave share them (direct mode has no such key)`,
  ];
}

/** Of a tmpfs, a child process sees nothing that its parent wrote. */
function certificateNotes(
  { start, choices: { raTls } }: GraminizeContext,
  manifest: TomlTable,
): readonly string[] {
  if (raTls === undefined || !mayServeInChild(start)) return [];
  const mount = mountOf(raTls.certificate, readMounts(manifest));
  if (mount?.type !== 'tmpfs') return [];
  const place = showBytes(mount.at);
  return [
    `--ratls: only the process that starts first, and what it replaces itself with (exec), sees the certificate in the tmpfs ${place}; for a server that a script or another program starts, use --volume ${place}=encrypted:_sgx_mrenclave`,
  ];
}

function presetNotes({ choices, preset, start, runtime, user }: GraminizeContext): readonly string[] {
  if (preset === undefined) {
    if (choices.preset === undefined) return fittingPresetNotes(start, user);
    return [
      `--preset auto: no preset fits ${showBytes(start.executable.path)}; name one, or write a manifest`,
    ];
  }
  const { name, advice } = preset.preset;
  const leftOut = preset.leftOut.map(
    ({ path, reason }) =>
      `preset ${name}: ${showPath(path)} is not a key of ${showRelease(runtime.version.release)} and is left out (${reason})`,
  );
  return advice === undefined ? leftOut : [...leftOut, `preset ${name}: ${advice}`];
}

/** Programs for which there is a preset mostly need more than Gramine's defaults, which were not chosen. */
function fittingPresetNotes(start: ContainerProcess, user: TomlDocument | undefined): readonly string[] {
  const isSized = ['enclave_size', 'max_threads'].some(
    (key) => user && valueAt(user.root, ['sgx', key]) !== undefined,
  );
  const fitting = isSized ? undefined : detectPreset(start);
  if (fitting === undefined) return [];
  return [
    `sgx.enclave_size and sgx.max_threads are unset, so the runtime's defaults apply; --preset ${fitting.name} sets values known to work`,
  ];
}
