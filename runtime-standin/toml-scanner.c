#include "toml-scanner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

void scan_fail(const struct scanner *scanner, const char *problem) {
    fail("%s: line %d: %s", scanner->document_name, scanner->line, problem);
}

void skip_blanks(struct scanner *scanner) {
    while (*scanner->at == ' ' || *scanner->at == '\t')
        scanner->at++;
}

bool take(struct scanner *scanner, char character) {
    if (*scanner->at != character)
        return false;
    scanner->at++;
    return true;
}

static void skip_comment(struct scanner *scanner) {
    if (*scanner->at == '#')
        scanner->at += strcspn(scanner->at, "\n");
}

static bool take_line_end(struct scanner *scanner) {
    if (scanner->at[0] == '\r' && scanner->at[1] == '\n')
        scanner->at++;
    if (!take(scanner, '\n'))
        return false;
    scanner->line++;
    return true;
}

void skip_lines(struct scanner *scanner) {
    do {
        skip_blanks(scanner);
        skip_comment(scanner);
    } while (take_line_end(scanner));
}

void end_line(struct scanner *scanner) {
    skip_blanks(scanner);
    skip_comment(scanner);
    if (*scanner->at != '\0' && !take_line_end(scanner))
        scan_fail(scanner, "expected the end of the line");
}

static bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static unsigned long hex_digits(struct scanner *scanner, int count) {
    unsigned long code = 0;
    for (int i = 0; i < count; i++) {
        char c = *scanner->at++;
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            scan_fail(scanner, "expected hexadecimal digits after \\u or \\U");
        code = code * 16 + (unsigned long)digit;
    }
    return code;
}

/* RFC 3629; code points that are no characters are refused, and NUL, which no argument can hold. */
static char *put_utf8(struct scanner *scanner, char *to, unsigned long code) {
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        scan_fail(scanner, "an escape that stands for no character");
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(lead[more] | (code >> (6 * more)));
    while (more-- > 0)
        *to++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
    return to;
}

static char *put_escape(struct scanner *scanner, char *to) {
    static const char names[] = "btnfr\"\\";
    static const char characters[] = "\b\t\n\f\r\"\\";
    char name = *scanner->at++;
    const char *found = name ? strchr(names, name) : NULL;
    if (found) {
        *to++ = characters[found - names];
        return to;
    }
    if (name == 'u' || name == 'U')
        return put_utf8(scanner, to, hex_digits(scanner, name == 'u' ? 4 : 8));
    scan_fail(scanner, "an unknown escape in a string");
}

static const char *scan_string(struct scanner *scanner) {
    char quote = *scanner->at++;
    if (scanner->at[0] == quote && scanner->at[1] == quote)
        scan_fail(scanner, "multi-line strings are not read by the stand-in");
    /* An escape is at least as long as the bytes that it stands for, so the rest of the line is room enough. */
    char *text = allocate(strcspn(scanner->at, "\n") + 1);
    char *to = text;
    while (*scanner->at != quote) {
        unsigned char c = (unsigned char)*scanner->at;
        if (c == '\0' || c == '\n')
            scan_fail(scanner, "a string without its closing quote");
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            scan_fail(scanner, "a control character in a string");
        scanner->at++;
        if (c == '\\' && quote == '"')
            to = put_escape(scanner, to);
        else
            *to++ = (char)c;
    }
    scanner->at++;
    *to = '\0';
    return text;
}

const char *scan_key(struct scanner *scanner) {
    if (*scanner->at == '"' || *scanner->at == '\'')
        return scan_string(scanner);
    const char *start = scanner->at;
    while (is_bare(*scanner->at))
        scanner->at++;
    if (scanner->at == start)
        scan_fail(scanner, "expected a key");
    size_t length = (size_t)(scanner->at - start);
    char *key = allocate(length + 1);
    memcpy(key, start, length);
    key[length] = '\0';
    return key;
}

/* Digits with single underscores between them, an optional sign, or 0x, 0o, 0b: TOML 1.0, "Integer". */
static bool integer_of(const char *word, int64_t *integer) {
    char digits[72];
    size_t count = 0;
    const char *from = word + (*word == '+' || *word == '-');
    const char *alphabet = "0123456789";
    int base = 10;
    if (from == word && from[0] == '0' && from[1] && strchr("xob", from[1])) {
        base = from[1] == 'x' ? 16 : from[1] == 'o' ? 8 : 2;
        alphabet = base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "01";
        from += 2;
    } else if (from[0] == '0' && from[1] != '\0')
        return false;
    if (*word == '-')
        digits[count++] = '-';
    for (const char *c = from; *c; c++) {
        if (*c != '_' && !strchr(alphabet, *c))
            return false;
        if (*c == '_' && (c == from || c[1] == '_' || c[1] == '\0'))
            return false;
        if (*c != '_')
            digits[count++] = *c;
    }
    digits[count] = '\0';
    errno = 0;
    *integer = strtoll(digits, NULL, base);
    return *from != '\0' && errno == 0;
}

static struct toml *scan_word(struct scanner *scanner) {
    char word[72];
    size_t length = strcspn(scanner->at, " \t\r\n,]}#");
    if (length == 0 || length >= sizeof(word))
        scan_fail(scanner, "expected a value");
    memcpy(word, scanner->at, length);
    word[length] = '\0';
    bool is_true = strcmp(word, "true") == 0;
    struct toml *value = toml_new(TOML_INTEGER, scanner->line);
    if (is_true || strcmp(word, "false") == 0) {
        value->kind = TOML_BOOLEAN;
        value->integer = is_true;
    } else if (!integer_of(word, &value->integer))
        scan_fail(scanner, "expected a string, an integer, a boolean, an array or an inline table");
    scanner->at += length;
    return value;
}

struct toml *scan_scalar(struct scanner *scanner) {
    if (*scanner->at != '"' && *scanner->at != '\'')
        return scan_word(scanner);
    struct toml *value = toml_new(TOML_STRING, scanner->line);
    value->text = scan_string(scanner);
    return value;
}
