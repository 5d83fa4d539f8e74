#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void speak(const char *format, va_list arguments) {
    fputs("gramine (STAND-IN): ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void report(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    speak(format, arguments);
    va_end(arguments);
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    speak(format, arguments);
    va_end(arguments);
    exit(1);
}

void *allocate(unsigned long size_bytes) {
    return resize(NULL, size_bytes);
}

void *resize(void *block, unsigned long size_bytes) {
    void *bigger = realloc(block, size_bytes ? size_bytes : 1);
    if (!bigger)
        fail("out of memory");
    return bigger;
}

char *joined(const char *first, const char *second) {
    size_t length = strlen(first);
    char *both = allocate(length + strlen(second) + 1);
    memcpy(both, first, length);
    strcpy(both + length, second);
    return both;
}
