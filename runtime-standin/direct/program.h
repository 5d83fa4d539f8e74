/* The files that Gramine would load to start a program, and what is different when it runs natively. */
#ifndef STANDIN_PROGRAM_H
#define STANDIN_PROGRAM_H

#include "mounts.h"
#include "sources.h"
#include "trust.h"

struct world {
    const struct mounts *mounts;
    const struct trust *trust;
    const char *start_directory; /* inside, clean and absolute */
    struct strings environment;
};

/* Checks the executable, the interpreter of a script and the ELF interpreter as Gramine would find them; ends the
 * program if one is missing or not trusted. Gives the executable's absolute path on the host. */
char *check_program(const struct world *world, const char *entrypoint);

/* Takes directories of stand-in libraries out of LD_LIBRARY_PATH: natively only a real C library works. */
void drop_standin_libraries(struct world *world);

#endif
