/* The lines of Gramine's log about system calls: libos_parser.c and log.c of Gramine 1.9 in form. */
#ifndef STANDIN_TRACE_LINES_H
#define STANDIN_TRACE_LINES_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

struct tracee {
    pid_t id;
    unsigned process; /* Gramine's own numbers */
    unsigned thread;
    char program[64]; /* base name */
    bool is_inside;   /* of a system call */
    bool is_new;      /* its first stop is not a signal for it */
    char call[8192];  /* `name(arguments)` of the call that it is in; empty if nothing is said about it */
    bool is_slow;     /* one that Gramine announces before it returns */
    unsigned long long clone_flags;
    unsigned child; /* Gramine's number of what it made last */
};

/* What a call is about, read when it begins; announces it if Gramine does. */
void begin_call(int log, struct tracee *tracee, const struct user_regs_struct *registers);

/* Says how the call ended. */
void end_call(int log, struct tracee *tracee, long result);

#endif
