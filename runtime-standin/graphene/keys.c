#include "keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../files.h"
#include "../report.h"
#include "../sha256.h"
#include "../toml.h"

enum { LONGEST_VALUE = 4095 };

const char *key_value(const struct keys *keys, const char *name) {
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->names[i], name) == 0)
            return keys->values[i];
    return NULL;
}

const char *key_below(const struct keys *keys, size_t index, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(keys->names[index], prefix, length) == 0 ? keys->names[index] + length : NULL;
}

static void add_key(struct keys *keys, const char *name, const char *value) {
    if (key_value(keys, name))
        fail("manifest: %s is set twice", name);
    keys->names = resize(keys->names, (keys->count + 1) * sizeof(*keys->names));
    keys->values = resize(keys->values, (keys->count + 1) * sizeof(*keys->values));
    keys->names[keys->count] = name;
    keys->values[keys->count++] = value;
}

#if GRAPHENE_RELEASE >= 12

static void add_table(struct keys *keys, const char *prefix, const struct toml *table) {
    for (size_t i = 0; i < table->count; i++) {
        const char *name = joined(prefix, table->keys[i]);
        const struct toml *item = table->items[i];
        if (item->kind == TOML_TABLE)
            add_table(keys, joined(name, "."), item);
        else if (item->kind == TOML_STRING)
            add_key(keys, name, item->text);
        else if (item->kind == TOML_BOOLEAN)
            add_key(keys, name, item->integer ? "true" : "false");
        else if (item->kind == TOML_INTEGER) {
            char *digits = allocate(24);
            snprintf(digits, 24, "%lld", (long long)item->integer);
            add_key(keys, name, digits);
        } else
            fail("manifest: line %d: %s: Graphene has no arrays", item->line, name);
    }
}

static void refuse_old_keys(const struct keys *keys) {
    static const char *const refused[] = {"loader.exec", "sgx.sigfile"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (key_value(keys, refused[i]))
            fail("manifest: %s is not supported anymore", refused[i]);
}

struct keys read_keys(const char *path) {
    struct keys keys = {0};
    size_t size_bytes;
    add_table(&keys, "", toml_parse(read_whole_file(path, "manifest", &size_bytes), path));
    refuse_old_keys(&keys);
    return keys;
}

bool is_present(const struct keys *keys, const char *name) {
    const char *value = key_value(keys, name);
    if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        fail("manifest: %s: expected true or false, got %s", name, value);
    return value && strcmp(value, "true") == 0;
}

#else

static bool is_blank(char character) {
    return character == ' ' || character == '\t';
}

static bool is_break(char character) {
    return character == '\n' || character == '\r' || character == '\0';
}

static char *copied(const char *from, const char *end) {
    char *copy = allocate((unsigned long)(end - from) + 1);
    memcpy(copy, from, (size_t)(end - from));
    copy[end - from] = '\0';
    return copy;
}

static const char *skip_blank(const char *at) {
    for (;; at++) {
        if (*at == '#')
            while (!is_break(at[1]))
                at++;
        else if (*at == '\0' || !(is_blank(*at) || is_break(*at)))
            return at;
    }
}

static const char *end_of_key(const char *at) {
    while (isalnum((unsigned char)*at) || *at == '_' || *at == '.')
        at++;
    return at;
}

static const char *read_value(const char *at, const char **value, const char *name) {
    const char *end;
    if (*at == '"') {
        end = strchr(++at, '"');
        if (!end)
            fail("manifest: %s: a text without its end", name);
        *value = copied(at, end);
        end++;
    } else {
        for (end = at; !is_break(*end) && *end != '#';)
            end++;
        const char *last = end;
        while (last > at && is_blank(last[-1]))
            last--;
        *value = copied(at, last);
    }
    if (strlen(*value) > LONGEST_VALUE)
        fail("manifest: %s: a value of more than %d bytes", name, LONGEST_VALUE);
    return end;
}

struct keys read_keys(const char *path) {
    struct keys keys = {0};
    size_t size_bytes;
    const char *at = skip_blank(read_whole_file(path, "manifest", &size_bytes));
    while (*at) {
        const char *end = end_of_key(at);
        const char *name = copied(at, end);
        while (is_blank(*end))
            end++;
        if (*name == '\0' || *end != '=')
            fail("%s: equal mark expected behind %s", path, *name ? name : "an invalid start of key");
        for (end++; is_blank(*end);)
            end++;
        const char *value;
        at = skip_blank(read_value(end, &value, name));
        add_key(&keys, name, value);
    }
    return keys;
}

bool is_present(const struct keys *keys, const char *name) {
    const char *value = key_value(keys, name);
    return value && *value;
}

#endif

const char *path_of_key(const char *name, const char *uri) {
    if (strncmp(uri, "file:", 5) != 0)
        fail("manifest: %s: expected a file: URI, got %s", name, uri);
    return uri + 5;
}

void demand_checksum(const struct keys *keys, const char *id, const char *path) {
    const char *wanted = key_value(keys, joined("sgx.trusted_checksum.", id));
    char hex[65];
    if (!wanted)
        fail("%s: EACCES: it has no hash in sgx.trusted_checksum.%s", path, id);
    if (sha256_of_file(path, hex) != 0)
        fail("%s: it cannot be read", path);
    if (strcmp(hex, wanted) != 0)
        fail("%s: EPERM: another content than the hash in sgx.trusted_checksum.%s", path, id);
}

void demand_listed(const struct keys *keys, const char *path) {
    for (size_t i = 0; i < keys->count; i++) {
        const char *id = key_below(keys, i, "sgx.trusted_files.");
        if (id && strcmp(path_of_key(keys->names[i], keys->values[i]), path) == 0) {
            demand_checksum(keys, id, path);
            return;
        }
    }
    fail("%s: EACCES: not a trusted file", path);
}
