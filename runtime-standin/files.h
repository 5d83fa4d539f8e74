/* Files on the host. */
#ifndef STANDIN_FILES_H
#define STANDIN_FILES_H

#include <stddef.h>

/* The whole file with a NUL behind it; ends the program if it cannot be read. `what` names its role. */
char *read_whole_file(const char *path, const char *what, size_t *size_bytes);

/* Up to size_bytes of a regular file from an offset. Returns how many, or -1 with errno. */
long read_at(const char *path, unsigned long offset, void *buffer, size_t size_bytes);

#endif
