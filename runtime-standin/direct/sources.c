#include "sources.h"

#include <string.h>

#include "../files.h"
#include "../report.h"
#include "paths.h"

void add_string(struct strings *strings, const char *text) {
    strings->list = resize(strings->list, (strings->count + 2) * sizeof(*strings->list));
    strings->list[strings->count++] = joined(text, "");
    strings->list[strings->count] = NULL;
}

struct strings read_source_file(const char *uri, const char *key, const struct trust *trust) {
    struct strings strings = {0};
    size_t size_bytes;
    const char *path = path_of_uri(uri, "file:");
    if (!path)
        fail("manifest: %s: must start with file:, got %s", key, uri);
    demand_trust(trust, path, key);
    const char *content = read_whole_file(path, key, &size_bytes);
    if (size_bytes > 0 && content[size_bytes - 1] != '\0')
        fail("%s: %s: the file must be empty or end with a NUL byte", key, path);
    for (size_t at = 0; at < size_bytes; at += strlen(content + at) + 1)
        add_string(&strings, content + at);
    return strings;
}
