/* A manifest of Graphene as a list of keys: `loader.exec = file:/bin/app`, in lines until v1.1, in TOML since v1.2-rc1. */
#ifndef STANDIN_KEYS_H
#define STANDIN_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* 10: the first GSC's commit, 11: v1.1, 12: v1.2-rc1. */
#ifndef GRAPHENE_RELEASE
#define GRAPHENE_RELEASE 11
#endif

struct keys {
    size_t count;
    const char **names;
    const char **values;
};

/* Reads a manifest as the release does; ends the program with its name and line at the first fault. */
struct keys read_keys(const char *path);

/* The value of a key, or NULL. */
const char *key_value(const struct keys *keys, const char *name);

/* What follows `prefix` in the name of the key at `index`, or NULL if it does not start so. */
const char *key_below(const struct keys *keys, size_t index, const char *prefix);

/* True as the loader of the release takes a switch for on: "present with any value", or v1.2-rc1's boolean true. */
bool is_present(const struct keys *keys, const char *name);

/* The path of a file: URI; ends the program for any other value. */
const char *path_of_key(const char *name, const char *uri);

/* Ends the program unless the file has the hash that sgx.trusted_checksum has under `id`. */
void demand_checksum(const struct keys *keys, const char *id, const char *path);

/* The same for a file that sgx.trusted_files lists. */
void demand_listed(const struct keys *keys, const char *path);

#endif
