#include "trace-lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Gramine hands messages on in pieces of this size: PRINT_BUF_SIZE. Each is a line of its own. */
enum { PIECE_BYTES = 256 };

static void write_line(int log, const struct tracee *tracee, const char *text) {
    char line[PIECE_BYTES + 256];
    size_t left = strlen(text);
    do {
        size_t size = left < PIECE_BYTES ? left : PIECE_BYTES;
        int length = snprintf(line, sizeof(line), "(libos_parser.c:1701:buf_write_all) [P%u:T%u:%s] trace: %.*s\n",
                              tracee->process, tracee->thread, tracee->program, (int)size, text);
        /* Nobody could be told of an error here: a log that cannot be written has too little in it. */
        if (length > 0 && write(log, line, (size_t)length) < 0 && errno == EINTR)
            continue;
        text += size;
        left -= size;
    } while (left > 0);
}

__attribute__((format(printf, 3, 4))) static void say(int log, const struct tracee *tracee, const char *format, ...) {
    char text[sizeof(tracee->call) + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_line(log, tracee, text);
}

/* A string of the traced process, cut where it cannot be read on. Pages end at multiples of 4096. */
static const char *string_at(pid_t id, unsigned long address) {
    static char text[4200];
    size_t length = 0;
    while (length < sizeof(text) - 1) {
        size_t size = 4096 - (address + length) % 4096;
        if (size > sizeof(text) - 1 - length)
            size = sizeof(text) - 1 - length;
        struct iovec here = {.iov_base = text + length, .iov_len = size};
        struct iovec there = {.iov_base = (void *)(address + length), .iov_len = size};
        ssize_t got = process_vm_readv(id, &here, 1, &there, 1, 0);
        if (got <= 0)
            break;
        char *end = memchr(text + length, '\0', (size_t)got);
        if (end)
            return text;
        length += (size_t)got;
    }
    text[length] = '\0';
    return text;
}

static unsigned long long number_at(pid_t id, unsigned long address) {
    unsigned long long number = 0;
    struct iovec here = {.iov_base = &number, .iov_len = sizeof(number)};
    struct iovec there = {.iov_base = (void *)address, .iov_len = sizeof(number)};
    return process_vm_readv(id, &here, 1, &there, 1, 0) == (ssize_t)sizeof(number) ? number : 0;
}

/* parse_open_flags: what has a name there, then the rest in hex. */
static const char *flags_text(int flags) {
    static const struct { int flag; const char *name; } named[] = {
        {O_APPEND, "|O_APPEND"}, {O_CREAT, "|O_CREAT"}, {O_TRUNC, "|O_TRUNC"}, {O_EXCL, "|O_EXCL"}};
    static const char *const access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", ""};
    static char text[96];
    size_t length = (size_t)snprintf(text, sizeof(text), "%s", access[flags & O_ACCMODE]);
    flags &= ~O_ACCMODE;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (!(flags & named[i].flag))
            continue;
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s", named[i].name);
        flags &= ~named[i].flag;
    }
    if (flags)
        snprintf(text + length, sizeof(text) - length, "|0x%x", flags);
    return text;
}

static void set_call(struct tracee *tracee, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void set_call(struct tracee *tracee, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tracee->call, sizeof(tracee->call), format, arguments);
    va_end(arguments);
}

static void read_call(struct tracee *tracee, const struct user_regs_struct *at) {
    pid_t id = tracee->id;
    tracee->is_slow = false;
    tracee->call[0] = '\0';
    switch (at->orig_rax) {
        case SYS_open:
            tracee->is_slow = true;
            set_call(tracee, "open(\"%s\", %s, %04o)", string_at(id, at->rdi), flags_text((int)at->rsi), (int)at->rdx);
            break;
        case SYS_openat: {
            char from[16] = "AT_FDCWD";
            if ((int)at->rdi != AT_FDCWD)
                snprintf(from, sizeof(from), "%d", (int)at->rdi);
            set_call(tracee, "openat(%s, \"%s\", %s, %04o)", from, string_at(id, at->rsi), flags_text((int)at->rdx),
                     (int)at->r10);
            break;
        }
        case SYS_execve:
            tracee->is_slow = true;
            set_call(tracee, "execve(\"%s\", [...,], [...,])", string_at(id, at->rdi));
            break;
        case SYS_chdir: set_call(tracee, "chdir(\"%s\")", string_at(id, at->rdi)); break;
        case SYS_fchdir: set_call(tracee, "fchdir(%d)", (int)at->rdi); break;
        case SYS_close: set_call(tracee, "close(%d)", (int)at->rdi); break;
        case SYS_dup: set_call(tracee, "dup(%d)", (int)at->rdi); break;
        case SYS_dup2: set_call(tracee, "dup2(%d, %d)", (int)at->rdi, (int)at->rsi); break;
        case SYS_dup3: set_call(tracee, "dup3(%d, %d, %d)", (int)at->rdi, (int)at->rsi, (int)at->rdx); break;
        case SYS_fcntl:
            if (at->rsi == F_DUPFD || at->rsi == F_DUPFD_CLOEXEC)
                set_call(tracee, "fcntl(%d, F_DUPFD%s, 0x%llx)", (int)at->rdi, at->rsi == F_DUPFD ? "" : "_CLOEXEC",
                         at->rdx);
            break;
        case SYS_clone:
        case SYS_clone3:
            tracee->is_slow = true;
            tracee->clone_flags = at->orig_rax == SYS_clone ? at->rdi : number_at(id, at->rdi);
            set_call(tracee, "clone(%s[SIGCHLD], 0, 0, 0, 0)",
                     tracee->clone_flags & CLONE_THREAD ? "CLONE_VM|CLONE_THREAD|" : "");
            break;
        case SYS_fork:
        case SYS_vfork:
            tracee->is_slow = true;
            tracee->clone_flags = 0;
            set_call(tracee, "%s()", at->orig_rax == SYS_fork ? "fork" : "vfork");
            break;
    }
}

void begin_call(int log, struct tracee *tracee, const struct user_regs_struct *registers) {
    read_call(tracee, registers);
    if (tracee->call[0] && tracee->is_slow)
        say(log, tracee, "---- %s ...", tracee->call);
}

void end_call(int log, struct tracee *tracee, long result) {
    char number[32];
    if (!tracee->call[0])
        return;
    snprintf(number, sizeof(number), result < 0 ? "%ld" : "0x%lx", result);
    if (tracee->is_slow)
        say(log, tracee, "---- return from %.*s(...) = %s", (int)strcspn(tracee->call, "("), tracee->call, number);
    else
        say(log, tracee, "---- %s = %s", tracee->call, number);
    tracee->call[0] = '\0';
}
