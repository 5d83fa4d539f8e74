#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../report.h"
#include "manifest.h"
#include "trace-lines.h"

static struct tracee *tracees;
static size_t tracee_count;
static unsigned last_number;
static pid_t first;

int open_trace_log(const struct toml *manifest) {
    const char *level = manifest_string(manifest, "loader.log_level");
    const char *path = manifest_string(manifest, "loader.log_file");
    if (!path || !level || strcmp(level, "trace") != 0)
        return -1;
    int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0)
        fail("loader.log_file: %s: cannot be opened: %s", path, strerrorname_np(errno));
    return log;
}

static struct tracee *tracee_of(pid_t id) {
    for (size_t i = 0; i < tracee_count; i++)
        if (tracees[i].id == id)
            return &tracees[i];
    tracees = resize(tracees, (tracee_count + 1) * sizeof(*tracees));
    struct tracee *added = &tracees[tracee_count++];
    memset(added, 0, sizeof(*added));
    added->id = id;
    added->is_new = true;
    return added;
}

static void forget(pid_t id) {
    for (size_t i = 0; i < tracee_count; i++)
        if (tracees[i].id == id)
            tracees[i] = tracees[--tracee_count];
}

/* As in Gramine the name of the file that runs: not that of a link to it, and not `exe` of /proc. */
static void set_program(struct tracee *tracee) {
    char link[64], target[4096];
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)tracee->id);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(tracee->program, sizeof(tracee->program), "%.63s", slash ? slash + 1 : target);
}

/* A child has its parent's program; a thread also its process. Its own first stop may have come before. */
static void adopt(pid_t parent_id, pid_t child_id) {
    struct tracee parent = *tracee_of(parent_id);
    struct tracee *child = tracee_of(child_id);
    child->thread = ++last_number;
    child->process = parent.clone_flags & CLONE_THREAD ? parent.process : child->thread;
    memcpy(child->program, parent.program, sizeof(child->program));
    tracee_of(parent_id)->child = child->thread;
}

static void see_event(int event, struct tracee *tracee) {
    unsigned long child = 0;
    if (event == PTRACE_EVENT_EXEC) {
        set_program(tracee);
        tracee->call[0] = '\0';
    } else if (ptrace(PTRACE_GETEVENTMSG, tracee->id, 0, &child) == 0)
        adopt(tracee->id, (pid_t)child);
}

/* What made a process or a thread gives its number: Gramine's own, not the host's. */
static long made_number(const struct tracee *tracee, long result) {
    bool makes = strncmp(tracee->call, "clone(", 6) == 0 || strncmp(tracee->call, "fork(", 5) == 0 ||
                 strncmp(tracee->call, "vfork(", 6) == 0;
    return makes && result > 0 ? (long)tracee->child : result;
}

static void see_call(int log, struct tracee *tracee) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tracee->id, 0, &registers) < 0)
        return;
    tracee->is_inside = !tracee->is_inside;
    if (tracee->is_inside)
        begin_call(log, tracee, &registers);
    else
        end_call(log, tracee, made_number(tracee, (long)registers.rax));
}

/* Gives the signal that the stopped thread shall go on with. */
static int see_stop(int log, pid_t id, int status) {
    struct tracee *tracee = tracee_of(id);
    int signal_number = WSTOPSIG(status);
    int event = status >> 16;
    if (signal_number == (SIGTRAP | 0x80))
        see_call(log, tracee);
    else if (event)
        see_event(event, tracee);
    else if (tracee->is_new && signal_number == SIGSTOP)
        tracee->is_new = false;
    else
        return signal_number;
    return 0;
}

static void pass_on(int signal_number) {
    if (first > 0)
        kill(first, signal_number);
}

static void pass_signals_on(void) {
    static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
    struct sigaction action = {.sa_handler = pass_on};
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
        sigaction(passed[i], &action, NULL);
}

__attribute__((noreturn)) static void follow(int log) {
    for (;;) {
        int status;
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR)
            continue;
        if (id < 0)
            fail("tracing: nothing is left to wait for: %s", strerrorname_np(errno));
        if (WIFSTOPPED(status)) {
            int signal_number = see_stop(log, id, status);
            ptrace(PTRACE_SYSCALL, id, 0, signal_number);
            continue;
        }
        forget(id);
        if (id == first)
            exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

void execute_traced(int log, const char *program, char **arguments, char **environment) {
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status;
    first = fork();
    if (first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            fail("tracing is refused: %s", strerrorname_np(errno));
        raise(SIGSTOP);
        execve(program, arguments, environment);
        fail("%s: cannot be started: %s", program, strerrorname_np(errno));
    }
    if (first < 0 || waitpid(first, &status, 0) < 0)
        return;
    struct tracee *tracee = tracee_of(first);
    tracee->is_new = false;
    tracee->process = tracee->thread = last_number = 1;
    const char *slash = strrchr(program, '/');
    snprintf(tracee->program, sizeof(tracee->program), "%.63s", slash ? slash + 1 : program);
    pass_signals_on();
    if (!WIFSTOPPED(status))
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    ptrace(PTRACE_SETOPTIONS, first, 0, options);
    ptrace(PTRACE_SYSCALL, first, 0, 0);
    follow(log);
}
