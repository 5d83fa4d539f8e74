/* A stand-in for Graphene's `pal-Linux`: reads the manifest as the release does, checks what starts the application, and then
 * runs it natively. No library OS, no protection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"
#include "keys.h"

struct strings {
    size_t count;
    char **list;
};

static void add_string(struct strings *strings, const char *text) {
    strings->list = resize(strings->list, (strings->count + 2) * sizeof(*strings->list));
    strings->list[strings->count++] = joined(text, "");
    strings->list[strings->count] = NULL;
}

/* Strings that each end with a NUL byte. */
static struct strings read_strings(const struct keys *keys, const char *name, const char *uri) {
    struct strings strings = {0};
    size_t size_bytes;
    const char *path = path_of_key(name, uri);
    demand_listed(keys, path);
    const char *content = read_whole_file(path, name, &size_bytes);
    if (size_bytes > 0 && content[size_bytes - 1] != '\0')
        fail("%s: %s: the file must be empty or end with a NUL byte", name, path);
    for (size_t at = 0; at < size_bytes; at += strlen(content + at) + 1)
        add_string(&strings, content + at);
    return strings;
}

/* `command_line` begins with the application as the PAL was given it. */
static struct strings read_arguments(const struct keys *keys, char **command_line) {
    struct strings arguments = {0};
    const char *override = key_value(keys, "loader.argv0_override");
    const char *file = key_value(keys, "loader.argv_src_file");
    if (is_present(keys, "loader.insecure__use_cmdline_argv")) {
        report("WARNING: Using insecure argv source");
        for (char **word = command_line; *word; word++)
            add_string(&arguments, word == command_line && override ? override : *word);
        return arguments;
    }
    if (file) {
        if (command_line[1])
            report("Discarding cmdline arguments (%s %s [...])", command_line[0], command_line[1]);
        return read_strings(keys, "loader.argv_src_file", file);
    }
    if (!override || command_line[1])
        fail("argv handling wasn't configured in the manifest, but cmdline arguments were specified");
    add_string(&arguments, override);
    return arguments;
}

/* The commit of the first GSC has no key for it, and always takes what the manifest does not set. */
static bool takes_host_environment(const struct keys *keys) {
    return GRAPHENE_RELEASE < 11 || is_present(keys, "loader.insecure__use_host_env");
}

static bool is_named(const struct keys *keys, const char *variable) {
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < keys->count; i++) {
        const char *name = key_below(keys, i, "loader.env.");
        if (name && strlen(name) == length && memcmp(name, variable, length) == 0)
            return true;
    }
    return false;
}

static struct strings read_environment(const struct keys *keys, char **host) {
    struct strings environment = {.list = allocate(sizeof(char *))};
    environment.list[0] = NULL;
    if (takes_host_environment(keys))
        for (; *host; host++)
            if (!is_named(keys, *host))
                add_string(&environment, *host);
    for (size_t i = 0; i < keys->count; i++) {
        const char *name = key_below(keys, i, "loader.env.");
        if (name)
            add_string(&environment, joined(joined(name, "="), keys->values[i]));
    }
    return environment;
}

/* Natively only a real C library works: the directory of the stand-in's goes. */
static void drop_runtime(struct strings *environment, const char *directory) {
    size_t length = strlen(directory);
    for (size_t i = 0; i < environment->count; i++) {
        char *value = environment->list[i];
        if (strncmp(value, "LD_LIBRARY_PATH=", 16) != 0)
            continue;
        value += 16;
        if (strncmp(value, directory, length) == 0 && (value[length] == ':' || value[length] == '\0'))
            memmove(value, value + length + (value[length] == ':'), strlen(value + length) + 1 - (value[length] == ':'));
    }
}

static const char *directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = joined(path, "");
    directory[slash ? slash - path : 0] = '\0';
    return directory;
}

/* The library OS; its directory is that of the runtime. */
static const char *check_preload(const struct keys *keys) {
    const char *preload = key_value(keys, "loader.preload");
    if (!preload)
        fail("manifest: loader.preload is missing: it names libsysdb.so");
    const char *path = path_of_key("loader.preload", preload);
    demand_checksum(keys, "preload0", path);
    return directory_of(path);
}

static const char *program_of(const struct keys *keys) {
#if GRAPHENE_RELEASE >= 12
    const char *program = key_value(keys, "libos.entrypoint");
    if (!program)
        fail("manifest: libos.entrypoint is missing");
#else
    const char *uri = key_value(keys, "loader.exec");
    if (!uri)
        fail("manifest: loader.exec is missing");
    const char *program = path_of_key("loader.exec", uri);
    demand_checksum(keys, "exec", program);
#endif
    char magic[4];
    if (read_at(program, 0, magic, sizeof(magic)) != sizeof(magic) || memcmp(magic, "\x7f" "ELF", 4) != 0)
        fail("%s: not there, or not an ELF file: this release starts no scripts", program);
    demand_listed(keys, program);
    return program;
}

int main(int argc, char **argv, char **host_environment) {
#if GRAPHENE_RELEASE >= 12
    if (argc < 4 || *argv[1] != '/' || strcmp(argv[2], "init") != 0)
        fail("usage: pal-Linux LIBPAL init APPLICATION [ARGUMENT...]");
    char **application = argv + 3;
    const struct keys keys = read_keys(joined(*application, ".manifest"));
#else
    if (argc < 3 || strcmp(argv[1], "init") != 0)
        fail("usage: pal-Linux init MANIFEST [ARGUMENT...]");
    char **application = argv + 2;
    const struct keys keys = read_keys(*application);
#endif
    const char *runtime = check_preload(&keys);
    const char *program = program_of(&keys);
    struct strings arguments = read_arguments(&keys, application);
    struct strings environment = read_environment(&keys, host_environment);
    drop_runtime(&environment, runtime);
    const char *directory = key_value(&keys, "fs.start_dir");
    if (directory && chdir(directory) < 0)
        fail("fs.start_dir: %s: %s", directory, strerror(errno));
    report("no library OS and no enclave: %s runs natively, without protection", program);
    execve(program, arguments.list, environment.list);
    fail("%s: cannot be started: %s", program, strerror(errno));
}
