/** What a signer may show, log or decide by; MRENCLAVE, date and attributes are in the message. */
export interface SigningFacts {
  /** What the signed image is to be called; not there where a manifest is signed. */
  readonly image?: string;
}

/** Something that holds an SGX signing key: RSA with 3072 bits and exponent 3. */
export interface Signer {
  /** Where the key is. */
  readonly kind: 'pem' | 'pkcs11' | 'external' | 'detached';
  /** What errors call it: a file, a token, a program. Never a secret. */
  readonly subject: string;
  /**
   * The public modulus: 384 bytes, big-endian. Read it after `sign`: an external program names its key with its signature,
   * and throws a `key` error before that.
   */
  readonly modulus: Buffer;
  /** The key says that it is for tests: it may sign debug enclaves. */
  readonly isForTests?: boolean;
  /** The RSASSA-PKCS1-v1_5 signature with SHA-256 of `message` (see `describeSignedBytes`): 384 bytes, big-endian. */
  sign(message: Buffer, facts?: SigningFacts): Promise<Buffer>;
  /** Gives back what the signer holds open: a session with a token. */
  close?(): Promise<void>;
}
