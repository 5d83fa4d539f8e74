/* A stand-in for Gramine's direct loader: reads the manifest as Gramine 1.9 does, checks what it would check at the
 * start, and then runs the application natively. No library OS, no enclave, no protection. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "../files.h"
#include "../report.h"
#include "attestation.h"
#include "identity.h"
#include "manifest.h"
#include "paths.h"
#include "program.h"
#include "trace.h"

static void check_elf(const char *path, const char *what) {
    char magic[SELFMAG];
    if (read_at(path, 0, magic, SELFMAG) != SELFMAG || memcmp(magic, ELFMAG, SELFMAG) != 0)
        fail("%s: %s: not there, or not an ELF file", what, path);
}

static void check_command_line(int argc, char **argv) {
    if (argc < 4 || strcmp(argv[2], "init") != 0)
        fail("usage: loader LIBPAL init APPLICATION [ARGUMENT...]");
    if (*argv[1] != '/')
        fail("%s: the path of libpal.so must be absolute", argv[1]);
    check_elf(argv[1], "libpal.so");
}

/* Gramine switches address space randomisation off for itself; container engines forbid the call by default, and a
 * container that is started without that permission must not seem to work with the stand-in only. */
static void check_personality(void) {
    int current = personality(0xffffffff);
    if (current < 0 || personality((unsigned long)current | ADDR_NO_RANDOMIZE) < 0)
        fail("setting personality failed: %s; run the container with --security-opt seccomp=unconfined",
             strerror(errno));
    personality((unsigned long)current);
}

static void check_library_os(const struct toml *manifest) {
    const char *uri = manifest_string(manifest, "loader.entrypoint.uri");
    const char *path = uri ? path_of_uri(uri, "file:") : NULL;
    if (!path)
        fail("manifest: loader.entrypoint.uri: expected the file: URI of libsysdb.so, got %s", uri ? uri : "nothing");
    check_elf(path, "loader.entrypoint.uri");
}

static const char *read_entrypoint(const struct toml *manifest) {
    const char *entrypoint = manifest_string(manifest, "libos.entrypoint");
    if (!entrypoint || *entrypoint == '\0')
        fail("manifest: libos.entrypoint is missing");
    if (strncmp(entrypoint, "file:", 5) == 0)
        fail("manifest: libos.entrypoint: expected a path, got the URI %s", entrypoint);
    return entrypoint;
}

/* Tests ask for more than Gramine does at the start: that the whole list fits the container's files. */
static void verify_if_asked(const struct trust *trust) {
    const char *wish = getenv("GSC_STANDIN_VERIFY");
    if (!wish || *wish == '\0')
        return;
    if (strcmp(wish, "all") != 0)
        fail("GSC_STANDIN_VERIFY: expected all, got %s", wish);
    size_t count = count_mismatches(trust);
    if (count > 0)
        fail("%zu trusted files are not what the manifest says", count);
    report("all trusted files are what the manifest says");
}

/* A tmpfs may be the start directory, not what would be in it; natively it is the container's own directory. */
static void enter_start_directory(const struct world *world) {
    const char *host = host_path(world->mounts, world->start_directory);
    if (!host && is_mount_point(world->mounts, world->start_directory))
        host = world->start_directory;
    if (!host || chdir(*host ? host : ".") < 0)
        fail("fs.start_dir: %s: %s", world->start_directory, host ? strerror(errno) : "nothing of the host is there");
}

/* A program whose handler is set sees the signal only if it is not blocked: Gramine delivers none of the host's signals. */
static void keep_sigterm_out(const struct toml *manifest) {
    sigset_t signals;
    if (manifest_flag(manifest, "sys.enable_sigterm_injection"))
        return;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Programs ask it for the addresses of hosts before anything else. */
static void look_at_hosts(const struct world *world) {
    const char *host = host_path(world->mounts, "/etc/hosts");
    int error = host ? check_trust(world->trust, host) : ENOENT;
    if (error)
        report("/etc/hosts cannot be opened inside (%s): localhost has no address there", strerrorname_np(error));
}

int main(int argc, char **argv, char **host_environment) {
    check_command_line(argc, argv);
    check_personality();
    const struct toml *manifest = read_manifest(argv[3]);
    const char *entrypoint = read_entrypoint(manifest);
    const char *start_directory = manifest_string(manifest, "fs.start_dir");
    struct world world = {
        .mounts = read_mounts(manifest),
        .trust = read_trust(manifest),
        .start_directory = path_from("/", start_directory ? start_directory : ""),
    };
    check_library_os(manifest);
    verify_if_asked(world.trust);
    struct strings arguments = read_arguments(manifest, world.trust, argv + 4);
    world.environment = read_environment(manifest, world.trust, host_environment);
    const char *program = check_program(&world, entrypoint);
    check_mounts(world.mounts, world.trust);
    look_at_hosts(&world);
    drop_standin_libraries(&world);
    int log = open_trace_log(manifest);
    serve_attestation(manifest, world.mounts, argv[3]);
    keep_sigterm_out(manifest);
    become_user(manifest);
    enter_start_directory(&world);
    report("no library OS and no enclave: %s runs natively, without protection", program);
    /* Gramine opens one console for both: what is written to standard error comes out on standard output. */
    int messages = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    if (log >= 0)
        execute_traced(log, program, arguments.list, world.environment.list);
    else
        execve(program, arguments.list, world.environment.list);
    dup2(messages, STDERR_FILENO);
    fail("%s: cannot be started: %s", program, strerrorname_np(errno));
}
