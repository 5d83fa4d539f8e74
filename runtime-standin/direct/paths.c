#include "paths.h"

#include <string.h>

#include "../report.h"

static bool is_up(const char *name, size_t length) {
    return length == 2 && name[0] == '.' && name[1] == '.';
}

char *clean_path(const char *path) {
    char *clean = allocate(strlen(path) + 1);
    size_t root = *path == '/' ? 1 : 0;
    size_t length = root;
    clean[0] = '/';
    while (*path) {
        size_t size = strcspn(path, "/");
        size_t last = length;
        while (last > root && clean[last - 1] != '/')
            last--;
        bool can_go_up = length > root && !is_up(clean + last, length - last);
        if (is_up(path, size) && can_go_up)
            length = last > root ? last - 1 : root;
        else if (size > 0 && !(size == 1 && *path == '.') && !(is_up(path, size) && root)) {
            if (length > root)
                clean[length++] = '/';
            memcpy(clean + length, path, size);
            length += size;
        }
        path += size + (path[size] == '/');
    }
    clean[length] = '\0';
    return clean;
}

char *path_from(const char *directory, const char *name) {
    if (*name == '/')
        return clean_path(name);
    /* An empty directory is the current one, not the root. */
    return clean_path(*directory ? joined(joined(directory, "/"), name) : name);
}

const char *path_below(const char *path, const char *directory) {
    size_t length = strlen(directory);
    if (strcmp(directory, "/") == 0)
        return *path == '/' ? path + 1 : NULL;
    if (length == 0)
        return *path == '/' ? NULL : path;
    if (strncmp(path, directory, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path + length + (path[length] == '/');
}

char *path_of_uri(const char *uri, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(uri, prefix, length) == 0 ? clean_path(uri + length) : NULL;
}
