/* Runs a program under ptrace and writes what it opens in the form of Gramine's log. */
#ifndef STANDIN_TRACE_H
#define STANDIN_TRACE_H

#include "../toml.h"

/* Opens loader.log_file, if the manifest has one and asks for loader.log_level "trace"; else gives -1. */
int open_trace_log(const struct toml *manifest);

/* In place of execve: starts the program, traces it and all its children into the log, passes signals on, and ends with the
 * program's own exit code. Gives back only if nothing could be started, with errno. */
void execute_traced(int log, const char *program, char **arguments, char **environment);

#endif
