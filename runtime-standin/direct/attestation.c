#include "attestation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"
#include "../sha256.h"
#include "manifest.h"

#define DEVICE "/dev/attestation"

/* SIGSTRUCT and REPORT: Intel SDM vol. 3D, 38.13 and 38.15; the body of a report as it stands in quotes. */
enum { SIGSTRUCT_BYTES = 1808, MODULUS_OFFSET = 128, MODULUS_BYTES = 384 };
enum { BODY_BYTES = 384, SIGNER_OFFSET = 128, REPORT_DATA_OFFSET = 320, REPORT_DATA_BYTES = 64, INITIALISED = 1 };

struct copied {
    size_t from, to, size_bytes;
};

static const struct copied copies[] = {
    {900, 16, 4},   /* MISCSELECT */
    {928, 48, 16},  /* ATTRIBUTES */
    {960, 64, 32},  /* MRENCLAVE */
    {1024, 256, 4}, /* ISVPRODID, ISVSVN */
};

static void read_report(const char *application, unsigned char body[BODY_BYTES]) {
    size_t size_bytes;
    const char *path = joined(application, ".sig");
    const unsigned char *sigstruct = (unsigned char *)read_whole_file(path, "SIGSTRUCT, which quotes need,", &size_bytes);
    if (size_bytes != SIGSTRUCT_BYTES)
        fail("%s: expected %d bytes, got %zu", path, SIGSTRUCT_BYTES, size_bytes);
    memset(body, 0, BODY_BYTES);
    for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++)
        memcpy(body + copies[i].to, sigstruct + copies[i].from, copies[i].size_bytes);
    body[48] |= INITIALISED;
    sha256_of_bytes(sigstruct + MODULUS_OFFSET, MODULUS_BYTES, body + SIGNER_OFFSET);
}

static void make_file(const char *path, const void *content, size_t size_bytes, mode_t mode) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0 || write(file, content, size_bytes) != (ssize_t)size_bytes || fchmod(file, mode) < 0)
        fail("%s: cannot be made: %s", path, strerror(errno));
    close(file);
}

static void make_quote_file(void) {
    unlink(DEVICE "/quote");
    if (mkfifo(DEVICE "/quote", 0444) < 0)
        fail(DEVICE "/quote: cannot be made: %s", strerror(errno));
    /* Whoever the application runs as. */
    chmod(DEVICE "/quote", 0444);
}

static void make_keys(const struct toml *manifest) {
    const struct toml *mounts = manifest_list(manifest, "fs.mounts");
    make_file(DEVICE "/keys/default", "", 0, 0666);
    for (size_t i = 0; i < mounts->count; i++) {
        const char *name = member_string(mounts->items[i], "key_name", "fs.mounts");
        if (name && !strchr(name, '/'))
            make_file(joined(DEVICE "/keys/", name), "", 0, 0666);
    }
}

/* Sends the report, then passes on what comes until the end. */
static void pass_quote(const char *source, const unsigned char *body, int reader) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char piece[4096];
    ssize_t count = -1;
    strncpy(address.sun_path, source, sizeof(address.sun_path) - 1);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        write(connection, body, BODY_BYTES) == BODY_BYTES)
        while ((count = read(connection, piece, sizeof(piece))) > 0)
            if (write(reader, piece, (size_t)count) != count)
                break;
    if (count < 0)
        report("%s gives no quote: %s", source, strerror(errno));
    close(connection);
}

/* Each reader opens a fifo of its own, so that none sees the quote of another. */
static void serve(const char *source, unsigned char *body) {
    for (;;) {
        int reader = open(DEVICE "/quote", O_WRONLY | O_CLOEXEC);
        if (reader < 0)
            exit(1);
        make_quote_file();
        read_at(DEVICE "/user_report_data", 0, body + REPORT_DATA_OFFSET, REPORT_DATA_BYTES);
        pass_quote(source, body, reader);
        close(reader);
    }
}

void serve_attestation(const struct toml *manifest, const struct mounts *mounts, const char *application) {
    static unsigned char body[BODY_BYTES];
    const char *source = getenv("GSC_STANDIN_QUOTES");
    const char *kind = manifest_string(manifest, "sgx.remote_attestation");
    if (!source || *source == '\0' || !kind || strcmp(kind, "dcap") != 0)
        return;
    read_report(application, body);
    make_mount_points(mounts);
    if ((mkdir(DEVICE, 0755) < 0 || mkdir(DEVICE "/keys", 0755) < 0) && errno != EEXIST)
        fail(DEVICE ": cannot be made: %s", strerror(errno));
    make_file(DEVICE "/attestation_type", "dcap", 4, 0444);
    make_file(DEVICE "/user_report_data", body + REPORT_DATA_OFFSET, REPORT_DATA_BYTES, 0666);
    make_keys(manifest);
    make_quote_file();
    report("quotes are TEST quotes of %s: not made by hardware, and they prove nothing", source);
    pid_t application_id = getpid();
    pid_t child = fork();
    if (child < 0)
        fail("no process for " DEVICE ": %s", strerror(errno));
    if (child > 0)
        return;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == application_id)
        serve(source, body);
    exit(0);
}
