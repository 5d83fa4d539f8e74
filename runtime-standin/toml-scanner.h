/* The characters and words of a TOML document, without its structure. */
#ifndef STANDIN_TOML_SCANNER_H
#define STANDIN_TOML_SCANNER_H

#include "toml.h"

struct scanner {
    const char *at;    /* the next character; the document ends with NUL */
    int line;
    const char *document_name;
};

__attribute__((noreturn)) void scan_fail(const struct scanner *scanner, const char *problem);

void skip_blanks(struct scanner *scanner);

/* Blanks, comments and line ends: what may stand between the items of an array. */
void skip_lines(struct scanner *scanner);

/* After a header or a pair: only blanks and a comment may follow on the line. */
void end_line(struct scanner *scanner);

/* Takes the character if it is next. */
bool take(struct scanner *scanner, char character);

/* A bare or quoted key, without dots. */
const char *scan_key(struct scanner *scanner);

/* A string in "" or '', or an integer, or a boolean. */
struct toml *scan_scalar(struct scanner *scanner);

#endif
