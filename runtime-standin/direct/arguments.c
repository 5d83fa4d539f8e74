#include <string.h>

#include "../report.h"
#include "manifest.h"
#include "sources.h"

static struct strings of_command_line(const char *entrypoint, char **command_line) {
    struct strings argv = {0};
    add_string(&argv, entrypoint);
    for (; *command_line; command_line++)
        add_string(&argv, *command_line);
    return argv;
}

static struct strings of_list(const struct toml *list) {
    struct strings argv = {0};
    if (list->kind != TOML_ARRAY)
        fail("manifest: line %d: loader.argv: expected an array, got %s", list->line, toml_kind_name(list->kind));
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != TOML_STRING)
            fail("manifest: line %d: loader.argv: expected a string", list->items[i]->line);
        add_string(&argv, list->items[i]->text);
    }
    return argv;
}

static struct strings of_nothing(const char *entrypoint, char **command_line) {
    if (*command_line)
        fail("arguments were given (%s), but the manifest takes none: use loader.argv, loader.argv_src_file or "
             "loader.insecure__use_cmdline_argv",
             *command_line);
    return of_command_line(entrypoint, command_line);
}

struct strings read_arguments(const struct toml *manifest, const struct trust *trust, char **command_line) {
    const char *entrypoint = manifest_string(manifest, "libos.entrypoint");
    const struct toml *list = toml_find(manifest, "loader.argv");
    const char *file = manifest_string(manifest, "loader.argv_src_file");
    bool is_insecure = manifest_flag(manifest, "loader.insecure__use_cmdline_argv");
    int sources = (list != NULL) + (file != NULL) + is_insecure;
    if (sources > 1)
        fail("manifest: only one of loader.argv, loader.argv_src_file and loader.insecure__use_cmdline_argv is allowed");
    if (sources == 0)
        return of_nothing(entrypoint, command_line);
    if (is_insecure)
        return of_command_line(entrypoint, command_line);
    if (*command_line)
        report("arguments of the command line are discarded: the manifest has its own");
    struct strings argv = list ? of_list(list) : read_source_file(file, "loader.argv_src_file", trust);
    if (argv.count == 0)
        fail("manifest: %s is empty: there must be at least argv[0]", list ? "loader.argv" : "loader.argv_src_file");
    return argv;
}
