/* A stand-in for Gramine's SGX loader: looks at the files that the real one opens and ends as it does on a machine
 * without SGX. It never makes an enclave. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"

/* libprotobuf-c; the real loader needs the library to talk to the attestation service. */
const char *protobuf_c_version(void);

/* What Gramine's loader ends with when there is no /dev/sgx_enclave. */
enum { EXIT_NO_ENCLAVE = 254 };

/* SIGSTRUCT: Intel SDM vol. 3D, 38.13. */
enum { SIGSTRUCT_BYTES = 1808, EXPONENT_OFFSET = 512, ENCLAVE_HASH_OFFSET = 960, ENCLAVE_HASH_BYTES = 32 };

struct constant {
    const char *name;
    size_t offset;
    size_t size_bytes;
    const char *value;
};

static const struct constant constants[] = {
    {"HEADER", 0, 16, "\x06\0\0\0\xe1\0\0\0\0\0\x01\0\0\0\0\0"},
    {"HEADER2", 24, 16, "\x01\x01\0\0\x60\0\0\0\x60\0\0\0\x01\0\0\0"},
    {"EXPONENT", EXPONENT_OFFSET, 4, "\x03\0\0\0"},
};

static bool is_zero(const char *bytes, size_t count) {
    while (count > 0 && bytes[count - 1] == 0)
        count--;
    return count == 0;
}

static const char *read_sigstruct(const char *path) {
    size_t size_bytes;
    const char *sigstruct = read_whole_file(path, "SIGSTRUCT", &size_bytes);
    if (size_bytes != SIGSTRUCT_BYTES)
        fail("%s: expected a SIGSTRUCT of %d bytes, got %zu", path, SIGSTRUCT_BYTES, size_bytes);
    for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++)
        if (memcmp(sigstruct + constants[i].offset, constants[i].value, constants[i].size_bytes) != 0)
            fail("%s: not a SIGSTRUCT: %s has another value", path, constants[i].name);
    if (is_zero(sigstruct + ENCLAVE_HASH_OFFSET, ENCLAVE_HASH_BYTES))
        fail("%s: the ENCLAVEHASH is empty", path);
    return sigstruct;
}

static void show_measurement(const char *sigstruct) {
    char hex[2 * ENCLAVE_HASH_BYTES + 1];
    for (int i = 0; i < ENCLAVE_HASH_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)sigstruct[ENCLAVE_HASH_OFFSET + i]);
    report("the enclave would have the MRENCLAVE %s (libprotobuf-c %s)", hex, protobuf_c_version());
}

int main(int argc, char **argv) {
    size_t size_bytes;
    char magic[4];
    if (argc < 4 || strcmp(argv[2], "init") != 0)
        fail("usage: loader LIBPAL init APPLICATION [ARGUMENT...]");
    if (*argv[1] != '/' || read_at(argv[1], 0, magic, sizeof(magic)) != sizeof(magic) || memcmp(magic, "\x7f" "ELF", 4))
        fail("%s: expected the absolute path of libpal.so", argv[1]);
    const char *manifest = read_whole_file(joined(argv[3], ".manifest.sgx"), "manifest", &size_bytes);
    if (size_bytes == 0 || strlen(manifest) != size_bytes)
        fail("%s.manifest.sgx: the manifest is empty or holds a NUL byte", argv[3]);
    show_measurement(read_sigstruct(joined(argv[3], ".sig")));
    if (access("/dev/sgx_enclave", F_OK) < 0)
        report("Cannot open /dev/sgx_enclave: this machine or container has no SGX");
    else
        report("/dev/sgx_enclave is there, but a stand-in makes no enclave: use a real Gramine runtime");
    return EXIT_NO_ENCLAVE;
}
