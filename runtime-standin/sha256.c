#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64, PIECE_BYTES = 256 * 1024 };

/* FIPS 180-4, 4.2.2 and 5.3.3: fractional parts of the cube and square roots of the first primes. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static uint32_t rotated(uint32_t word, int bits) {
    return word >> bits | word << (32 - bits);
}

static void add_block(uint32_t state[8], const unsigned char *block) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
        uint32_t s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

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
