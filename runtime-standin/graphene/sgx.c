/* A stand-in for Graphene's `pal-Linux-SGX`: looks at the files that the real one opens, manifest, SIGSTRUCT and launch token,
 * and ends as on a machine without the drivers. It never makes an enclave. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"
#include "keys.h"

/* libprotobuf-c; the real loader needs the library to talk to AESM. */
const char *protobuf_c_version(void);

enum { EXIT_NO_ENCLAVE = 254, SIGSTRUCT_BYTES = 1808, TOKEN_BYTES = 304, HASH_OFFSET = 960, HASH_BYTES = 32 };

/* Keys that tell releases apart: the real loader of each reads them. */
static const char *const own_keys[] = {
#if GRAPHENE_RELEASE >= 12
    "sgx.nonpie_binary",
#else
    "sgx.static_address",
#endif
#if GRAPHENE_RELEASE == 11
    "sgx.zero_heap_on_demand",
#endif
};

static const char *read_sized(const char *path, const char *what, size_t wanted) {
    size_t size_bytes;
    const char *content = read_whole_file(path, what, &size_bytes);
    if (size_bytes != wanted)
        fail("%s: expected a %s of %zu bytes, got %zu", path, what, wanted, size_bytes);
    return content;
}

static void show_measurement(const char *sigstruct, const char *token_path) {
    char hex[2 * HASH_BYTES + 1];
    for (int i = 0; i < HASH_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)sigstruct[HASH_OFFSET + i]);
    const char *token = read_sized(token_path, "launch token", TOKEN_BYTES);
    /* The attributes of the SIGSTRUCT, at 928 there, go into the token, at 48. */
    if (memcmp(token + 48, sigstruct + 928, 8) != 0)
        fail("%s: the token is not of this SIGSTRUCT: its flags differ", token_path);
    report("the enclave would have the MRENCLAVE %s (libprotobuf-c %s)", hex, protobuf_c_version());
}

#if GRAPHENE_RELEASE >= 12

int main(int argc, char **argv) {
    if (argc < 4 || *argv[1] != '/' || strcmp(argv[2], "init") != 0)
        fail("usage: pal-Linux-SGX LIBPAL init APPLICATION [ARGUMENT...]");
    const struct keys keys = read_keys(joined(argv[3], ".manifest.sgx"));
    const char *stem = argv[3];
#else

static const char *without(const char *path, const char *end) {
    size_t length = strlen(path), cut = strlen(end);
    if (length < cut || strcmp(path + length - cut, end) != 0)
        fail("%s: expected a name that ends in %s", path, end);
    char *stem = joined(path, "");
    stem[length - cut] = '\0';
    return stem;
}

int main(int argc, char **argv) {
    if (argc < 3 || strcmp(argv[1], "init") != 0)
        fail("usage: pal-Linux-SGX init MANIFEST [ARGUMENT...]");
    if (strchr(argv[2], '/'))
        fail("%s: the manifest is looked for by its base name in the current directory", argv[2]);
    without(argv[2], ".manifest.sgx");
    const struct keys keys = read_keys(argv[2]);
    const char *sigfile = key_value(&keys, "sgx.sigfile");
    const char *exec = key_value(&keys, "loader.exec");
    if (!sigfile)
        fail("%s: 'sgx.sigfile' must be specified in manifest", argv[2]);
    const char *stem = without(path_of_key("sgx.sigfile", sigfile), ".sig");
    if (exec)
        demand_checksum(&keys, "exec", path_of_key("loader.exec", exec));
#endif
    for (size_t i = 0; i < sizeof(own_keys) / sizeof(*own_keys); i++)
        report("%s is %s", own_keys[i], key_value(&keys, own_keys[i]) ? key_value(&keys, own_keys[i]) : "not set");
    for (size_t i = 0; i < keys.count; i++)
        if (key_below(&keys, i, "sgx.trusted_mrenclave."))
            report("child %s", keys.values[i]);
    show_measurement(read_sized(joined(stem, ".sig"), "SIGSTRUCT", SIGSTRUCT_BYTES), joined(stem, ".token"));
    report("%s", access("/dev/isgx", F_OK) < 0 ? "Cannot open device /dev/isgx"
                                              : "/dev/isgx is there, but a stand-in makes no enclave");
    return EXIT_NO_ENCLAVE;
}
