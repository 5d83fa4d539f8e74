import { patchMark, shaExtensions } from '../../patch-marks.ts';
import type { SourcePatch } from './source-patch.ts';

/**
 * Why: every trusted file is hashed when it is opened, as a whole and by its chunks, and what is mapped or read of it is hashed
 * again. Gramine does that with the portable C of Mbed TLS, at 100 to 150 MB/s: Node and its libraries took 1.7 s of a start,
 * Java's 2.8 s, where the processor's SHA instructions need a tenth of it.
 *
 * How: blocks of an update of a page or more go to these instructions if CPUID has them, the rest to Mbed TLS as before; the
 * context stays the one of Mbed TLS, so that both can take turns. In an enclave CPUID raises an exception that Gramine answers
 * from the host; a host that lies about it can make the program crash or be slow, which it can do anyway.
 *
 * Where: library OS and SGX PAL compile the one file. The library OS hashes from Gramine 1.8 on, the SGX PAL before. The
 * function is the same in all releases; Mbed TLS 2, which Gramine 1.0 to 1.2 have, names the members of a context without a macro.
 */
export const shaExtensionsPatch: SourcePatch = {
  name: shaExtensions,
  fileName: `${shaExtensions}.c`,
  content: Buffer.from(`/*
 * sha-extensions: SHA-256 by the processor's own instructions, where it has them. The library OS hashes each trusted file
 * twice when it is opened and again what is mapped; in portable C that takes most of a start.
 */
//@ file common/src/crypto/adapters/mbedtls_adapter.c
//@ fits 107e40d9791ff6b9941744f8d515dd39924a261551712155728ab828573df8dc Gramine 1.0
//@ fits 71c3a50a95f3cb1d26d4982cd58a42d4a64f5c4bf2019c36ef14cb067124576b Gramine 1.1
//@ fits c0c728be53d7571e3464ebd901c821e15d8501ce98b9498c5e07034bbea6875c Gramine 1.2
//@ fits d5d905cf00689595b10e2c4e2dca8794761fd01ed03c01e2f4a73f3b0514b90c Gramine 1.3
//@ fits 9c7a06810b087e81571184c2bde466708107956def8088d55294ce693accdb33 Gramine 1.4
//@ fits 403d96ec9d49212b0c973ca4b45b70e2a5e5bc51db84f607b744f3c9d8676973 Gramine 1.5 to 1.7
//@ fits 8c5af50f31674e76a8ee710f6ca3bc2e0e966b32d45d78cea80edeca7af9ff2a Gramine 1.8 to master
//@ fits 3195169f527773132c1d64a022947fa9d6151241ef9a77991ee3cb16066e55ad gsc's stand-in runtime

//@ function lib_SHA256Update
#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member
#endif

typedef uint32_t sha_words __attribute__((vector_size(16)));

static const sha_words sha_constants[16] = {
    {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5}, {0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5},
    {0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3}, {0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174},
    {0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc}, {0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da},
    {0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7}, {0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967},
    {0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13}, {0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85},
    {0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3}, {0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070},
    {0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5}, {0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3},
    {0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208}, {0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2},
};

/* In an enclave CPUID is answered by the runtime, at a price: ask once. */
static bool has_sha_extensions(void) {
    static int answer; /* 0: not asked yet, 1: no, 2: yes */
    if (answer == 0) {
        uint32_t a = 0, b = 0, c = 0, d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        bool has = a >= 7;
        a = 1;
        c = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        has = has && (c >> 9 & 1);
        a = 7;
        c = 0;
        if (has)
            __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        answer = has && (b >> 29 & 1) ? 2 : 1;
    }
    return answer == 2;
}

static void sha_blocks(uint32_t state[8], const uint8_t* data, size_t count) {
    static const char mark[] __attribute__((used)) = "${patchMark(shaExtensions)}";
    const sha_words big_endian = {0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f};
    sha_words abef = {state[5], state[4], state[1], state[0]};
    sha_words cdgh = {state[7], state[6], state[3], state[2]};
    for (; count > 0; count--, data += 64) {
        sha_words abef_before = abef, cdgh_before = cdgh, schedule[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            sha_words* words = &schedule[i & 3];
            if (i < 4) {
                memcpy(words, data + 16 * i, sizeof(*words));
                __asm__("pshufb %1, %0" : "+x"(*words) : "x"(big_endian));
            } else {
                sha_words middle = schedule[(i + 3) & 3];
                __asm__("palignr $4, %1, %0" : "+x"(middle) : "x"(schedule[(i + 2) & 3]));
                __asm__("sha256msg1 %1, %0" : "+x"(*words) : "x"(schedule[(i + 1) & 3]));
                *words += middle;
                __asm__("sha256msg2 %1, %0" : "+x"(*words) : "x"(schedule[(i + 3) & 3]));
            }
            sha_words sum = *words + sha_constants[i], high;
            __asm__("pshufd $0x0e, %1, %0" : "=x"(high) : "x"(sum));
            __asm__("sha256rnds2 %%xmm0, %1, %0" : "+x"(cdgh) : "x"(abef), "Yz"(sum));
            __asm__("sha256rnds2 %%xmm0, %1, %0" : "+x"(abef) : "x"(cdgh), "Yz"(high));
        }
        abef += abef_before;
        cdgh += cdgh_before;
    }
    state[0] = abef[3], state[1] = abef[2], state[4] = abef[1], state[5] = abef[0];
    state[2] = cdgh[3], state[3] = cdgh[2], state[6] = cdgh[1], state[7] = cdgh[0];
}

int lib_SHA256Update(LIB_SHA256_CONTEXT* context, const uint8_t* data, size_t data_size) {
    if (data_size > UINT32_MAX)
        return PAL_ERROR_INVAL;
    if (data_size >= 4096 && has_sha_extensions()) {
        size_t until_full = -(size_t)context->MBEDTLS_PRIVATE(total)[0] & 63;
        mbedtls_sha256_update(context, data, until_full);
        data += until_full;
        data_size -= until_full;
        uint32_t hashed = data_size & ~(size_t)63;
        sha_blocks(context->MBEDTLS_PRIVATE(state), data, hashed / 64);
        data += hashed;
        data_size -= hashed;
        uint32_t* total = context->MBEDTLS_PRIVATE(total);
        total[0] += hashed;
        total[1] += total[0] < hashed;
    }
    mbedtls_sha256_update(context, data, data_size);
    return 0;
}
`),
};
