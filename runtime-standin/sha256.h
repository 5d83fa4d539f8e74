/* SHA-256 of files (FIPS 180-4). */
#ifndef STANDIN_SHA256_H
#define STANDIN_SHA256_H

#include <stddef.h>

enum { SHA256_HEX_DIGITS = 64 };

/* Writes 64 lower-case hex digits and a NUL. Returns 0, or the errno of what failed. */
int sha256_of_file(const char *path, char hex[SHA256_HEX_DIGITS + 1]);

/* The hash of bytes in memory. */
void sha256_of_bytes(const unsigned char *bytes, size_t size_bytes, unsigned char hash[32]);

#endif
