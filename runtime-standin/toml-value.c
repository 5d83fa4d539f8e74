#include "toml.h"

#include <string.h>

#include "report.h"

struct toml *toml_new(enum toml_kind kind, int line) {
    struct toml *value = allocate(sizeof(*value));
    memset(value, 0, sizeof(*value));
    value->kind = kind;
    value->line = line;
    return value;
}

void toml_append(struct toml *parent, const char *key, struct toml *item) {
    size_t count = parent->count;
    /* Room is doubled at each power of two, so that long lists stay linear. */
    if ((count & (count - 1)) == 0) {
        size_t room = count ? count * 2 : 1;
        parent->items = resize(parent->items, room * sizeof(*parent->items));
        parent->keys = resize(parent->keys, room * sizeof(*parent->keys));
    }
    parent->items[count] = item;
    parent->keys[count] = key;
    parent->count = count + 1;
}

struct toml *toml_member(const struct toml *table, const char *key) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->keys[i], key) == 0)
            return table->items[i];
    return NULL;
}

const struct toml *toml_find(const struct toml *table, const char *dotted_path) {
    const struct toml *found = table;
    char key[64];
    while (found && found->kind == TOML_TABLE) {
        size_t length = strcspn(dotted_path, ".");
        if (length >= sizeof(key))
            return NULL;
        memcpy(key, dotted_path, length);
        key[length] = '\0';
        found = toml_member(found, key);
        if (dotted_path[length] == '\0')
            return found;
        dotted_path += length + 1;
    }
    return NULL;
}

const char *toml_kind_name(enum toml_kind kind) {
    switch (kind) {
        case TOML_STRING: return "a string";
        case TOML_INTEGER: return "an integer";
        case TOML_BOOLEAN: return "a boolean";
        case TOML_ARRAY: return "an array";
        case TOML_TABLE: return "a table";
    }
    return "nothing";
}
