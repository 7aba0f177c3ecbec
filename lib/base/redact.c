/* SPDX-License-Identifier: Apache-2.0
 *
 * redact - see redact.h.
 */
#include "lib/base/redact.h"

#include "lib/base/ascii.h"

#include <string.h>

#include "lib/base/banned.h"

#define MASK         "***"
#define NAME_MAX_LEN 128 /* bytes, decoded; a longer name is nobody's, and taken for a secret's */

/* What a secret's name contains, and what it is. */
static const char *const telling_parts[] = {
    "token", "passw", "secret", "signature", "credential", "authorization", "apikey",
};
static const char *const telling_names[] = {"_state", "sig", "pwd", "pass", "auth", "jwt", "code"};

/* The byte at the front of @text, decoded; *out_len is what it takes. */
static char decoded_byte(struct span text, size_t *out_len)
{
    *out_len = 1;
    if (text.data[0] != '%' || text.len < 3 || ascii_hex_value(text.data[1]) < 0 ||
        ascii_hex_value(text.data[2]) < 0)
        return text.data[0];
    *out_len = 3;
    return (char)(ascii_hex_value(text.data[1]) << 4 | ascii_hex_value(text.data[2]));
}

/* The name as it is compared: decoded, in lower case, without `-` and inner `_`. False when it is
 * too long. */
static bool normalize_name(struct span name, char out[NAME_MAX_LEN + 1])
{
    size_t count = 0;
    size_t len;

    for (; name.len > 0; name = span_from(name, len)) {
        char c = ascii_lower(decoded_byte(name, &len));

        if (c == '-' || c == '\0' || (c == '_' && count > 0))
            continue;
        if (count == NAME_MAX_LEN)
            return false;
        out[count++] = c;
    }
    out[count] = '\0';
    return true;
}

static bool is_secret_name(struct span name)
{
    char text[NAME_MAX_LEN + 1];

    if (!normalize_name(name, text))
        return true;
    for (size_t i = 0; i < array_count(telling_parts); i++) {
        if (strstr(text, telling_parts[i]) != NULL)
            return true;
    }
    for (size_t i = 0; i < array_count(telling_names); i++) {
        if (strcmp(text, telling_names[i]) == 0)
            return true;
    }
    return false;
}

/* The first byte of @text that is one of @any, or its length. */
static size_t find_any(struct span text, const char *any)
{
    size_t i = 0;

    while (i < text.len && (text.data[i] == '\0' || strchr(any, text.data[i]) == NULL))
        i++;
    return i;
}

/* Length of "userinfo@" at the front of an authority, which one of @ends ends. */
static size_t userinfo_len(struct span text, const char *ends)
{
    size_t len = find_any(text, ends);

    while (len > 0 && text.data[len - 1] != '@')
        len--;
    return len;
}

/* Appends @text with the userinfo of each "//userinfo@host" hidden. */
static void append_part(struct str *out, struct span text, const char *ends)
{
    size_t shown = 0;

    for (size_t i = 0; i + 2 < text.len; i++) {
        size_t hidden;

        if (text.data[i] != '/' || text.data[i + 1] != '/')
            continue;
        hidden = userinfo_len(span_from(text, i + 2), ends);
        if (hidden <= 1)
            continue;
        str_append(out, span_make(text.data + shown, i + 2 - shown));
        str_append_text(out, MASK "@");
        shown = i + 2 + hidden;
        i = shown - 1;
    }
    str_append(out, span_from(text, shown));
}

/* What is before the query. Without a slash at its front it may be an authority alone. */
static void append_before_query(struct str *out, struct span text)
{
    size_t hidden = userinfo_len(text, "/");

    if (hidden > 1) {
        str_append_text(out, MASK "@");
        text = span_from(text, hidden);
    }
    append_part(out, text, "/");
}

/* Appends the parameter at the front of @rest, and returns its length. */
static size_t append_parameter(struct str *out, struct span rest)
{
    size_t name_len = find_any(rest, "=&?#;");
    bool is_pair = name_len < rest.len && rest.data[name_len] == '=';
    size_t len;

    if (!is_pair || !is_secret_name(span_make(rest.data, name_len))) {
        len = find_any(rest, "&?#;");
        append_part(out, span_make(rest.data, len), "/");
        return len;
    }
    str_append(out, span_make(rest.data, name_len + 1));
    len = find_any(rest, "&");
    if (len > name_len + 1)
        str_append_text(out, MASK);
    return len;
}

void redact_url(struct str *out, struct span url)
{
    size_t len = find_any(url, "?#");

    append_before_query(out, span_make(url.data, len));
    while (len < url.len) {
        str_append_char(out, url.data[len]); /* what separates parameters */
        url = span_from(url, len + 1);
        len = append_parameter(out, url);
    }
}

struct str redact_copy(const char *text)
{
    size_t len = strlen(text);
    struct str out = STR_INIT(len + len / 2 + 2);

    redact_url(&out, span_make(text, len));
    return out;
}
