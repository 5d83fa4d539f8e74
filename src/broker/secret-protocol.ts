/** What Gramine's client sends first, with its NUL (Gramine 1.9, tools/sgx/ra-tls/secret_prov.h). */
export const secretRequest = Buffer.from('SECRET_PROVISION_RA_TLS_REQUEST_V1\0');

/** What stands before a secret: this with its NUL, then the secret's size as u32, big-endian. */
const responsePrefix = Buffer.from('SECRET_PROVISION_RA_TLS_RESPONSE_V1:\0');

/** After the first secret a client may ask for others: this, the name, a NUL. Gramine leaves what follows to both sides. */
export const namedRequestPrefix = 'GSC_SECRET_REQUEST_V1:';

/** A longer name is not one of ours. */
export const mostNameBytes = 256;

/** A secret as it goes over the wire. */
export function encodeSecret(secret: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(secret.length);
  return Buffer.concat([responsePrefix, size, secret]);
}
