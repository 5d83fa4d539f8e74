#include "trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../report.h"
#include "../sha256.h"
#include "manifest.h"
#include "paths.h"

struct trusted_file {
    const char *path;
    const char *sha256;
};

struct trust {
    bool allows_unlisted;
    size_t trusted_count;
    struct trusted_file *trusted; /* sorted by path */
    size_t allowed_count;
    const char **allowed;
};

static int by_path(const void *left, const void *right) {
    return strcmp(((const struct trusted_file *)left)->path, ((const struct trusted_file *)right)->path);
}

/* Gramine's name for a manifest that it cannot use. */
__attribute__((noreturn)) static void invalid(const struct toml *entry, const char *problem) {
    fail("manifest: line %d: sgx.trusted_files: %s: EINVAL", entry->line, problem);
}

static struct trusted_file read_trusted_file(const struct toml *entry) {
    if (entry->kind != TOML_TABLE)
        invalid(entry, "expected a table with uri and sha256");
    const char *uri = member_string(entry, "uri", "sgx.trusted_files");
    const char *sha256 = member_string(entry, "sha256", "sgx.trusted_files");
    const char *path = uri ? path_of_uri(uri, "file:") : NULL;
    if (!path)
        invalid(entry, "the entry has no uri that starts with file:");
    if (!sha256)
        invalid(entry, "the entry has no sha256");
    if (strlen(sha256) != SHA256_HEX_DIGITS || strspn(sha256, "0123456789abcdefABCDEF") != SHA256_HEX_DIGITS)
        invalid(entry, "sha256 is not 64 hexadecimal digits");
    return (struct trusted_file){.path = path, .sha256 = sha256};
}

static const char *read_allowed_file(const struct toml *entry) {
    if (entry->kind != TOML_STRING)
        fail("manifest: line %d: sgx.allowed_files: expected a string, got %s", entry->line,
             toml_kind_name(entry->kind));
    const char *path = path_of_uri(entry->text, "file:");
    if (!path)
        path = path_of_uri(entry->text, "dev:");
    if (!path)
        fail("manifest: line %d: sgx.allowed_files: must start with file: or dev:, got %s", entry->line, entry->text);
    return path;
}

static bool reads_unlisted(const struct toml *manifest) {
    const char *policy = manifest_string(manifest, "sgx.file_check_policy");
    if (!policy || strcmp(policy, "strict") == 0)
        return false;
    if (strcmp(policy, "allow_all_but_log") != 0)
        fail("manifest: sgx.file_check_policy: expected strict or allow_all_but_log, got %s", policy);
    return true;
}

const struct trust *read_trust(const struct toml *manifest) {
    const struct toml *trusted = manifest_list(manifest, "sgx.trusted_files");
    const struct toml *allowed = manifest_list(manifest, "sgx.allowed_files");
    struct trust *trust = allocate(sizeof(*trust));
    trust->allows_unlisted = reads_unlisted(manifest);
    trust->trusted_count = trusted->count;
    trust->trusted = allocate(trusted->count * sizeof(*trust->trusted));
    for (size_t i = 0; i < trusted->count; i++)
        trust->trusted[i] = read_trusted_file(trusted->items[i]);
    qsort(trust->trusted, trust->trusted_count, sizeof(*trust->trusted), by_path);
    trust->allowed_count = allowed->count;
    trust->allowed = allocate(allowed->count * sizeof(*trust->allowed));
    for (size_t i = 0; i < allowed->count; i++)
        trust->allowed[i] = read_allowed_file(allowed->items[i]);
    return trust;
}

static int compare_hash(const char *path, const char *sha256) {
    struct stat status;
    char hex[SHA256_HEX_DIGITS + 1];
    const char *host = *path ? path : ".";
    if (stat(host, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    int error = sha256_of_file(host, hex);
    if (error)
        return error;
    return strcasecmp(hex, sha256) == 0 ? 0 : EPERM;
}

/* An allowed entry wins over a hash, as in Gramine. */
static bool is_allowed(const struct trust *trust, const char *path) {
    for (size_t i = 0; i < trust->allowed_count; i++)
        if (path_below(path, trust->allowed[i]))
            return true;
    return false;
}

int check_trust(const struct trust *trust, const char *path) {
    if (is_allowed(trust, path))
        return 0;
    const struct trusted_file key = {.path = path};
    const struct trusted_file *found =
        bsearch(&key, trust->trusted, trust->trusted_count, sizeof(*trust->trusted), by_path);
    if (found)
        return compare_hash(path, found->sha256);
    if (trust->allows_unlisted) {
        report("%s: not listed, but allowed by sgx.file_check_policy", path);
        return 0;
    }
    return EACCES;
}

void demand_trust(const struct trust *trust, const char *path, const char *role) {
    int error = check_trust(trust, path);
    if (error == EPERM)
        fail("%s: %s: the hash is not the one in sgx.trusted_files: EPERM", role, path);
    if (error == EACCES)
        fail("%s: %s: neither in sgx.trusted_files nor in sgx.allowed_files: EACCES", role, path);
    if (error)
        fail("%s: %s: cannot be read: %s", role, path, strerrorname_np(error));
}

/* A file that the container's user may not read is no mismatch: the application cannot open it outside either. */
static bool is_out_of_reach(const char *path) {
    return geteuid() != 0 && access(path, R_OK) < 0 && errno == EACCES;
}

size_t count_mismatches(const struct trust *trust) {
    size_t count = 0;
    for (size_t i = 0; i < trust->trusted_count; i++) {
        const struct trusted_file *file = &trust->trusted[i];
        int error = compare_hash(file->path, file->sha256);
        if (!error || is_allowed(trust, file->path) || is_out_of_reach(file->path))
            continue;
        report("trusted file %s: %s", file->path, error == EPERM ? "the hash differs: EPERM" : strerrorname_np(error));
        count++;
    }
    return count;
}
