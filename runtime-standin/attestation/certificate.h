/* RA-TLS certificates as Gramine 1.9 makes them, with quotes from /dev/attestation. */
#ifndef STANDIN_CERTIFICATE_H
#define STANDIN_CERTIFICATE_H

#include <mbedtls/pk.h>
#include <stddef.h>

/* Makes a key on P-384 and a certificate that signs itself, in DER. Gives what failed, or NULL. */
const char *make_certificate(mbedtls_pk_context *key, unsigned char **der, size_t *der_bytes);

/* Random bytes of the kernel, in the form that Mbed TLS asks for. */
int random_bytes(void *unused, unsigned char *buffer, size_t size_bytes);

#endif
