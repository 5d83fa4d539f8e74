import { GscError } from '../../base/error.ts';

/** Options that people know from other programs, and what stands for them here; `commands`: where, if not everywhere. */
interface ForeignOptions {
  readonly names: string;
  readonly commands?: readonly string[];
  readonly hint: string;
}

const content = ['build', 'explain'];
const runtimes = ['build', 'explain', 'build-gramine'];

/** The first row that fits counts. The Python tool's `-d` compiles Gramine for debugging, that of docker run detaches. */
const foreignOptions: readonly ForeignOptions[] = [
  {
    names: '-t --tag --name',
    commands: ['build', 'sign-image'],
    hint: 'name the result with -o, as in -o NAME:TAG',
  },
  {
    names: '-t --tag --name',
    commands: ['build-gramine'],
    hint: 'the name of the runtime image needs no option: gsc build-gramine NAME',
  },
  {
    names: '-m --manifest',
    commands: ['build'],
    hint: 'MANIFEST follows IMAGE without an option: gsc build IMAGE MANIFEST',
  },
  {
    names: '-k --key --signing-key --private-key',
    commands: ['sign-image'],
    hint: 'KEY follows IMAGE without an option: gsc sign-image IMAGE KEY',
  },
  { names: '-k --signing-key --private-key', commands: ['build'], hint: 'name the key with --key FILE' },
  {
    names: '-d',
    commands: ['build'],
    hint: '--buildtype debug compiles Gramine for debugging; to detach, give -d to docker run',
  },
  {
    names: '-d --debug',
    commands: runtimes,
    hint: '--buildtype debug compiles Gramine for debugging; to detach, give -d to docker run',
  },
  {
    names: '-L --linux',
    commands: runtimes,
    hint: 'leave it out: every runtime has direct mode too (GRAMINE_MODE=direct)',
  },
  {
    names: '-G --graphene',
    commands: runtimes,
    hint: 'gsc build-gramine NAME builds a runtime without an app image',
  },
  {
    names: '--mount --volumes-from',
    commands: content,
    hint: '--volume PATH=encrypted, =tmpfs or =allowed says what the enclave does with a place; mounts belong to docker run',
  },
  { names: '--tmpfs', commands: content, hint: 'write it as in --volume /data=tmpfs' },
  { names: '--env-file', commands: content, hint: 'give one --env NAME=VALUE for each variable' },
  { names: '-w --workdir', commands: content, hint: 'set fs.start_dir in the manifest' },
  { names: '-u --user', commands: content, hint: 'set loader.uid and loader.gid in the manifest' },
  {
    names: '--memory',
    commands: content,
    hint: "the enclave's memory is sgx.enclave_size in the manifest; a preset sets it too (--preset auto)",
  },
  {
    names: '-f',
    commands: ['build'],
    hint: 'gsc starts from an existing image: build the Dockerfile with docker build, then gsc build IMAGE',
  },
  {
    names:
      '-i -t -it -ti -d -itd -dit -e -p -P -w -u -l -a --env --interactive --tty --detach --publish --publish-all --device ' +
      '--privileged --security-opt --cap-add --cap-drop --restart --hostname --add-host --dns --ip --init ' +
      '--shm-size --ulimit --gpus --cpus --expose --link --label --log-driver --log-opt --pid --ipc --userns ' +
      '--read-only --stop-signal --stop-timeout --health-cmd --sysctl --runtime-opt',
    hint: 'gsc only makes images: give this option to docker run',
  },
];

/** What stands for an option that a command does not have, for those of programs that people come from. */
export function hintForForeignOption(option: string, command: string | undefined): string | undefined {
  const name = option.split('=', 1)[0] ?? '';
  const fits = (wanted: string) =>
    foreignOptions.find(
      ({ names, commands }) =>
        names.split(' ').includes(wanted) &&
        (commands === undefined || (command !== undefined && commands.includes(command))),
    );
  // A short option may have its value glued to it.
  return (fits(name) ?? (/^-[^-]../.test(name) ? fits(name.slice(0, 2)) : undefined))?.hint;
}

/** `[HOST:]PLACE[:OPTIONS]` of docker run, whose first part may be a volume's name: no reference to an image looks so. */
const mountPattern = /^(?!(?:oci|oci-archive|docker-archive):)[^=]*:\/(?!\/)[^=]*$/;

/** The place in the container that a value of `docker run -v` mounts something at, or undefined if it is not such a value. */
export function mountPlaceIn(text: string): string | undefined {
  if (!mountPattern.test(text)) return undefined;
  return /:(\/[^:]*)(?::[a-zA-Z,]*)?$/.exec(text)?.[1];
}

/** What to write in place of a mount of docker run. */
export function mountHint(place: string): string {
  return `say what the enclave does with it, as in --volume ${place}=encrypted (or tmpfs, allowed), and give -v to docker run`;
}

/** Refuses `-v HOST:PLACE`, a habit of docker run: here it would mean `--verbose` and an operand. */
export function refuseMounts(args: readonly string[]): void {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  for (const [index, argument] of args.slice(0, end).entries()) {
    const value = argument === '-v' ? args[index + 1] : /^-v(.*)$/.exec(argument)?.[1];
    const place = value === undefined ? undefined : mountPlaceIn(value);
    if (place === undefined) continue;
    throw new GscError({
      code: 'usage',
      subject: '-v',
      message: `means --verbose here, and ${JSON.stringify(value)} looks like a mount for docker run`,
      hint: args[0] === 'run' ? `write it as --mount ${value}` : mountHint(place),
    });
  }
}
