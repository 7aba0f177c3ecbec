/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar - see scalar.h.
 */
#include "lib/config/scalar.h"

#include "lib/base/ascii.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define DIGITS_MAX 80 /* characters of a number; longer ones are text */

static bool is_word(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

/* Copies @text without its `_` separators; false when it cannot be a number. */
static bool copy_digits(const char *text, char out[DIGITS_MAX])
{
    size_t len = 0;

    if (!is_ascii_digit(text[0]) && strchr("+-.", text[0]) == NULL)
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '_')
            continue;
        if (len == DIGITS_MAX - 1)
            return false;
        out[len++] = *text;
    }
    out[len] = '\0';
    return len > 0;
}

/* Decimal, 0x, 0o, 0b and octal with a leading zero, each with an optional sign. */
static bool parse_integer(const char *digits, int64_t *out)
{
    bool is_negative = digits[0] == '-';
    unsigned long long value;
    int base = 10;
    char *end;

    if (digits[0] == '-' || digits[0] == '+')
        digits++;
    if (digits[0] == '0' && digits[1] != '\0') {
        const char *prefixes = "xXoObB";
        const char *found = strchr(prefixes, digits[1]);

        base = found == NULL ? 8 : (const int[]){16, 8, 2}[(found - prefixes) / 2];
        digits += found == NULL ? 1 : 2;
    }
    /* strtoull would take blanks and another sign */
    if (!is_ascii_digit(digits[0]) && !(base == 16 && strchr("abcdefABCDEF", digits[0]) != NULL))
        return false;
    if (base == 16 && (digits[1] == 'x' || digits[1] == 'X'))
        return false;
    errno = 0;
    value = strtoull(digits, &end, base);
    if (*end != '\0' || errno != 0 || digits[0] == '\0' || value > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* [-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)? */
static bool has_real_form(const char *c)
{
    size_t digits = 0;

    if (*c == '-' || *c == '+')
        c++;
    for (; is_ascii_digit(*c); c++)
        digits++;
    if (*c == '.') {
        for (c++; is_ascii_digit(*c); c++)
            digits++;
    }
    if (digits == 0)
        return false;
    if (*c == '\0')
        return true;
    if (*c != 'e' && *c != 'E')
        return false;
    c += c[1] == '-' || c[1] == '+' ? 2 : 1;
    return *c != '\0' && c[strspn(c, "0123456789")] == '\0';
}

static bool parse_real(const char *digits, double *out)
{
    static const char *const infinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"};
    static const char *const negative[] = {"-.inf", "-.Inf", "-.INF"};
    static const char *const no_number[] = {".nan", ".NaN", ".NAN"};

    if (is_word(digits, infinite, array_count(infinite)))
        *out = (double)INFINITY;
    else if (is_word(digits, negative, array_count(negative)))
        *out = -(double)INFINITY;
    else if (is_word(digits, no_number, array_count(no_number)))
        *out = (double)NAN;
    else if (has_real_form(digits))
        *out = strtod(digits, NULL);
    else
        return false;
    return true;
}

struct scalar scalar_resolve(const char *text)
{
    static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                      "True", "TRUE", "on",  "On",  "ON"};
    static const char *const no[] = {"n",     "N",     "no",  "No",  "NO", "false",
                                     "False", "FALSE", "off", "Off", "OFF"};
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    struct scalar scalar = {.kind = SCALAR_TEXT};
    char digits[DIGITS_MAX];

    if (is_word(text, nothing, array_count(nothing))) {
        scalar.kind = SCALAR_NULL;
    } else if (is_word(text, yes, array_count(yes)) || is_word(text, no, array_count(no))) {
        scalar.kind = SCALAR_BOOL;
        scalar.boolean = is_word(text, yes, array_count(yes));
    } else if (copy_digits(text, digits)) {
        if (parse_integer(digits, &scalar.integer))
            scalar.kind = SCALAR_INTEGER;
        else if (parse_real(digits, &scalar.real))
            scalar.kind = SCALAR_REAL;
    }
    return scalar;
}

/* The shortest digits that read back as the same number, in the form of Go's %v. */
static void format_real(double real, struct str *out)
{
    char text[64];
    int exponent;
    int digits = 1;

    if (isnan(real) || isinf(real)) {
        str_append_text(out, isnan(real) ? "NaN" : real > 0 ? "+Inf" : "-Inf");
        return;
    }
    do
        snprintf(text, sizeof(text), "%.*e", digits - 1, real);
    while (strtod(text, NULL) != real && ++digits <= 17);
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 6)
        snprintf(text, sizeof(text), "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0,
                 real);
    str_append_text(out, text);
}

void scalar_normalize(const char *text, struct str *out)
{
    struct scalar scalar = scalar_resolve(text);

    if (scalar.kind == SCALAR_BOOL)
        str_append_text(out, scalar.boolean ? "true" : "false");
    else if (scalar.kind == SCALAR_INTEGER)
        str_append_format(out, "%lld", (long long)scalar.integer);
    else if (scalar.kind == SCALAR_REAL)
        format_real(scalar.real, out);
    else
        str_append_text(out, text);
}

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", 1000000},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* micro sign */
    {"\xce\xbcs", 1000}, /* Greek mu */
    {"ns", 1},
};

/* The unit at *@text, which goes behind it; 0 when there is none. */
static int64_t parse_unit(const char **text)
{
    size_t len = strcspn(*text, ".0123456789");

    for (size_t i = 0; i < array_count(units); i++) {
        if (strlen(units[i].name) == len && strncmp(*text, units[i].name, len) == 0) {
            *text += len;
            return units[i].ns;
        }
    }
    return 0;
}

/* One number with its unit, added to *@ns; false when it is none or does not fit. */
static bool parse_term(const char **text, int64_t *ns)
{
    int64_t whole = 0;
    double part = 0;
    double scale = 1;
    bool has_digits = false;
    int64_t unit;

    for (; is_ascii_digit(**text); (*text)++) {
        has_digits = true;
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, **text - '0', &whole))
            return false;
    }
    if (**text == '.') {
        for ((*text)++; is_ascii_digit(**text); (*text)++) {
            has_digits = true;
            scale /= 10;
            part += (**text - '0') * scale;
        }
    }
    unit = has_digits ? parse_unit(text) : 0;
    return unit != 0 && !__builtin_mul_overflow(whole, unit, &whole) &&
           !__builtin_add_overflow(whole, (int64_t)(part * (double)unit + 0.5), &whole) &&
           !__builtin_add_overflow(*ns, whole, ns);
}

bool scalar_parse_duration(const char *text, int64_t *out_ns)
{
    bool is_negative = text[0] == '-';
    int64_t ns = 0;

    if (text[0] == '-' || text[0] == '+')
        text++;
    if (strcmp(text, "0") == 0) {
        *out_ns = 0;
        return true;
    }
    if (text[0] == '\0')
        return false;
    while (*text != '\0') {
        if (!parse_term(&text, &ns))
            return false;
    }
    *out_ns = is_negative ? -ns : ns;
    return true;
}

void scalar_format_duration(int64_t ns, struct str *out)
{
    uint64_t rest = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    if (ns == 0) {
        str_append_text(out, "0s");
        return;
    }
    if (ns < 0)
        str_append_char(out, '-');
    for (size_t i = 0; i < array_count(units); i++) {
        uint64_t count = rest / (uint64_t)units[i].ns;

        if (count > 0)
            str_append_format(out, "%llu%s", (unsigned long long)count, units[i].name);
        rest -= count * (uint64_t)units[i].ns;
    }
}
