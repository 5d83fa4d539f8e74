import type { StoredArtifact } from './artifact.ts';

/** An artifact that was found by its tag. Nothing in it is to be believed before it is checked. */
export interface TaggedArtifact {
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** Digest and size of the content, as the manifest says them. */
  readonly content: { readonly digest: string; readonly sizeBytes: number };
  /** The content, which has that digest and size. */
  read(): Promise<Buffer>;
}

/** Artifacts by tag, in one repository or layout. Every method throws a `GscError`. */
export interface TaggedArtifacts {
  /** For messages. */
  readonly name: string;
  /** Undefined if there is no such tag, or no such place yet. Throws an `image` error for what is not an artifact with one layer. */
  find(tag: string): Promise<TaggedArtifact | undefined>;
  /** Stores an artifact, all of it before its tag; another one of that tag is replaced. */
  put(tag: string, artifact: StoredArtifact): Promise<void>;
}
