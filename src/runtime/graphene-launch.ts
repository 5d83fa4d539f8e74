import { type ByteString, baseNameOf, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import { ignoreArguments } from './apploader.ts';
import { aesmSocket, harmfulHostVariables } from './launch.ts';
import type { AppLaunch, HostNeeds, LaunchedRuntime, LaunchOrder } from './launch-order.ts';
import { type EnclaveFiles, enclaveFiles, runtimePlacesOf } from './places.ts';
import type { RuntimeVersion } from './version.ts';

const { packageDirectory, hostDirectory, loader } = runtimePlacesOf({
  family: 'graphene',
  release: '1.1',
  text: '1.1',
});

/** Python and its modules, from the runtime's own distribution: the app image needs none. */
export const tokenPython = imagePath(`${hostDirectory}/python3`);

/** The runtime's own tools for launch tokens, by their names. */
export const tokenTools: readonly ImagePath[] = [
  imagePath('/graphene/signer/pal-sgx-get-token'),
  imagePath('/graphene/python/graphene-sgx-get-token'),
];

/** The out-of-tree driver or the DCAP one, Graphene's own for FSGSBASE, and AESM. Graphene, Pal/src/host/Linux-SGX/sgx_framework.c. */
export const grapheneHostNeeds: HostNeeds = {
  devices: [
    {
      paths: ['/dev/isgx', '/dev/sgx/enclave', '/dev/sgx'],
      advice:
        'build and load the driver that the runtime was built for: the out-of-tree one (linux-sgx-driver), or the DCAP one',
    },
    {
      paths: ['/dev/gsgx'],
      advice: "build and load Graphene's driver for FSGSBASE (graphene-sgx-driver)",
      neededUntil: [5, 9],
    },
  ],
  isKernelsDriver: false,
  needsLaunchControl: false,
  aesm: { use: 'launch tokens', plugin: 'libsgx-aesm-launch-plugin', isAlwaysAsked: true },
  enclaveOptions: (devices) => [
    ...devices.map((device) => `--device=${device}`),
    ...['-v', `${aesmSocket}:${aesmSocket}`],
  ],
  directVariable: 'GSC_PAL=Linux',
};

/** As `apploader.sh` starts `pal-Linux`, for an image without a shell. */
export function grapheneDirectWords(version: RuntimeVersion, { manifest }: EnclaveFiles): readonly string[] {
  const pal = imagePath(`${packageDirectory}/pal-Linux`);
  return version.release === '1.2-rc1'
    ? [pal, imagePath(`${packageDirectory}/libpal-Linux.so`), 'init', '/entrypoint']
    : [pal, 'init', baseNameOf(manifest)];
}

/**
 * How a Graphene image starts its application: by `apploader.sh`, which gets a launch token for each manifest and starts
 * `pal-Linux-SGX`, or `pal-$GSC_PAL` without an enclave. An image without a shell starts `pal-Linux-SGX` itself, with tokens that
 * are there already.
 */
export function grapheneLaunch(runtime: LaunchedRuntime, order: LaunchOrder): AppLaunch {
  const { directory, names, hasShell } = order;
  const isOld = runtime.version.release !== '1.2-rc1';
  const [name = ''] = names;
  const { manifestSgx, manifest } = enclaveFiles(runtime.version, { directory, name });
  const script = imagePath(`${isOld ? directory : '/'}/apploader.sh`);
  const sgxWords = isOld
    ? [loader, 'init', baseNameOf(manifestSgx)]
    : [loader, imagePath(`${packageDirectory}/libpal-Linux-SGX.so`), 'init', '/entrypoint'];
  if (!hasShell) {
    return {
      entrypoint: sgxWords,
      environment: { LD_LIBRARY_PATH: hostDirectory, SGX: '1' },
      files: [],
      notes: [
        `the image has no /bin/sh, so that nothing makes launch tokens at the start: put ${baseNameOf(manifest).replace(/manifest$/, 'token')} there before it`,
      ],
    };
  }
  const content = Buffer.from(scriptText({ runtime, order, isOld, sgxWords, manifest }), 'latin1');
  return {
    entrypoint: ['/bin/sh', script],
    environment: {},
    files: [{ path: script, mode: 0o755, content }],
    notes: launchNotes(runtime, order, isOld),
  };
}

interface ScriptParts {
  readonly runtime: LaunchedRuntime;
  readonly order: LaunchOrder;
  readonly isOld: boolean;
  readonly sgxWords: readonly ByteString[];
  readonly manifest: ImagePath;
}

function scriptText({ runtime, order, isOld, sgxWords, manifest }: ScriptParts): string {
  const rest = order.passesArguments ? ' "$@"' : '';
  const stems = isOld ? order.names : ['/entrypoint'];
  const unsigned = isOld
    ? `init ${quote(baseNameOf(manifest))}`
    : `"${packageDirectory}/libpal-$GSC_PAL.so" init /entrypoint`;
  return [
    '#!/bin/sh',
    '# Starts the application under Graphene: in an SGX enclave, or with GSC_PAL=Linux without one.',
    ...(order.passesArguments ? [] : ignoreArguments),
    // The loader looks for manifest, signature and token in the current directory.
    `cd ${quote(isOld ? order.directory : '/')} || exit 1`,
    `case "\${GSC_PAL:-Linux-SGX}" in`,
    'Linux-SGX)',
    `  unset ${harmfulHostVariables.join(' ')} GSC_PAL`,
    `  LD_LIBRARY_PATH=${hostDirectory}; export LD_LIBRARY_PATH`,
    ...tokenLines(runtime, stems),
    '  SGX=1; export SGX',
    `  exec ${sgxWords.map(quote).join(' ')}${rest}`,
    '  ;;',
    '*)',
    `  if [ ! -x "${packageDirectory}/pal-$GSC_PAL" ]; then`,
    '    echo "gsc: GSC_PAL is $GSC_PAL; this image has no such PAL; expected Linux-SGX or Linux" >&2',
    '    exit 1',
    '  fi',
    `  exec "${packageDirectory}/pal-$GSC_PAL" ${unsigned}${rest}`,
    '  ;;',
    'esac',
    '',
  ].join('\n');
}

/** Environment variables: Python's own, and protobuf's implementation without compiled parts. */
function tokenLines(runtime: LaunchedRuntime, stems: readonly ByteString[]): readonly string[] {
  const tool = tokenToolOf(runtime);
  if (tool === undefined) return [];
  return [
    `  for name in ${stems.map(quote).join(' ')}; do`,
    `    PYTHONHOME=${hostDirectory} PYTHONPATH=${hostDirectory}/dist-packages \\`,
    '      PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python \\',
    `      ${tokenPython} -B ${tool} -output "$name.token" -sig "$name.sig" >&2 || exit 1`,
    '  done',
  ];
}

/** The tool that makes launch tokens, if the runtime has one with a Python to run it. */
export function tokenToolOf(runtime: LaunchedRuntime): ImagePath | undefined {
  const has = (wanted: ImagePath) => runtime.files.some(({ path }) => path === wanted);
  return has(tokenPython) ? tokenTools.find(has) : undefined;
}

function launchNotes(runtime: LaunchedRuntime, order: LaunchOrder, isOld: boolean): readonly string[] {
  const notes: string[] = [];
  if (tokenToolOf(runtime) === undefined) {
    notes.push(
      'the runtime has no token tool with a Python that runs it: launch tokens (NAME.token) have to be there before the start in an enclave',
    );
  } else if (!order.isUserRoot) {
    const place = isOld ? showBytes(order.directory) : '/';
    notes.push(
      `launch tokens are written to ${place} at the start, and the image's user may have no right to do so: run it with --user 0, or build the image with another WORKDIR`,
    );
  }
  return notes;
}

/** One word of a shell. */
function quote(word: ByteString): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
