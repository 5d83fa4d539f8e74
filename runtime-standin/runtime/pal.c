/* Stands for libpal.so. It is never run: it is there to be measured, so it has what makes measuring interesting, several
 * segments with different rights, data that ends inside a page, zeroed memory behind it and a gap (pal.lds). */
#include "../report.h"

static const char mark[] = STANDIN_MARK;
static const unsigned table[1500] = {[0] = 1, [1499] = 2};
static unsigned counters[700] = {3, 5, 7};
static unsigned char scratch[3 * 4096 + 100];

unsigned pal_start(unsigned argument);

unsigned pal_start(unsigned argument) {
    for (unsigned i = 0; i < sizeof(scratch); i += 512)
        scratch[i] = (unsigned char)(mark[i % sizeof(mark)] + table[i % 1500] + PAL_KIND);
    counters[argument % 700] += scratch[argument % sizeof(scratch)];
    return counters[argument % 700];
}
