import { GscError, usageError } from '../base/error.ts';
import { showBytes } from '../base/image-path.ts';
import type { ContainerNeeds, DataPlace, SecretFile } from '../inspect/container-needs.ts';
import type { LaunchMode } from '../runtime/launch.ts';

/** What connects a container with the terminal: nothing, its input, or all of it. */
export type Attachment = 'detached' | 'input' | 'terminal';

/** `SOURCE:PATH[:OPTIONS]`, read. */
export interface BindMount {
  /** A volume's name, or an absolute path of the host. */
  readonly source: string;
  readonly path: string;
  /** As in `ro`; empty without any. */
  readonly options: string;
}

export interface ContainerChoices {
  readonly program: 'docker' | 'podman';
  /** As the program knows it. */
  readonly image: string;
  readonly mode: LaunchMode;
  /** Of the enclave, as the host has them; used in mode `sgx`. */
  readonly devices: readonly string[];
  /** Of direct mode, absolute; without one there is no limit on system calls. */
  readonly seccompProfile?: string;
  /** Beginning of the names of volumes that the user does not name. */
  readonly volumePrefix: string;
  readonly attachment: Attachment;
  readonly name?: string;
  readonly network?: string;
  readonly publish: readonly string[];
  /** `NAME=VALUE`, or `NAME` for the value of now. */
  readonly environment: readonly string[];
  readonly mounts: readonly BindMount[];
  /** Files of the host by the names of secrets, absolute. */
  readonly secrets: ReadonlyMap<string, string>;
  /** For the application. */
  readonly arguments: readonly string[];
}

/**
 * The words of `docker run` or `podman run`, the program's name first. Throws `state` for an unsigned image in mode `sgx`,
 * `usage` for arguments that would not reach the application and for secrets that are unknown or have no file.
 */
export function containerLine(needs: ContainerNeeds, choices: ContainerChoices): readonly string[] {
  const { program, image, mode, name, network, publish, environment, mounts } = choices;
  check(needs, choices);
  const isDirectLoader = mode === 'direct' && !needs.hasShell;
  const [loader = '', ...loaderWords] = needs.directWords;
  return [
    ...[program, 'run', '--rm', ...attachmentWords[choices.attachment]],
    ...(name === undefined ? [] : ['--name', name]),
    ...(mode === 'sgx' ? enclaveWords(needs, choices) : directWords(needs, choices)),
    ...(network === undefined ? [] : ['--network', network]),
    ...publish.flatMap((port) => ['--publish', port]),
    ...environment.flatMap((variable) => ['--env', variable]),
    ...[...defaultVolumes(needs.dataPlaces, choices), ...mounts.map(mountText)].flatMap((text) => [
      '--volume',
      text,
    ]),
    ...needs.secrets.flatMap((secret) => secretWords(secret, choices)),
    ...(isDirectLoader ? ['--entrypoint', loader] : []),
    image,
    ...(isDirectLoader ? loaderWords : []),
    ...choices.arguments,
  ];
}

const attachmentWords: Readonly<Record<Attachment, readonly string[]>> = {
  detached: ['--detach'],
  input: ['--interactive'],
  terminal: ['--interactive', '--tty'],
};

function enclaveWords({ host, usesAesm }: ContainerNeeds, { devices }: ContainerChoices): readonly string[] {
  return host.enclaveOptions(devices, usesAesm);
}

/** A library OS without an enclave switches off address randomization (personality(2)), which the usual profiles refuse. */
function directWords(
  { hasShell, host }: ContainerNeeds,
  { seccompProfile = 'unconfined' }: ContainerChoices,
): readonly string[] {
  return ['--security-opt', `seccomp=${seccompProfile}`, ...(hasShell ? ['--env', host.directVariable] : [])];
}

/** A named volume for each place that the user does not mount: what is there outlives the container. */
function defaultVolumes(
  places: readonly DataPlace[],
  { mounts, volumePrefix }: ContainerChoices,
): readonly string[] {
  const given = new Set(mounts.map(({ path }) => path.replace(/(?<=.)\/+$/, '')));
  return places
    .map(({ path }) => showBytes(path))
    .filter((path) => !given.has(path))
    .map((path) => `${`${volumePrefix}${path}`.replace(/[^A-Za-z0-9_.-]/g, '-')}:${path}`);
}

function mountText({ source, path, options }: BindMount): string {
  return [source, path, ...(options === '' ? [] : [options])].join(':');
}

function secretWords({ name, path }: SecretFile, { program, secrets }: ContainerChoices): readonly string[] {
  const file = secrets.get(name);
  if (file !== undefined) return ['--volume', `${file}:${showBytes(path)}:ro`];
  if (program === 'podman') return ['--secret', name];
  throw usageError(
    `secret ${name}`,
    'the image expects it, and docker run has no store of secrets',
    `give its file with --secret ${name}=FILE`,
  );
}

function check(needs: ContainerNeeds, { image, mode, secrets, arguments: words }: ContainerChoices): void {
  if (mode === 'sgx' && !needs.isSigned) {
    throw new GscError({
      code: 'state',
      subject: image,
      message: 'expected a signed image, got an unsigned one: no enclave starts without a signature',
      hint: 'sign it with gsc sign-image, or try it without protection: gsc run --direct',
    });
  }
  if (words.length > 0 && !needs.takesArguments) {
    throw usageError(
      image,
      `the arguments ${JSON.stringify(words.join(' '))} would not reach the application: its own are in the measured manifest`,
      'build it with --cmd, or with --insecure-args so that the host decides',
    );
  }
  const known = needs.secrets.map(({ name }) => name);
  const unknown = [...secrets.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const expected =
    known.length === 0 ? 'the image expects no secrets' : `the image expects ${known.join(', ')}`;
  throw usageError(
    `--secret ${unknown}`,
    `the application could not read it: ${expected}`,
    'build with --secret NAME',
  );
}
