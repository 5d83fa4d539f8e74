import { GscError } from '../base/error.ts';
import { baseNameOf, childOf, type ImagePath, imagePath, parentOf, showBytes } from '../base/image-path.ts';
import type { TarEntry } from '../tar/tar-entry.ts';
import type { FileFacts, LayerEntry, Ownership } from '../tree/entry.ts';

/**
 * OCI image-spec, layer.md, "Whiteouts". What AUFS kept for itself and old layers may hold (`.wh..wh.plnk`) is no other thing to
 * Docker, Podman, containerd and umoci: an entry of such a name removes `.wh.plnk`, and what is below one is there, as a
 * target of hard links for example.
 */
const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';
/** A tar entry as a layer means it: a file whose facts come with its content, or any other entry. */
export type EntryMeaning =
  | { readonly kind: 'file'; readonly path: ImagePath; readonly ownership: Ownership }
  | { readonly kind: 'entry'; readonly entry: LayerEntry };

/** Names are cleaned (`./`, `..`, repeated slashes); what climbs above the root stops there. */
export function classifyTarEntry(entry: TarEntry, subject: string): EntryMeaning {
  const path = imagePath(entry.name);
  const marker = markerOf(path, subject);
  if (marker) return marker;
  const ownership: Ownership = { mode: entry.mode, uid: entry.uid, gid: entry.gid };
  switch (entry.type) {
    case 'file':
      return { kind: 'file', path, ownership };
    case 'directory':
      return { kind: 'entry', entry: { kind: 'directory', path, ...ownership } };
    case 'symlink':
      return { kind: 'entry', entry: { kind: 'symlink', path, ...ownership, target: entry.linkName } };
    case 'hardlink':
      return { kind: 'entry', entry: { kind: 'hardlink', path, target: imagePath(entry.linkName) } };
    case 'fifo':
    case 'character-device':
    case 'block-device':
      return { kind: 'entry', entry: { kind: 'special', path, ...ownership, type: entry.type } };
  }
}

/** The layer's entry for a file once its content has been seen. */
export function fileEntry(path: ImagePath, ownership: Ownership, facts: FileFacts): LayerEntry {
  const { mode, uid, gid } = ownership;
  const { sizeBytes, sha256, program, content } = facts;
  return {
    kind: 'file',
    path,
    mode,
    uid,
    gid,
    sizeBytes,
    sha256,
    ...(program && { program }),
    ...(content && { content }),
  };
}

function markerOf(path: ImagePath, subject: string): EntryMeaning | undefined {
  const name = baseNameOf(path);
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  const parent = parentOf(path);
  if (name === opaqueName) return { kind: 'entry', entry: { kind: 'opaque', path: parent } };
  const removed = name.slice(whiteoutPrefix.length);
  if (removed === '' || removed === '.' || removed === '..') throw namelessWhiteout(path, subject);
  return { kind: 'entry', entry: { kind: 'whiteout', path: childOf(parent, removed) } };
}

function namelessWhiteout(path: ImagePath, subject: string): GscError {
  return new GscError({
    code: 'tree',
    subject,
    message: `the whiteout ${showBytes(path)} does not name what it removes`,
    hint: 'the layer was made by a faulty program: build the image again',
  });
}
