/* Stands for one shared library of Gramine: a name, a mark, and nothing that could run. */
#include "../report.h"

extern const char standin_mark[];
const char standin_mark[] = STANDIN_MARK;
