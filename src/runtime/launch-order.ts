import type { ByteString, ImagePath } from '../base/image-path.ts';

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
