/* The manifest with its types checked where a value is asked for. */
#ifndef STANDIN_MANIFEST_H
#define STANDIN_MANIFEST_H

#include "../toml.h"

/* Reads `<application>.manifest` and refuses keys that Gramine 1.9 refuses. */
const struct toml *read_manifest(const char *application);

/* Each gives a default if the key is missing and ends the program if it is of another kind. */
const char *manifest_string(const struct toml *manifest, const char *key);
bool manifest_flag(const struct toml *manifest, const char *key);
int64_t manifest_number(const struct toml *manifest, const char *key);
const struct toml *manifest_list(const struct toml *manifest, const char *key);
const struct toml *manifest_table(const struct toml *manifest, const char *key);

/* The string member of a table inside the manifest, or NULL; `where` names the table. */
const char *member_string(const struct toml *table, const char *key, const char *where);

#endif
