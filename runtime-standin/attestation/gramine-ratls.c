/* A stand-in for Gramine's program that makes an RA-TLS certificate, writes it with its key, and becomes the application. */
#include <fcntl.h>
#include <mbedtls/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../report.h"
#include "certificate.h"

enum { BUFFER_BYTES = 65536 };

static unsigned char buffer[BUFFER_BYTES];

static void write_file(const char *path, const void *bytes, size_t size_bytes) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    /* As in Gramine, the application starts all the same. */
    if (file < 0 || write(file, bytes, size_bytes) != (ssize_t)size_bytes)
        report("gramine-ratls: %s cannot be written", path);
    close(file);
}

static void write_certificate(const char *path, const unsigned char *der, size_t der_bytes, bool is_pem) {
    size_t pem_bytes;
    if (!is_pem) {
        write_file(path, der, der_bytes);
        return;
    }
    if (mbedtls_pem_write_buffer("-----BEGIN TRUSTED CERTIFICATE-----\n", "-----END TRUSTED CERTIFICATE-----\n", der,
                                 der_bytes, buffer, sizeof(buffer), &pem_bytes))
        fail("gramine-ratls: the certificate is too large");
    write_file(path, buffer, pem_bytes - 1);
}

static void write_key(const char *path, mbedtls_pk_context *key, bool is_pem) {
    int size_bytes = is_pem ? mbedtls_pk_write_key_pem(key, buffer, sizeof(buffer))
                            : mbedtls_pk_write_key_der(key, buffer, sizeof(buffer));
    if (size_bytes < 0)
        fail("gramine-ratls: the key cannot be written");
    if (is_pem)
        write_file(path, buffer, strlen((char *)buffer));
    else
        write_file(path, buffer + sizeof(buffer) - size_bytes, (size_t)size_bytes);
}

int main(int argc, char **argv) {
    bool is_pem = true;
    unsigned char *der;
    size_t der_bytes;
    mbedtls_pk_context key;
    for (int option; (option = getopt(argc, argv, "DP")) != -1;) {
        if (option == '?')
            return 2;
        is_pem = option == 'P';
    }
    if (argc - optind < 2)
        fail("usage: gramine-ratls [-D|-P] CERTIFICATE KEY [COMMAND...]");
    argv += optind;
    mbedtls_pk_init(&key);
    const char *problem = make_certificate(&key, &der, &der_bytes);
    if (problem)
        fail("gramine-ratls: %s", problem);
    write_certificate(argv[0], der, der_bytes, is_pem);
    write_key(argv[1], &key, is_pem);
    if (!argv[2])
        return 0;
    execvp(argv[2], argv + 2);
    fail("gramine-ratls: %s cannot be started", argv[2]);
}
