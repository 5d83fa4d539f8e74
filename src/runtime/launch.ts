import { type ImagePath, imagePath } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { HostNeeds } from './launch-order.ts';

/** How the application is started: in an enclave, or on Gramine without one. */
export type LaunchMode = 'sgx' | 'direct';

/**
 * The command line of a loader, without the application's own arguments: `loader libpal init application`. As an image's
 * entrypoint in exec form it needs no shell.
 */
export function launchArguments(mode: LaunchMode): readonly string[] {
  return [loaderPath(mode), libpalPath(mode), 'init', graminizedPaths.application];
}

/**
 * The environment of the SGX loader's process, which finds its libraries by it. An image without a shell carries it in
 * its config's Env, in place of the app's own LD_LIBRARY_PATH; LD_PRELOAD and LD_AUDIT must not be there then. The
 * application never sees it: Gramine drops the host's environment and takes the manifest's.
 */
export const hostEnvironment: Readonly<Record<string, string>> = {
  LD_LIBRARY_PATH: graminizedPaths.hostDirectory,
};

/** Variables that would make the host's ELF interpreter load libraries of the app into the SGX loader. ld.so(8). */
export const harmfulHostVariables: readonly string[] = ['LD_PRELOAD', 'LD_AUDIT'];

/** Where AESM's socket is on the host, and Gramine connects to it. Gramine, pal/src/host/linux-sgx/host_platform.c. */
const aesmDirectory = '/var/run/aesmd';
export const aesmSocket = `${aesmDirectory}/aesm.socket`;

/** The kernel's own driver, and the one that Intel shipped before. Gramine documentation, "Installation". */
export const gramineHostNeeds: HostNeeds = {
  devices: [
    {
      paths: ['/dev/sgx_enclave', '/dev/sgx/enclave'],
      advice: 'enable SGX in the firmware, and look for the reason in: dmesg | grep -i sgx',
    },
  ],
  isKernelsDriver: true,
  needsLaunchControl: true,
  aesm: { use: 'quotes', plugin: 'libsgx-aesm-quote-ex-plugin', isAlwaysAsked: false },
  enclaveOptions: (devices, usesAesm) => [
    ...devices.flatMap((device) => ['--device', device]),
    ...(usesAesm ? ['--volume', `${aesmDirectory}:${aesmDirectory}`] : []),
  ],
  directVariable: 'GRAMINE_MODE=direct',
};

function loaderPath(mode: LaunchMode): ImagePath {
  return imagePath(`${graminizedPaths.packageDirectory}/${mode}/loader`);
}

/** Where `libpal.so` lies; that of mode `sgx` is what an enclave's measurement starts with. */
export function libpalPath(mode: LaunchMode): ImagePath {
  return imagePath(`${graminizedPaths.packageDirectory}/${mode}/libpal.so`);
}
