import type { ByteString, ImagePath } from '../base/image-path.ts';
import type { LibraryDataPlaces } from '../elf/library-data.ts';

/** Owner and permission of an entry: numeric ids and the 12 low mode bits. */
export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What gsc keeps of a regular file besides its name: enough to list, trust and start it without reading it again. */
export interface FileFacts {
  readonly sizeBytes: number;
  /** SHA-256 of the content, 64 hex digits. */
  readonly sha256: string;
  /** The first bytes, where they say how the file starts: a `#!` line (up to 256 bytes) or an ELF's header. */
  readonly program?: ProgramFacts;
  /** The whole content, for the few small files that graminizing reads (`/etc/passwd`, …). */
  readonly content?: Buffer;
}

/** How the kernel would start the file. Paths and words are bytes. */
export type ProgramFacts =
  | { readonly kind: 'script'; readonly interpreter: ByteString; readonly argument?: ByteString }
  | {
      readonly kind: 'elf';
      readonly machine: number;
      readonly interpreter?: ByteString;
      /** The symbol versions that it defines, in its order; known of glibc's own libraries only. */
      readonly definedVersions?: readonly ByteString[];
      /** Where it looks for its data; known of glibc's `libc.so.6` only. */
      readonly libraryData?: LibraryDataPlaces;
    };

/** One thing that a layer says about one path. OCI image-spec, layer.md. */
export type LayerEntry =
  | (Ownership & FileFacts & { readonly kind: 'file'; readonly path: ImagePath })
  | (Ownership & { readonly kind: 'directory'; readonly path: ImagePath })
  | (Ownership & { readonly kind: 'symlink'; readonly path: ImagePath; readonly target: ByteString })
  | { readonly kind: 'hardlink'; readonly path: ImagePath; readonly target: ImagePath }
  | (Ownership & {
      readonly kind: 'special';
      readonly path: ImagePath;
      readonly type: 'fifo' | 'character-device' | 'block-device';
    })
  /** `.wh.NAME`: the lower layers' `path`, with all below it, is gone. */
  | { readonly kind: 'whiteout'; readonly path: ImagePath }
  /** `.wh..wh..opq`: what the lower layers have below the directory `path` is gone. */
  | { readonly kind: 'opaque'; readonly path: ImagePath };
