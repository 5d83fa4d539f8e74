#include "library-data.h"

#include <string.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"

/* One kind of data: how the place of Gramine's ends, what the C libraries of distributions have, and the variable. */
struct kind {
    const char *ending;
    const char *native[3];
    const char *variable;
    const char *before; /* goes before the value */
};

static const struct kind kinds[] = {
    {"/zoneinfo", {"/usr/share/zoneinfo"}, "TZDIR", ""},
    {"/localtime", {"/etc/localtime"}, "TZ", ":"},
    {"/glibc/locale", {"/usr/lib/locale"}, "LOCPATH", ""},
    {"/glibc/gconv", {"/usr/lib/x86_64-linux-gnu/gconv", "/usr/lib64/gconv"}, "GCONV_PATH", ""},
};

/* The first string of the library that is a path with this ending, or NULL. */
static const char *place_in(const char *text, size_t size_bytes, const char *ending) {
    size_t length = strlen(ending);
    for (const char *at = text; at < text + size_bytes; at += strlen(at) + 1) {
        size_t whole = strlen(at);
        if (*at == '/' && whole >= length && strcmp(at + whole - length, ending) == 0)
            return at;
    }
    return NULL;
}

static const char *native_place(const struct kind *kind) {
    for (size_t i = 0; i < sizeof(kind->native) / sizeof(*kind->native) && kind->native[i]; i++)
        if (access(kind->native[i], F_OK) == 0)
            return kind->native[i];
    return NULL;
}

void follow_library_data(struct world *world, const char *library) {
    size_t size_bytes;
    const char *text = read_whole_file(library, "C library", &size_bytes);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const struct kind *kind = &kinds[i];
        const char *place = place_in(text, size_bytes, kind->ending);
        const char *native = native_place(kind);
        const char *inside = place ? host_path(world->mounts, place) : NULL;
        if (!place || value_of(&world->environment, kind->variable))
            continue;
        if (!inside || access(inside, F_OK) != 0)
            inside = NULL;
        if ((!inside && !native) || (inside && native && strcmp(inside, native) == 0))
            continue;
        report("the C library of Gramine looks for %s at %s, where there is %s", kind->ending + 1, place,
               inside ? inside : "nothing");
        /* Natively there may be something at the place itself. */
        const char *value = inside ? inside : joined("/dev/null", place);
        add_string(&world->environment, joined(joined(joined(kind->variable, "="), kind->before), value));
    }
}
