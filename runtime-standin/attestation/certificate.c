#include "certificate.h"

#include <fcntl.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { HASH_BYTES = 32, REPORT_DATA_BYTES = 64, QUOTE_MAX_BYTES = 8192, CERTIFICATE_MAX_BYTES = 32768 };

/* 1.2.840.113741.1337.6 with tag and length in front, as Gramine has it. */
static const char legacy_oid[] = "\x06\x09\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06";
/* 2.23.133.5.4.9, tagged evidence of TCG DICE. */
static const char evidence_oid[] = "\x67\x81\x05\x05\x04\x09";

int random_bytes(void *unused, unsigned char *buffer, size_t size_bytes) {
    (void)unused;
    for (size_t filled = 0; filled < size_bytes;) {
        ssize_t count = getrandom(buffer + filled, size_bytes - filled, 0);
        if (count < 0)
            return -1;
        filled += (size_t)count;
    }
    return 0;
}

static int sha256(const unsigned char *bytes, size_t size_bytes, unsigned char *hash) {
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), bytes, size_bytes, hash);
}

/* The size of a quote whose report data are the hash of something; 0 if there is none. */
static size_t quote_over(const unsigned char *bytes, size_t size_bytes, unsigned char *quote) {
    unsigned char report_data[REPORT_DATA_BYTES] = {0};
    size_t filled = 0;
    ssize_t count;
    if (sha256(bytes, size_bytes, report_data))
        return 0;
    int file = open("/dev/attestation/user_report_data", O_WRONLY | O_CLOEXEC);
    int is_written = file >= 0 && write(file, report_data, sizeof(report_data)) == sizeof(report_data);
    close(file);
    file = is_written ? open("/dev/attestation/quote", O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    while ((count = read(file, quote + filled, QUOTE_MAX_BYTES - filled)) > 0)
        filled += (size_t)count;
    close(file);
    return filled;
}

/* CBOR: 60000([bytes quote, bytes {"pubkey-hash": bytes [1, bytes hash]}]). Gives its size, or 0. */
static size_t make_evidence(const unsigned char *public_key, size_t key_bytes, unsigned char *evidence) {
    static const char claims_head[] = "\xa1\x6bpubkey-hash\x58\x24\x82\x01\x58\x20";
    unsigned char claims[sizeof(claims_head) - 1 + HASH_BYTES];
    memcpy(claims, claims_head, sizeof(claims_head) - 1);
    if (sha256(public_key, key_bytes, claims + sizeof(claims_head) - 1))
        return 0;
    unsigned char *at = evidence + 7;
    size_t quote_bytes = quote_over(claims, sizeof(claims), at);
    if (quote_bytes == 0)
        return 0;
    memcpy(evidence, "\xd9\xea\x60\x82\x59", 5);
    evidence[5] = (unsigned char)(quote_bytes >> 8);
    evidence[6] = (unsigned char)quote_bytes;
    at += quote_bytes;
    *at++ = 0x58;
    *at++ = sizeof(claims);
    memcpy(at, claims, sizeof(claims));
    return (size_t)(at - evidence) + sizeof(claims);
}

static const char *add_evidence(mbedtls_x509write_cert *certificate, mbedtls_pk_context *key) {
    unsigned char public_key[256], quote[QUOTE_MAX_BYTES], evidence[QUOTE_MAX_BYTES + 128];
    int key_bytes = mbedtls_pk_write_pubkey_der(key, public_key, sizeof(public_key));
    if (key_bytes < 0)
        return "the public key cannot be written";
    const unsigned char *start = public_key + sizeof(public_key) - key_bytes;
    size_t quote_bytes = quote_over(start, (size_t)key_bytes, quote);
    size_t evidence_bytes = make_evidence(start, (size_t)key_bytes, evidence);
    if (quote_bytes == 0 || evidence_bytes == 0)
        return "there is no quote in /dev/attestation";
    if (mbedtls_x509write_crt_set_extension(certificate, legacy_oid, sizeof(legacy_oid) - 1, 0, quote, quote_bytes) ||
        mbedtls_x509write_crt_set_extension(certificate, evidence_oid, sizeof(evidence_oid) - 1, 0, evidence,
                                            evidence_bytes))
        return "an extension is not accepted";
    return NULL;
}

static const char *write_certificate(mbedtls_pk_context *key, mbedtls_x509write_cert *certificate,
                                     unsigned char **der, size_t *der_bytes) {
    static const char name[] = "CN=RATLS,O=GramineDevelopers,C=US";
    mbedtls_mpi serial;
    mbedtls_mpi_init(&serial);
    mbedtls_x509write_crt_set_md_alg(certificate, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(certificate, key);
    mbedtls_x509write_crt_set_issuer_key(certificate, key);
    if (mbedtls_mpi_lset(&serial, 1) || mbedtls_x509write_crt_set_serial(certificate, &serial) ||
        mbedtls_x509write_crt_set_subject_name(certificate, name) ||
        mbedtls_x509write_crt_set_issuer_name(certificate, name) ||
        mbedtls_x509write_crt_set_validity(certificate, "20010101000000", "20301231235959") ||
        mbedtls_x509write_crt_set_basic_constraints(certificate, 0, -1))
        return "a field of the certificate is not accepted";
    mbedtls_mpi_free(&serial);
    const char *problem = add_evidence(certificate, key);
    if (problem)
        return problem;
    unsigned char *buffer = malloc(CERTIFICATE_MAX_BYTES);
    int size_bytes =
        buffer ? mbedtls_x509write_crt_der(certificate, buffer, CERTIFICATE_MAX_BYTES, random_bytes, NULL) : -1;
    if (size_bytes < 0)
        return "the certificate cannot be written";
    /* It stands at the end of the buffer. */
    memmove(buffer, buffer + CERTIFICATE_MAX_BYTES - size_bytes, (size_t)size_bytes);
    *der = buffer;
    *der_bytes = (size_t)size_bytes;
    return NULL;
}

const char *make_certificate(mbedtls_pk_context *key, unsigned char **der, size_t *der_bytes) {
    mbedtls_x509write_cert certificate;
    if (mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP384R1, mbedtls_pk_ec(*key), random_bytes, NULL))
        return "a key cannot be made";
    mbedtls_x509write_crt_init(&certificate);
    const char *problem = write_certificate(key, &certificate, der, der_bytes);
    mbedtls_x509write_crt_free(&certificate);
    return problem;
}
