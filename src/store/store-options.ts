import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import type { Platform } from '../image/descriptor.ts';
import type { RegistryChoices } from './connections.ts';
import type { ExportOptions } from './engine/image-export.ts';
import type { ImageRecordStore } from './engine/image-record.ts';
import type { LayerStore } from './kept-layers.ts';
import type { OpenedImage } from './opened-image.ts';

/** What a store for a result gets. */
export interface WriterOptions {
  readonly force: boolean;
  /** Images that the result shares layers with: what their store has already is not sent. */
  readonly sharedWith: readonly OpenedImage[];
}

/** What the user says about places of images. */
export interface StoreChoices extends RegistryChoices {
  /** Of an image for several platforms; plain amd64 by default. */
  readonly platform?: Platform;
}

/** What the caller is about to do with an image. */
export interface OpenOptions {
  /**
   * Its layers are listed and not read, as far as is known: an Engine's export is then not kept on disk while it is listed. A layer that is
   * read all the same exports the image again. False by default.
   */
  readonly isListed?: boolean;
}

export interface StoreSurroundings {
  readonly host: HostEnvironment;
  readonly reporter: Reporter;
  /** What Engines told before; without it every image of an Engine is exported. */
  readonly records: ImageRecordStore | undefined;
  /** Layers that gsc has added; without it they are read where they are stored. */
  readonly layers?: LayerStore | undefined;
  readonly listen?: ExportOptions['listen'];
}
