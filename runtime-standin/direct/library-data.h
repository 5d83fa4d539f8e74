/* Where Gramine's C library would look for time zones, locales and character sets. */
#ifndef STANDIN_LIBRARY_DATA_H
#define STANDIN_LIBRARY_DATA_H

#include "program.h"

/* Natively the image's own C library runs, which looks at other places than Gramine's. Where a program would find other
 * data there than the mounts show at the places of `library` (Gramine's, on the host), or data where it would find none,
 * a variable of the C library leads it to what it would find inside. */
void follow_library_data(struct world *world, const char *library);

#endif
