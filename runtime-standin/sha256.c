#include "sha256.h"
#include "sha256-block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024 };

/* The last bytes, the bit 1, zeros, and the length in bits (FIPS 180-4, 5.1.1). */
static void add_end(uint32_t state[8], const unsigned char *rest, size_t rest_bytes, uint64_t total_bytes) {
    unsigned char end[2 * BLOCK_BYTES] = {0};
    size_t end_bytes = rest_bytes < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    memcpy(end, rest, rest_bytes);
    end[rest_bytes] = 0x80;
    for (int i = 0; i < 8; i++)
        end[end_bytes - 1 - (size_t)i] = (unsigned char)(total_bytes * 8 >> (8 * i));
    for (size_t at = 0; at < end_bytes; at += BLOCK_BYTES)
        add_block(state, end + at);
}

/* Fills the buffer as far as the file goes; -1 and errno on failure. */
static ssize_t read_piece(int file, unsigned char *buffer) {
    size_t filled = 0;
    while (filled < PIECE_BYTES) {
        ssize_t count = read(file, buffer + filled, PIECE_BYTES - filled);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        filled += (size_t)count;
    }
    return (ssize_t)filled;
}

int sha256_of_file(const char *path, char hex[SHA256_HEX_DIGITS + 1]) {
    static unsigned char buffer[PIECE_BYTES];
    uint32_t state[8];
    uint64_t total_bytes = 0;
    ssize_t count;
    memcpy(state, initial_state, sizeof(state));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    do {
        count = read_piece(file, buffer);
        if (count < 0) {
            int error = errno;
            close(file);
            return error;
        }
        total_bytes += (uint64_t)count;
        for (ssize_t at = 0; at + BLOCK_BYTES <= count; at += BLOCK_BYTES)
            add_block(state, buffer + at);
    } while (count == PIECE_BYTES);
    close(file);
    add_end(state, buffer + count - count % BLOCK_BYTES, (size_t)(count % BLOCK_BYTES), total_bytes);
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", state[i]);
    return 0;
}

void sha256_of_bytes(const unsigned char *bytes, size_t size_bytes, unsigned char hash[32]) {
    uint32_t state[8];
    size_t whole = size_bytes - size_bytes % BLOCK_BYTES;
    memcpy(state, initial_state, sizeof(state));
    for (size_t at = 0; at < whole; at += BLOCK_BYTES)
        add_block(state, bytes + at);
    add_end(state, bytes + whole, size_bytes - whole, size_bytes);
    for (int i = 0; i < 32; i++)
        hash[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}
