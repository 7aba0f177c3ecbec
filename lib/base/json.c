/* SPDX-License-Identifier: Apache-2.0
 *
 * json - see json.h.
 */
#include "lib/base/json.h"

#include "lib/base/ascii.h"
#include "lib/base/utf8.h"

#include <stdint.h>

#include "lib/base/banned.h"

static bool needs_escape(uint32_t point)
{
    return point < 0x20 || point == '<' || point == '>' || point == '&' || point == 0x2028 ||
           point == 0x2029;
}

static void append_point(struct str *str, uint32_t point, struct span bytes)
{
    if (utf8_append_short_escape(str, point))
        return;
    if (needs_escape(point))
        str_append_format(str, "\\u%04x", (unsigned)point);
    else
        str_append(str, bytes);
}

void json_append_characters(struct str *str, struct span text)
{
    while (text.len > 0) {
        uint32_t point = 0;
        size_t len = utf8_next(text, &point);

        if (len == 0) {
            str_append_text(str, "\\ufffd");
            len = 1;
        } else {
            append_point(str, point, span_make(text.data, len));
        }
        text = span_from(text, len);
    }
}

void json_append_string(struct str *str, struct span text)
{
    str_append_char(str, '"');
    json_append_characters(str, text);
    str_append_char(str, '"');
}

/* ---- the strict check ---- */

#define INTEGER_MAX ((uint64_t)1 << 53) /* a double holds every integer up to here */

struct scan {
    char *text;
    size_t len;
    size_t at;
    struct json_limits left;
    enum json_fault fault;
};

static bool scan_value(struct scan *scan);

/* The next byte, NUL at the end: no JSON grammar has a place for a real one. */
static char peek(const struct scan *scan)
{
    return scan->at < scan->len ? scan->text[scan->at] : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

static void skip_blanks(struct scan *scan)
{
    while (take(scan, ' ') || take(scan, '\n') || take(scan, '\r') || take(scan, '\t'))
        continue;
}

static bool scan_word(struct scan *scan, const char *word)
{
    for (; *word != '\0'; word++) {
        if (!take(scan, *word))
            return false;
    }
    return true;
}

/* The four digits of \uXXXX; false leaves the scan at the first that is none. */
static bool scan_unit(struct scan *scan, uint32_t *out)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        int value = ascii_hex_value(peek(scan));

        if (value < 0)
            return false;
        unit = unit << 4 | (uint32_t)value;
        scan->at++;
    }
    *out = unit;
    return true;
}

/* What follows \u. NUL and surrogates without their other half are rewritten as U+FFFD. */
static bool scan_unicode(struct scan *scan)
{
    size_t start = scan->at;
    size_t end;
    uint32_t unit = 0;
    uint32_t low = 0;

    if (!scan_unit(scan, &unit))
        return false;
    end = scan->at;
    if (unit >= 0xd800 && unit <= 0xdbff && take(scan, '\\') && take(scan, 'u') &&
        scan_unit(scan, &low) && low >= 0xdc00 && low <= 0xdfff)
        return true;
    scan->at = end; /* what follows is looked at for itself */
    if (unit == 0 || (unit >= 0xd800 && unit <= 0xdfff))
        memcpy(scan->text + start, "fffd", 4);
    return true;
}

/* After the backslash. */
static bool scan_escape(struct scan *scan)
{
    char c = peek(scan);

    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return false;
    scan->at++;
    return c != 'u' || scan_unicode(scan);
}

/* After the opening quote. */
static bool scan_string(struct scan *scan)
{
    while (scan->at < scan->len) {
        unsigned char c = (unsigned char)scan->text[scan->at];

        if (c < 0x20)
            return false;
        scan->at++;
        if (c == '"')
            return true;
        if (c == '\\' && !scan_escape(scan))
            return false;
    }
    return false;
}

static bool scan_digits(struct scan *scan)
{
    size_t start = scan->at;

    while (is_ascii_digit(peek(scan)))
        scan->at++;
    return scan->at > start;
}

/* Whether the digits from @start on are an integer that survives cJSON's doubles. */
static bool is_exact(const struct scan *scan, size_t start)
{
    uint64_t value = 0;

    for (size_t i = start; i < scan->at; i++) {
        value = value * 10 + (uint64_t)(scan->text[i] - '0');
        if (value > INTEGER_MAX)
            return false;
    }
    return true;
}

/* One that is not exact has three characters or more: room for the two of an empty object. */
static bool scan_number(struct scan *scan)
{
    size_t start = scan->at;
    size_t digits;
    bool exact;

    take(scan, '-');
    digits = scan->at;
    if (!take(scan, '0') && !scan_digits(scan))
        return false;
    exact = is_exact(scan, digits);
    if (take(scan, '.')) {
        exact = false;
        if (!scan_digits(scan))
            return false;
    }
    if (take(scan, 'e') || take(scan, 'E')) {
        exact = false;
        if (!take(scan, '+'))
            take(scan, '-');
        if (!scan_digits(scan))
            return false;
    }
    if (!exact) {
        memset(scan->text + start, ' ', scan->at - start);
        memcpy(scan->text + start, "{}", 2);
    }
    return true;
}

/* After the opening brace or bracket, up to and with @close. */
static bool scan_members(struct scan *scan, char close)
{
    skip_blanks(scan);
    if (take(scan, close))
        return true;
    do {
        skip_blanks(scan);
        if (close == '}') {
            if (!take(scan, '"') || !scan_string(scan))
                return false;
            skip_blanks(scan);
            if (!take(scan, ':'))
                return false;
        }
        if (!scan_value(scan))
            return false;
        skip_blanks(scan);
    } while (take(scan, ','));
    return take(scan, close);
}

static bool scan_nested(struct scan *scan, char close)
{
    bool fine;

    if (scan->left.depth == 0) {
        scan->fault = JSON_TOO_DEEP;
        return false;
    }
    scan->left.depth--;
    fine = scan_members(scan, close);
    scan->left.depth++;
    return fine;
}

static bool scan_value(struct scan *scan)
{
    if (scan->left.values == 0) {
        scan->fault = JSON_TOO_MANY;
        return false;
    }
    scan->left.values--;
    skip_blanks(scan);
    if (take(scan, '{'))
        return scan_nested(scan, '}');
    if (take(scan, '['))
        return scan_nested(scan, ']');
    if (take(scan, '"'))
        return scan_string(scan);
    switch (peek(scan)) {
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        return scan_number(scan);
    }
}

enum json_fault json_prepare(char *text, size_t len, struct json_limits limits, size_t *out_offset)
{
    struct scan scan = {.text = text, .len = len, .left = limits, .fault = JSON_SYNTAX};

    if (scan_value(&scan)) {
        skip_blanks(&scan);
        if (scan.at == len)
            return JSON_FINE;
    }
    *out_offset = scan.at < len ? scan.at + 1 : len;
    return scan.fault;
}
