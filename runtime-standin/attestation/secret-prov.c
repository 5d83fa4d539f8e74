/* A stand-in for Gramine's client library of key brokers: fetches one secret before the program runs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include "../report.h"
#include "certificate.h"

enum { KEY_BYTES = 16, SECRET_MAX_BYTES = 4096 };

static const char request[] = "SECRET_PROVISION_RA_TLS_REQUEST_V1";
static const char response[] = "SECRET_PROVISION_RA_TLS_RESPONSE_V1:";

struct client {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt authorities, certificate;
    mbedtls_pk_context key;
};

/* The first server of the list that can be connected to; gives its name. */
static const char *connect_to(struct client *client, const char *servers) {
    char *rest = joined(servers, ""), *word;
    while ((word = strsep(&rest, ",; "))) {
        char *port = strchr(word, ':');
        if (!port)
            continue;
        *port++ = '\0';
        if (mbedtls_net_connect(&client->net, word, port, MBEDTLS_NET_PROTO_TCP) == 0)
            return word;
    }
    fail("secret provisioning: none of the servers can be connected to: %s", servers);
}

static void read_fully(struct client *client, unsigned char *buffer, size_t size_bytes) {
    for (size_t filled = 0; filled < size_bytes;) {
        int count = mbedtls_ssl_read(&client->ssl, buffer + filled, size_bytes - filled);
        if (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_WANT_WRITE)
            continue;
        if (count <= 0)
            fail("secret provisioning: the server gives no secret");
        filled += (size_t)count;
    }
}

static void shake_hands(struct client *client, const char *name) {
    unsigned char *der;
    size_t der_bytes;
    const char *problem = make_certificate(&client->key, &der, &der_bytes);
    if (problem || mbedtls_x509_crt_parse_der(&client->certificate, der, der_bytes))
        fail("secret provisioning: %s", problem ? problem : "the certificate is not understood");
    mbedtls_ssl_conf_authmode(&client->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&client->config, &client->authorities, NULL);
    mbedtls_ssl_conf_rng(&client->config, random_bytes, NULL);
    if (mbedtls_ssl_conf_own_cert(&client->config, &client->certificate, &client->key) ||
        mbedtls_ssl_setup(&client->ssl, &client->config) || mbedtls_ssl_set_hostname(&client->ssl, name))
        fail("secret provisioning: TLS cannot be set up");
    mbedtls_ssl_set_bio(&client->ssl, &client->net, mbedtls_net_send, mbedtls_net_recv, NULL);
    int error = mbedtls_ssl_handshake(&client->ssl);
    if (error)
        fail("secret provisioning: the handshake with %s failed: -0x%x", name, (unsigned)-error);
}

static size_t fetch(struct client *client, unsigned char *secret) {
    uint32_t size;
    unsigned char head[sizeof(response) + sizeof(size)];
    if (mbedtls_ssl_write(&client->ssl, (const unsigned char *)request, sizeof(request)) != sizeof(request))
        fail("secret provisioning: the request cannot be sent");
    read_fully(client, head, sizeof(head));
    memcpy(&size, head + sizeof(response), sizeof(size));
    size = ntohl(size);
    if (memcmp(head, response, sizeof(response)) != 0 || size == 0 || size > SECRET_MAX_BYTES)
        fail("secret provisioning: the response is not understood");
    read_fully(client, secret, size);
    return size;
}

static void set_key(const char *name, const unsigned char *secret, size_t size_bytes) {
    if (size_bytes != KEY_BYTES)
        fail("secret provisioning: expected a key of %d bytes, got %zu", KEY_BYTES, size_bytes);
    const char *path = joined("/dev/attestation/keys/", name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, secret, size_bytes) != (ssize_t)size_bytes)
        fail("secret provisioning: %s cannot be written", path);
    close(file);
}

__attribute__((constructor)) static void provision(void) {
    const char *wish = getenv("SECRET_PROVISION_CONSTRUCTOR");
    if (!wish || (strcmp(wish, "1") != 0 && strcmp(wish, "true") != 0 && strcmp(wish, "TRUE") != 0))
        return;
    unsetenv("SECRET_PROVISION_CONSTRUCTOR");
    unsetenv("SECRET_PROVISION_SECRET_STRING");
    const char *servers = getenv("SECRET_PROVISION_SERVERS"), *path = getenv("SECRET_PROVISION_CA_CHAIN_PATH");
    const char *key_name = getenv("SECRET_PROVISION_SET_KEY");
    static struct client client;
    static unsigned char secret[SECRET_MAX_BYTES + 1];
    mbedtls_x509_crt_init(&client.authorities);
    mbedtls_x509_crt_init(&client.certificate);
    mbedtls_pk_init(&client.key);
    mbedtls_net_init(&client.net);
    mbedtls_ssl_init(&client.ssl);
    mbedtls_ssl_config_init(&client.config);
#if MBEDTLS_VERSION_MAJOR >= 3
    psa_crypto_init();
#endif
    if (!path || mbedtls_x509_crt_parse_file(&client.authorities, path) != 0)
        fail("secret provisioning: SECRET_PROVISION_CA_CHAIN_PATH: %s is not a file of certificates", path ? path : "it");
    mbedtls_ssl_config_defaults(&client.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                MBEDTLS_SSL_PRESET_DEFAULT);
    const char *name = connect_to(&client, servers ? servers : "localhost:4433");
    shake_hands(&client, name);
    size_t size_bytes = fetch(&client, secret);
    if (key_name)
        set_key(key_name, secret, size_bytes);
    else if (secret[size_bytes - 1] == '\0')
        setenv("SECRET_PROVISION_SECRET_STRING", (const char *)secret, 1);
    else
        fail("secret provisioning: the secret is not a text that ends in a NUL");
    mbedtls_ssl_close_notify(&client.ssl);
    mbedtls_net_free(&client.net);
}
