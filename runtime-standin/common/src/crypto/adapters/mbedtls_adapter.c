/* Stands for Gramine's hashing with Mbed TLS: an update that takes all its bytes through portable C, which is what the patch
 * sha-extensions finds there. Nothing of the stand-in hashes with it; it is compiled in so that a patched build can be told
 * from another one. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../../sha256-block.h"

#if __STDC_HOSTED__
#include <string.h>
#else
/* Code that no system starts has no C library. */
static void *memcpy(void *to, const void *from, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
#endif

#define PAL_ERROR_INVAL (-4)

typedef struct {
    uint32_t total[2];
    uint32_t state[8];
    unsigned char buffer[BLOCK_BYTES];
} LIB_SHA256_CONTEXT;

int lib_SHA256Update(LIB_SHA256_CONTEXT *context, const uint8_t *data, size_t data_size);

static void mbedtls_sha256_update(LIB_SHA256_CONTEXT *context, const uint8_t *data, size_t data_size) {
    for (; data_size > 0; data++, data_size--) {
        context->buffer[context->total[0] % BLOCK_BYTES] = *data;
        context->total[0]++;
        context->total[1] += context->total[0] == 0;
        if (context->total[0] % BLOCK_BYTES == 0)
            add_block(context->state, context->buffer);
    }
}

/* Returns 0, or PAL_ERROR_INVAL for 4 GiB and more. */
int lib_SHA256Update(LIB_SHA256_CONTEXT *context, const uint8_t *data, size_t data_size) {
    if (data_size > UINT32_MAX)
        return PAL_ERROR_INVAL;
    mbedtls_sha256_update(context, data, data_size);
    return 0;
}
