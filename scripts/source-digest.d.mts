/** What the sources of gsc are, as 16 hex digits. */
export function sourceDigest(): string;
