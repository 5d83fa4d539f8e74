/* Holds SHA-256 with the processor's instructions against portable C: the update of the stand-in's file, STOCK as it is and
 * PATCHED as the patch sha-extensions leaves it. Both get the same pieces; after each one the contexts must be equal.
 * hashes.c ROUNDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define lib_SHA256Update stock_update
#define mbedtls_sha256_update stock_portable_update
#define LIB_SHA256_CONTEXT stock_context
#include STOCK
#undef lib_SHA256Update
#undef mbedtls_sha256_update
#undef LIB_SHA256_CONTEXT
#undef PAL_ERROR_INVAL
#include PATCHED

static uint64_t seed = 1;

static size_t drawn(size_t limit) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % limit;
}

static void check(const stock_context *stock, const LIB_SHA256_CONTEXT *patched, size_t size_bytes) {
    int used = (int)(stock->total[0] % BLOCK_BYTES);
    if (memcmp(stock->total, patched->total, sizeof(stock->total)) == 0 &&
        memcmp(stock->state, patched->state, sizeof(stock->state)) == 0 &&
        memcmp(stock->buffer, patched->buffer, (size_t)used) == 0)
        return;
    printf("they differ after %zu bytes\n", size_bytes);
    exit(1);
}

static void fill(uint8_t *data, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++)
        data[i] = (uint8_t)drawn(256);
}

int main(int count, char **arguments) {
    enum { LIMIT_BYTES = 20000 };
    int rounds = count > 1 ? atoi(arguments[1]) : 1;
    for (int round = 0; round < rounds; round++) {
        /* The length also begins where its low word overflows. */
        stock_context stock = {.state = {1, 2, 3, 4, 5, 6, 7, 8}, .total = {round % 3 ? 0 : UINT32_MAX - 8191, 0}};
        fill(stock.buffer, BLOCK_BYTES);
        LIB_SHA256_CONTEXT patched;
        memcpy(&patched, &stock, sizeof(stock));
        for (int piece = 0; piece < 4; piece++) {
            size_t size_bytes = drawn(4) ? drawn(LIMIT_BYTES) : 4096 + drawn(130) - 65;
            /* Of its exact size, so that a read beyond it shows; at an odd place too. */
            size_t shift = drawn(16);
            uint8_t *data = malloc(shift + size_bytes + 1);
            if (!data)
                return 3;
            fill(data, shift + size_bytes);
            uint8_t *exact = realloc(data, shift + size_bytes + (shift + size_bytes == 0));
            if (!exact)
                return 3;
            if (stock_update(&stock, exact + shift, size_bytes) != lib_SHA256Update(&patched, exact + shift, size_bytes))
                return 4;
            check(&stock, &patched, size_bytes);
            free(exact);
        }
    }
    if (lib_SHA256Update(&(LIB_SHA256_CONTEXT){0}, NULL, (size_t)UINT32_MAX + 1) != PAL_ERROR_INVAL)
        return 5;
    puts(has_sha_extensions() ? "with SHA extensions" : "without SHA extensions");
    return 0;
}
