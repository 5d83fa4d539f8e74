import type { Digest } from '../base/digest.ts';

/** Names one blob by its content. OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  /** Where else the blob is available (foreign layers). */
  readonly urls?: readonly string[];
}

/** OCI image-spec, image-index.md. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** The only platform that has SGX. */
export const sgxPlatform: Platform = { os: 'linux', architecture: 'amd64' };

/** Other names of an architecture that people write. containerd, platforms/database.go. */
const architectureNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
};

/** The platform in the words of Go, as images should have it: `Linux/x86_64` is `linux/amd64`, and so is `linux/amd64/v1`. */
export function normalPlatform({ os, architecture, variant }: Platform): Platform {
  const word = architecture.toLowerCase();
  const normal = { os: os.toLowerCase(), architecture: architectureNames[word] ?? word };
  const level = variant?.toLowerCase();
  const isPlain = !level || (normal.architecture === 'amd64' && level === 'v1');
  return isPlain ? normal : { ...normal, variant: level };
}

/** `linux/amd64`, `linux/arm/v7`. */
export function showPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
