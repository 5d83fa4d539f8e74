import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';

/** Where things are in every graminized image, whatever the runtime's origin: equal files give equal measurements. */
export const graminizedPaths = {
  /** The runtime's package directory. */
  packageDirectory: imagePath('/gramine/runtime'),
  libos: imagePath('/gramine/runtime/libsysdb.so'),
  /** The loader's part inside the enclave: what is measured of the runtime. */
  libpal: imagePath('/gramine/runtime/sgx/libpal.so'),
  /** The program that makes an RA-TLS certificate and then starts the application. */
  raTls: imagePath('/gramine/runtime/gramine-ratls'),
  /** The ELF interpreter and the shared libraries of the SGX loader. */
  hostDirectory: imagePath('/gramine/host'),
  hostInterpreter: imagePath('/gramine/host/ld.so'),
  appLoader: imagePath('/gramine/app_files/apploader.sh'),
  /** What the application sees as `/etc/hosts`. */
  hosts: imagePath('/gramine/app_files/hosts'),
  /** The certificate authorities that the client of key brokers believes. */
  brokerAuthorities: imagePath('/gramine/app_files/secret-prov-ca.pem'),
  /** `<application>` of the loaders: `.manifest`, `.manifest.sgx` and `.sig` are appended to it. */
  application: imagePath('/gramine/app_files/entrypoint'),
  /** What gsc adds for this application. */
  appDirectory: imagePath('/gramine/app_files'),
  manifest: imagePath('/gramine/app_files/entrypoint.manifest'),
  manifestSgx: imagePath('/gramine/app_files/entrypoint.manifest.sgx'),
  sigstruct: imagePath('/gramine/app_files/entrypoint.sig'),
} as const;

/** gsc's own directories; whatever else an image has below `/gramine` and `/graphene` is the application's. */
const ownDirectories: readonly ImagePath[] = [
  ...['Runtime', 'host', 'signer', 'python', 'app_files'].map((name) => imagePath(`/graphene/${name}`)),
  graminizedPaths.packageDirectory,
  graminizedPaths.hostDirectory,
  graminizedPaths.appDirectory,
];

/** The one of gsc's own directories that a path is, or is in; undefined if it is in none. */
export function ownDirectoryOf(path: ImagePath): ImagePath | undefined {
  return ownDirectories.find((directory) => isWithin(path, directory));
}
