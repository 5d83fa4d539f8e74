#include "toml.h"

#include <string.h>

#include "report.h"
#include "toml-scanner.h"

static struct toml *scan_value(struct scanner *scanner, int depth);

/* Deeper nesting than this is no manifest; the limit keeps the recursion from using up the stack. */
enum { MAX_DEPTH = 64 };

/* The table that a key of a dotted path leads into, made if it is not there yet. */
static struct toml *step_into(struct scanner *scanner, struct toml *table, const char *key) {
    struct toml *next = toml_member(table, key);
    if (!next) {
        next = toml_new(TOML_TABLE, scanner->line);
        toml_append(table, key, next);
    }
    if (next->is_closed)
        scan_fail(scanner, "what was written inline cannot be added to");
    if (next->kind == TOML_ARRAY)
        next = next->items[next->count - 1];
    if (next->kind != TOML_TABLE)
        scan_fail(scanner, "a part of the key is not a table");
    return next;
}

/* Reads `a.b.c`: enters a and b, gives c. */
static const char *scan_path(struct scanner *scanner, struct toml **table) {
    const char *key = scan_key(scanner);
    for (;;) {
        skip_blanks(scanner);
        if (!take(scanner, '.'))
            return key;
        *table = step_into(scanner, *table, key);
        skip_blanks(scanner);
        key = scan_key(scanner);
    }
}

static void scan_pair(struct scanner *scanner, struct toml *table, int depth) {
    const char *key = scan_path(scanner, &table);
    if (toml_member(table, key))
        scan_fail(scanner, "a key that is there already");
    if (!take(scanner, '='))
        scan_fail(scanner, "expected = after the key");
    skip_blanks(scanner);
    toml_append(table, key, scan_value(scanner, depth));
}

static struct toml *scan_array(struct scanner *scanner, int depth) {
    struct toml *array = toml_new(TOML_ARRAY, scanner->line);
    skip_lines(scanner);
    while (!take(scanner, ']')) {
        toml_append(array, NULL, scan_value(scanner, depth));
        skip_lines(scanner);
        if (!take(scanner, ',') && *scanner->at != ']')
            scan_fail(scanner, "expected , or ] in an array");
        skip_lines(scanner);
    }
    array->is_closed = true;
    return array;
}

static struct toml *scan_inline_table(struct scanner *scanner, int depth) {
    struct toml *table = toml_new(TOML_TABLE, scanner->line);
    skip_blanks(scanner);
    if (!take(scanner, '}')) {
        do {
            skip_blanks(scanner);
            scan_pair(scanner, table, depth);
            skip_blanks(scanner);
        } while (take(scanner, ','));
        if (!take(scanner, '}'))
            scan_fail(scanner, "expected , or } in an inline table");
    }
    table->is_closed = true;
    return table;
}

static struct toml *scan_value(struct scanner *scanner, int depth) {
    if (depth > MAX_DEPTH)
        scan_fail(scanner, "arrays or tables are nested too deep");
    if (take(scanner, '['))
        return scan_array(scanner, depth + 1);
    if (take(scanner, '{'))
        return scan_inline_table(scanner, depth + 1);
    return scan_scalar(scanner);
}

static struct toml *open_table(struct scanner *scanner, struct toml *parent, const char *key) {
    struct toml *table = step_into(scanner, parent, key);
    if (table->has_header || toml_member(parent, key)->kind == TOML_ARRAY)
        scan_fail(scanner, "a table with this name is there already");
    table->has_header = true;
    return table;
}

static struct toml *open_element(struct scanner *scanner, struct toml *parent, const char *key) {
    struct toml *array = toml_member(parent, key);
    if (!array) {
        array = toml_new(TOML_ARRAY, scanner->line);
        toml_append(parent, key, array);
    }
    if (array->kind != TOML_ARRAY || array->is_closed)
        scan_fail(scanner, "this name is taken by something that is no array of tables");
    struct toml *table = toml_new(TOML_TABLE, scanner->line);
    toml_append(array, NULL, table);
    return table;
}

static struct toml *scan_header(struct scanner *scanner, struct toml *root) {
    bool is_element = take(scanner, '[');
    struct toml *parent = root;
    skip_blanks(scanner);
    const char *key = scan_path(scanner, &parent);
    if (!take(scanner, ']') || (is_element && !take(scanner, ']')))
        scan_fail(scanner, "expected ] after a table's name");
    return is_element ? open_element(scanner, parent, key) : open_table(scanner, parent, key);
}

const struct toml *toml_parse(const char *text, const char *document_name) {
    struct scanner scanner = {.at = text, .line = 1, .document_name = document_name};
    struct toml *root = toml_new(TOML_TABLE, 1);
    struct toml *current = root;
    for (skip_lines(&scanner); *scanner.at != '\0'; skip_lines(&scanner)) {
        if (take(&scanner, '['))
            current = scan_header(&scanner, root);
        else
            scan_pair(&scanner, current, 0);
        end_line(&scanner);
    }
    return root;
}
