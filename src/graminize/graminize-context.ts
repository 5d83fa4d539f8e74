import type { ByteString, ImagePath } from '../base/image-path.ts';
import type { LibraryDataKind } from '../elf/library-data.ts';
import type { Image } from '../image/image.ts';
import type { AppliedPreset } from '../manifest/preset/presets.ts';
import type { EnclaveFiles } from '../runtime/places.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ReadFiles } from '../runtime/tree-source.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import type { SettledManifest } from '../user-manifest/settle-manifest.ts';
import type { BuildChoices } from './build-options.ts';
import type { LibcChoice, LibcDecision } from './choose-libc.ts';
import type { ProfiledSelection } from './profiled-selection.ts';

/** What a build is about: its inputs, and what was found out and decided before the manifest is composed. Made once. */
export interface GraminizeContext {
  readonly app: Image;
  /** The app image as it is to start: with the chosen ENTRYPOINT, CMD and variables. */
  readonly configured: Image;
  /** How messages call the app image. */
  readonly appName: string;
  readonly runtime: Runtime;
  readonly choices: BuildChoices;
  /** The app image's files, without and with those that the user adds. */
  readonly appTree: FileTree;
  readonly tree: FileTree;
  readonly start: ContainerProcess;
  /** The image's VOLUMEs. */
  readonly volumes: readonly ImagePath[];
  /** What is a tmpfs unless the user decides otherwise. */
  readonly scratchPlaces: readonly ImagePath[];
  /** The user's manifest, if there is one, fitted to the image. */
  readonly user?: SettledManifest;
  readonly preset?: AppliedPreset;
  readonly argumentSource: ArgumentSource;
  readonly libc: LibcChoice;
  readonly libcDecision: LibcDecision;
  /** What Gramine's C library is to find of the image's data. */
  readonly libraryData: readonly LibraryDataMount[];
  /** The trusted files at each level: the report says what the others would cost. */
  readonly selections: Selections;
  readonly trustLevel: TrustLevel;
  /** Of a build with a profile: what that decides on. */
  readonly profiled?: ProfiledSelection;
  /** What decides on the trusted files of this build. */
  readonly costLevel: CostLevel;
  /** The trusted files of this build. */
  readonly selection: TrustedSelection;
  /** Where the enclave's files lie. */
  readonly files: EnclaveFiles;
  /** The enclaves that this one may start: the base names of their `.sig` files. */
  readonly children: readonly ByteString[];
  /** What became of a program that the release cannot start as it is. */
  readonly startNotes: readonly string[];
  /** Reads files of the image, and those that the user adds. */
  readonly readFiles: ReadFiles;
}

/** Where the arguments come from: gsc's manifest, the host, or the user's manifest. */
export type ArgumentSource = 'own' | 'host' | 'user';

/** A level of trust, or a list that a profile decides on. */
export type CostLevel = TrustLevel | 'traced';

/** The trusted files by level. */
export type Selections = Readonly<Record<TrustLevel, TrustedSelection>> & {
  readonly traced?: TrustedSelection;
};

/** The image's data of the C library, to be seen where Gramine's C library looks for it. */
export interface LibraryDataMount {
  readonly kind: LibraryDataKind;
  /** The place that is compiled into Gramine's. */
  readonly path: ImagePath;
  /** What the image's own C library has compiled in: a directory by its real path, a file as it is named there. */
  readonly target: ImagePath;
}
