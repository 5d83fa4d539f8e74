#include "program.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"
#include "library-data.h"
#include "paths.h"

/* Linux and Gramine follow a `#!` line to another script this often. */
enum { MAX_SCRIPTS = 4, SCRIPT_LINE_BYTES = 256, MAX_HEADERS = 128 };

static bool is_file(const char *host) {
    struct stat status;
    return host && stat(host, &status) == 0 && S_ISREG(status.st_mode);
}

static const char *demand_file(const struct world *world, const char *path, const char *role) {
    const char *host = host_path(world->mounts, path);
    if (!is_file(host))
        fail("%s: there is no file %s (on the host: %s): ENOENT", role, path, host ? host : "nothing is mounted there");
    demand_trust(world->trust, host, role);
    return host;
}

/* The base name of PT_INTERP, or NULL for a static program. */
static char *elf_interpreter(const char *host, const Elf64_Ehdr *header) {
    Elf64_Phdr segments[MAX_HEADERS];
    static char name[4096];
    size_t count = header->e_phnum;
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
        header->e_phentsize != sizeof(*segments) || count > MAX_HEADERS)
        fail("executable: %s: not an ELF program for x86-64: ENOEXEC", host);
    long size_bytes = (long)(count * sizeof(*segments));
    if (read_at(host, header->e_phoff, segments, (size_t)size_bytes) != size_bytes)
        fail("executable: %s: the program headers lie outside the file: ENOEXEC", host);
    for (size_t i = 0; i < count; i++) {
        if (segments[i].p_type != PT_INTERP)
            continue;
        size_t length = segments[i].p_filesz;
        if (length < 2 || length > sizeof(name) || read_at(host, segments[i].p_offset, name, length) != (long)length ||
            name[length - 1] != '\0')
            fail("executable: %s: the name of the ELF interpreter cannot be read: ENOEXEC", host);
        char *slash = strrchr(name, '/');
        return slash ? slash + 1 : name;
    }
    return NULL;
}

/* Gramine takes the base name only, and looks in LD_LIBRARY_PATH, or without that in /lib and /lib64. */
static void check_elf_interpreter(const struct world *world, const char *name) {
    const char *value = value_of(&world->environment, "LD_LIBRARY_PATH");
    const char *directories = value ? value : "/lib:/lib64";
    for (const char *at = directories;;) {
        size_t length = strcspn(at, ":");
        char *directory = joined(at, "");
        directory[length] = '\0';
        char *path = path_from(world->start_directory, joined(joined(directory, "/"), name));
        if (length > 0 && is_file(host_path(world->mounts, path))) {
            demand_file(world, path, "ELF interpreter");
            return;
        }
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    fail("ELF interpreter: %s is in none of %s (%s): ENOENT", name, directories,
         value ? "LD_LIBRARY_PATH" : "the library OS's own places");
}

/* The first word behind `#!`. */
static char *script_interpreter(char *line, size_t size_bytes) {
    line[size_bytes] = '\0';
    char *word = line + 2 + strspn(line + 2, " \t");
    word[strcspn(word, " \t\n")] = '\0';
    return joined(word, "");
}

static const char *check_executable(const struct world *world, const char *path, int scripts) {
    union {
        Elf64_Ehdr elf;
        char line[SCRIPT_LINE_BYTES + 1];
    } start;
    const char *host = demand_file(world, path, scripts ? "interpreter of the script" : "executable");
    long size_bytes = read_at(host, 0, start.line, SCRIPT_LINE_BYTES);
    if (size_bytes < 0)
        fail("executable: %s: cannot be read: %s", host, strerrorname_np(errno));
    if (size_bytes >= 2 && memcmp(start.line, "#!", 2) == 0) {
        if (scripts == MAX_SCRIPTS)
            fail("executable: %s: too many scripts that start each other: ELOOP", host);
        char *interpreter = script_interpreter(start.line, (size_t)size_bytes);
        check_executable(world, path_from(world->start_directory, interpreter), scripts + 1);
    } else if (size_bytes >= (long)sizeof(start.elf) && memcmp(start.elf.e_ident, ELFMAG, SELFMAG) == 0) {
        const char *interpreter = elf_interpreter(host, &start.elf);
        if (interpreter)
            check_elf_interpreter(world, interpreter);
    } else
        fail("executable: %s: neither an ELF program nor a script with #!: ENOEXEC", host);
    return host;
}

static bool is_same_file(const char *left, const char *right) {
    struct stat status[2];
    return stat(left, &status[0]) == 0 && stat(right, &status[1]) == 0 && status[0].st_dev == status[1].st_dev &&
           status[0].st_ino == status[1].st_ino;
}

char *check_program(const struct world *world, const char *entrypoint) {
    char current[4096];
    char *named = path_from(world->start_directory, entrypoint);
    const char *host = check_executable(world, named, 0);
    /* A script sees the library OS's name of itself in $0, where the host knows the file by that name too. */
    if (is_same_file(named, host))
        return named;
    if (!getcwd(current, sizeof(current)))
        fail("the current directory cannot be found: %s", strerror(errno));
    return path_from(current, host);
}

/* Stand-in libraries are small and carry the mark; a real C library is far bigger. */
static bool holds_standin_library(const struct world *world, const char *directory) {
    static char content[64 * 1024];
    const char *host = host_path(world->mounts, path_from(world->start_directory, directory));
    if (!host)
        return false;
    long size_bytes = read_at(joined(host, "/libc.so.6"), 0, content, sizeof(content));
    return size_bytes > 0 && memmem(content, (size_t)size_bytes, STANDIN_MARK, strlen(STANDIN_MARK)) != NULL;
}

/* Also gives the first directory that was left out. */
static char *without_standins(const struct world *world, const char *directories, const char **dropped) {
    char *kept = NULL;
    *dropped = NULL;
    for (const char *at = directories;;) {
        size_t length = strcspn(at, ":");
        char *directory = joined(at, "");
        directory[length] = '\0';
        if (!holds_standin_library(world, directory))
            kept = kept ? joined(joined(kept, ":"), directory) : directory;
        else if (!*dropped)
            *dropped = host_path(world->mounts, path_from(world->start_directory, directory));
        if (at[length] == '\0')
            return kept;
        at += length + 1;
    }
}

void drop_standin_libraries(struct world *world) {
    const char *directories = value_of(&world->environment, "LD_LIBRARY_PATH");
    if (!directories)
        return;
    const char *dropped;
    const char *kept = without_standins(world, directories, &dropped);
    struct strings changed = {0};
    for (size_t i = 0; i < world->environment.count; i++)
        if (strncmp(world->environment.list[i], "LD_LIBRARY_PATH=", strlen("LD_LIBRARY_PATH=")) != 0)
            add_string(&changed, world->environment.list[i]);
    if (kept && *kept)
        add_string(&changed, joined("LD_LIBRARY_PATH=", kept));
    world->environment = changed;
    if (dropped)
        follow_library_data(world, joined(dropped, "/libc.so.6"));
}
