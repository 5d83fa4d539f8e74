/* How the stand-in speaks: every line says that it is a stand-in. */
#ifndef STANDIN_REPORT_H
#define STANDIN_REPORT_H

#define STANDIN_VERSION "Gramine 1.9 (stand-in)"
#define STANDIN_MARK "gsc runtime stand-in: not Gramine, no enclave"

__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/* Reports and ends with exit code 1. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* For memory that must be there: ends the program where malloc would give NULL. */
void *allocate(unsigned long size_bytes);
void *resize(void *block, unsigned long size_bytes);
char *joined(const char *first, const char *second);

#endif
