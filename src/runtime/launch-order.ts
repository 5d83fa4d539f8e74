import type { ByteString, ImagePath } from '../base/image-path.ts';
import type { RuntimeVersion } from './version.ts';

/** What of a runtime decides how it starts applications. */
export interface LaunchedRuntime {
  readonly version: RuntimeVersion;
  readonly files: readonly { readonly path: ImagePath }[];
}

/** What an image's start depends on. */
export interface LaunchOrder {
  /** True if the app image has `/bin/sh`. */
  readonly hasShell: boolean;
  /** True if what is given to `docker run` goes to the application (insecure args). */
  readonly passesArguments: boolean;
  /** The working directory, which the container starts in. */
  readonly directory: ImagePath;
  /** The names of the programs that have manifests, the one that starts first. */
  readonly names: readonly ByteString[];
  readonly isUserRoot: boolean;
}

/** A device of the host that enclaves need. */
export interface HostDevice {
  /** Its paths with one driver or another, the usual one first. */
  readonly paths: readonly string[];
  /** What to do where it is missing. */
  readonly advice: string;
  /** The first kernel that does without it, as major and minor version. */
  readonly neededUntil?: readonly [number, number];
}

/** What starts an image with a runtime of one family, besides the image itself. */
export interface HostNeeds {
  readonly devices: readonly HostDevice[];
  /** True if the kernel has the driver itself, since Linux 5.11; false if it is always built for it. */
  readonly isKernelsDriver: boolean;
  /** True if the processor must start enclaves without a launch token. */
  readonly needsLaunchControl: boolean;
  /** What AESM is asked for, and its part that answers; `isAlwaysAsked` is false where only images that make quotes ask. */
  readonly aesm: { readonly use: string; readonly plugin: string; readonly isAlwaysAsked: boolean };
  /** The options of `docker run` that give a container its enclave, a word each; `devices` are those of the host. */
  readonly enclaveOptions: (devices: readonly string[], usesAesm: boolean) => readonly string[];
  /** `NAME=VALUE`, by which the script that starts the application starts it without an enclave. */
  readonly directVariable: string;
}

/** How a graminized image starts its application. */
export interface AppLaunch {
  /** The words that the image's ENTRYPOINT begins with. */
  readonly entrypoint: readonly string[];
  /** Variables of the container, in place of the app image's; none where a script sets them itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files of the app layer. */
  readonly files: readonly { readonly path: ImagePath; readonly mode: number; readonly content: Buffer }[];
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}
