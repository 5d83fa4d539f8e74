#include "manifest.h"

#include <string.h>

#include "../files.h"
#include "../report.h"

static void refuse_old_keys(const struct toml *manifest) {
    static const char *const refused[] = {"loader.exec", "sgx.sigfile"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (toml_find(manifest, refused[i]))
            fail("manifest: %s is no longer supported", refused[i]);
}

const struct toml *read_manifest(const char *application) {
    char *path = joined(application, ".manifest");
    size_t size_bytes;
    char *text = read_whole_file(path, "manifest", &size_bytes);
    if (strlen(text) != size_bytes)
        fail("%s: there is a NUL byte in the manifest", path);
    const struct toml *manifest = toml_parse(text, path);
    refuse_old_keys(manifest);
    return manifest;
}

static const struct toml *find_kind(const struct toml *manifest, const char *key, enum toml_kind kind) {
    const struct toml *found = toml_find(manifest, key);
    if (found && found->kind != kind)
        fail("manifest: line %d: %s: expected %s, got %s", found->line, key, toml_kind_name(kind),
             toml_kind_name(found->kind));
    return found;
}

const char *manifest_string(const struct toml *manifest, const char *key) {
    const struct toml *found = find_kind(manifest, key, TOML_STRING);
    return found ? found->text : NULL;
}

bool manifest_flag(const struct toml *manifest, const char *key) {
    const struct toml *found = find_kind(manifest, key, TOML_BOOLEAN);
    return found && found->integer != 0;
}

int64_t manifest_number(const struct toml *manifest, const char *key) {
    const struct toml *found = find_kind(manifest, key, TOML_INTEGER);
    return found ? found->integer : 0;
}

const struct toml *manifest_list(const struct toml *manifest, const char *key) {
    static const struct toml empty = {.kind = TOML_ARRAY};
    const struct toml *found = find_kind(manifest, key, TOML_ARRAY);
    return found ? found : &empty;
}

const struct toml *manifest_table(const struct toml *manifest, const char *key) {
    static const struct toml empty = {.kind = TOML_TABLE};
    const struct toml *found = find_kind(manifest, key, TOML_TABLE);
    return found ? found : &empty;
}

const char *member_string(const struct toml *table, const char *key, const char *where) {
    const struct toml *found = toml_member(table, key);
    if (found && found->kind != TOML_STRING)
        fail("manifest: line %d: %s: %s: expected a string, got %s", found->line, where, key,
             toml_kind_name(found->kind));
    return found ? found->text : NULL;
}
