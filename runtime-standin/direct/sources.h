/* The application's argv and environment, and the files that they may come from. */
#ifndef STANDIN_SOURCES_H
#define STANDIN_SOURCES_H

#include "../toml.h"
#include "trust.h"

/* A list of strings that ends with NULL. */
struct strings {
    size_t count;
    char **list;
};

void add_string(struct strings *strings, const char *text);

/* The strings of a file that holds each with a NUL byte behind it (gramine-argv-serializer), named by a file: URI. */
struct strings read_source_file(const char *uri, const char *key, const struct trust *trust);

/* argv from exactly one of loader.argv, loader.argv_src_file and loader.insecure__use_cmdline_argv. */
struct strings read_arguments(const struct toml *manifest, const struct trust *trust, char **command_line);

/* The environment from loader.env, loader.env_src_file or the host's. */
struct strings read_environment(const struct toml *manifest, const struct trust *trust, char **host);

/* The value of a variable, or NULL. */
const char *value_of(const struct strings *environment, const char *name);

#endif
