/** Something that holds an SGX signing key: RSA with 3072 bits and exponent 3. */
export interface Signer {
  /** Where the key is. */
  readonly kind: 'pem' | 'pkcs11' | 'external' | 'detached';
  /** What errors call it: a file, a token, a program. Never a secret. */
  readonly subject: string;
  /** The public modulus: 384 bytes, big-endian. */
  readonly modulus: Buffer;
  /** The RSASSA-PKCS1-v1_5 signature with SHA-256 of `message`: 384 bytes, big-endian. */
  sign(message: Buffer): Promise<Buffer>;
}
