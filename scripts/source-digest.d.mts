/** What the sources of gsc are, as 16 hex digits. */
export function sourceDigest(): string;
export declare const bundlingScripts: readonly string[];
