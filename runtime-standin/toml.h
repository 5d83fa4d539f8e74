/* A reader for the part of TOML 1.0 that manifests are written in: tables, arrays of tables, inline tables, dotted and
 * quoted keys, one-line strings, integers, booleans, arrays, comments. Multi-line strings, floats and dates are errors.
 * Nothing is ever freed: the program reads one manifest and then becomes another program. */
#ifndef STANDIN_TOML_H
#define STANDIN_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOLEAN, TOML_ARRAY, TOML_TABLE };

struct toml {
    enum toml_kind kind;
    int line;            /* where it starts in the document, counted from 1 */
    bool is_closed;      /* written inline: later lines must not add to it */
    bool has_header;     /* a table that a [header] opened */
    const char *text;    /* of a string */
    int64_t integer;     /* of an integer; 0 or 1 of a boolean */
    size_t count;        /* of an array or a table */
    struct toml **items;
    const char **keys;   /* of a table, beside items, in the order of the document */
};

/* Reads a whole document; ends the program with the name and the line at the first error. */
const struct toml *toml_parse(const char *text, const char *document_name);

/* What a path of bare keys ("loader.env") leads to, or NULL. */
const struct toml *toml_find(const struct toml *table, const char *dotted_path);

/* The member of a table by its exact key, or NULL. */
struct toml *toml_member(const struct toml *table, const char *key);

/* "a string", "an array", ... for messages. */
const char *toml_kind_name(enum toml_kind kind);

struct toml *toml_new(enum toml_kind kind, int line);

/* Appends; key is NULL for arrays. */
void toml_append(struct toml *parent, const char *key, struct toml *item);

#endif
