#include "mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../report.h"
#include "manifest.h"
#include "paths.h"

struct mount {
    const char *path;
    const char *host; /* NULL: not a directory of the host */
};

struct mounts {
    size_t count;
    struct mount list[];
};

static bool is_one_of(const char *word, const char *const *list) {
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static const char *read_host(const struct toml *table, const char *where) {
    static const char *const others[] = {"tmpfs", "encrypted", "untrusted_shm", NULL};
    const char *type = member_string(table, "type", where);
    const char *uri = member_string(table, "uri", where);
    if (type && is_one_of(type, others))
        return NULL;
    if (type && strcmp(type, "chroot") != 0)
        fail("manifest: line %d: %s: unknown mount type %s", table->line, where, type);
    if (!uri)
        fail("manifest: line %d: %s: a chroot mount needs a uri", table->line, where);
    const char *host = path_of_uri(uri, "file:");
    /* Devices are passed through; no program lies there. */
    if (!host && strncmp(uri, "dev:", 4) != 0)
        fail("manifest: line %d: %s: the uri must start with file: or dev:, got %s", table->line, where, uri);
    return host;
}

static struct mount read_mount(const struct toml *table) {
    if (table->kind != TOML_TABLE)
        fail("manifest: line %d: fs.mounts: expected a table, got %s", table->line, toml_kind_name(table->kind));
    const char *path = member_string(table, "path", "fs.mounts");
    if (!path || *path != '/' || strcmp(clean_path(path), "/") == 0)
        fail("manifest: line %d: fs.mounts: path must be absolute and not /", table->line);
    struct mount mount = {.path = clean_path(path), .host = read_host(table, "fs.mounts")};
    /* Gramine looks the root of every mount up when it mounts, those of encrypted ones excepted. */
    if (mount.host && access(*mount.host ? mount.host : ".", F_OK) < 0)
        fail("manifest: line %d: mounting file:%s under %s: ENOENT", table->line, mount.host, mount.path);
    return mount;
}

const struct mounts *read_mounts(const struct toml *manifest) {
    const struct toml *root = toml_find(manifest, "fs.root");
    const struct toml *list = manifest_list(manifest, "fs.mounts");
    struct mounts *mounts = allocate(sizeof(*mounts) + (list->count + 1) * sizeof(struct mount));
    if (root && root->kind != TOML_TABLE)
        fail("manifest: line %d: fs.root: expected a table", root->line);
    mounts->count = list->count + 1;
    mounts->list[0] = (struct mount){.path = "/", .host = root ? read_host(root, "fs.root") : ""};
    for (size_t i = 0; i < list->count; i++)
        mounts->list[i + 1] = read_mount(list->items[i]);
    return mounts;
}

/* A later mount hides earlier ones at and below its place, so the last one that matches decides. */
char *host_path(const struct mounts *mounts, const char *path) {
    for (size_t i = mounts->count; i-- > 0;) {
        const struct mount *mount = &mounts->list[i];
        const char *rest = path_below(path, mount->path);
        if (rest)
            return mount->host ? (*rest ? path_from(mount->host, rest) : clean_path(mount->host)) : NULL;
    }
    return NULL;
}

/* Gramine looks at what it mounts: directories are not checked, a trusted file by its hash, others when they are opened. */
void check_mounts(const struct mounts *mounts, const struct trust *trust) {
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount *mount = &mounts->list[i];
        struct stat status;
        if (!mount->host)
            continue;
        const char *host = *mount->host ? mount->host : ".";
        if (stat(host, &status) < 0)
            fail("mounting %s at %s failed: %s", host, mount->path, strerrorname_np(errno));
        if (S_ISREG(status.st_mode) && check_trust(trust, mount->host) == EPERM)
            fail("mounting %s at %s failed: the hash is not the one in sgx.trusted_files: EPERM", host, mount->path);
    }
}

bool is_mount_point(const struct mounts *mounts, const char *path) {
    for (size_t i = 1; i < mounts->count; i++)
        if (strcmp(mounts->list[i].path, path) == 0)
            return true;
    return false;
}

static void make_directories(const char *path) {
    char *rest = joined(path, "");
    for (char *slash = rest + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(rest, 0755);
    }
    if (mkdir(rest, 0777) == 0)
        chmod(rest, 0777);
}

void make_mount_points(const struct mounts *mounts) {
    for (size_t i = 0; i < mounts->count; i++)
        if (!mounts->list[i].host && *mounts->list[i].path == '/')
            make_directories(mounts->list[i].path);
}
