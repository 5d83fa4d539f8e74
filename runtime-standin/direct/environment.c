#include <string.h>

#include "../report.h"
#include "manifest.h"
#include "sources.h"

/* What loader.env says about one variable: its value, or NULL for passthrough. */
static const char *read_variable(const char *name, const struct toml *entry) {
    if (*name == '\0' || strchr(name, '='))
        fail("manifest: line %d: loader.env: %s is no name of a variable", entry->line, *name ? name : "\"\"");
    if (entry->kind == TOML_STRING)
        return entry->text;
    if (entry->kind != TOML_TABLE)
        fail("manifest: line %d: loader.env.%s: expected a string or a table, got %s", entry->line, name,
             toml_kind_name(entry->kind));
    const char *value = member_string(entry, "value", "loader.env");
    const struct toml *passthrough = toml_member(entry, "passthrough");
    if ((value != NULL) == (passthrough != NULL))
        fail("manifest: line %d: loader.env.%s: exactly one of value and passthrough must be given", entry->line, name);
    if (passthrough && (passthrough->kind != TOML_BOOLEAN || !passthrough->integer))
        fail("manifest: line %d: loader.env.%s: passthrough can only be true", entry->line, name);
    return value;
}

static struct strings read_base(const char *file, const struct trust *trust, char **host) {
    struct strings base = {0};
    if (!file) {
        for (; *host; host++)
            add_string(&base, *host);
        return base;
    }
    base = read_source_file(file, "loader.env_src_file", trust);
    for (size_t i = 0; i < base.count; i++)
        if (!strchr(base.list[i], '='))
            fail("loader.env_src_file: %s: an entry without =", base.list[i]);
    return base;
}

/* Of the base, variables that the manifest names stay if it passes them through; others if all are kept. */
static bool is_kept(const struct toml *named, const char *variable, bool keeps_unnamed) {
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < named->count; i++)
        if (strlen(named->keys[i]) == length && memcmp(named->keys[i], variable, length) == 0)
            return read_variable(named->keys[i], named->items[i]) == NULL;
    return keeps_unnamed;
}

struct strings read_environment(const struct toml *manifest, const struct trust *trust, char **host) {
    const struct toml *named = manifest_table(manifest, "loader.env");
    const char *file = manifest_string(manifest, "loader.env_src_file");
    bool is_insecure = manifest_flag(manifest, "loader.insecure__use_host_env");
    if (file && is_insecure)
        fail("manifest: only one of loader.env_src_file and loader.insecure__use_host_env is allowed");
    struct strings base = read_base(file, trust, host);
    struct strings environment = {.list = allocate(sizeof(char *))};
    environment.list[0] = NULL;
    for (size_t i = 0; i < base.count; i++)
        if (is_kept(named, base.list[i], file || is_insecure))
            add_string(&environment, base.list[i]);
    for (size_t i = 0; i < named->count; i++) {
        const char *value = read_variable(named->keys[i], named->items[i]);
        if (value)
            add_string(&environment, joined(joined(named->keys[i], "="), value));
    }
    return environment;
}

const char *value_of(const struct strings *environment, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < environment->count; i++)
        if (strncmp(environment->list[i], name, length) == 0 && environment->list[i][length] == '=')
            return environment->list[i] + length + 1;
    return NULL;
}
