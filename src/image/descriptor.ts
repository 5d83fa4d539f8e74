import type { Digest } from '../base/digest.ts';

/** Names one blob by its content. OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  /** Where else the blob may be had (foreign layers). */
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

/** `linux/amd64`, `linux/arm/v7`. */
export function showPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
