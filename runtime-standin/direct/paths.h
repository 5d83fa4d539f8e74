/* Paths as the library OS compares them: by their text, links are not looked at. */
#ifndef STANDIN_PATHS_H
#define STANDIN_PATHS_H

#include <stdbool.h>

/* Without repeated slashes, `.` and trailing slashes; `..` goes up. "" stands for the current directory. */
char *clean_path(const char *path);

/* `name` counted from `directory`, unless it is absolute. Clean. */
char *path_from(const char *directory, const char *name);

/* If `path` is `directory` or lies below it: what follows the directory (without a slash), else NULL. Both clean. */
const char *path_below(const char *path, const char *directory);

/* The clean path behind `prefix` ("file:", "dev:"), or NULL if the URI does not start with it. */
char *path_of_uri(const char *uri, const char *prefix);

#endif
