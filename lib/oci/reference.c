/* SPDX-License-Identifier: Apache-2.0
 *
 * reference - see reference.h.
 *
 *     component = [a-z0-9]+ ( ( [._] | __ | -+ ) [a-z0-9]+ )*
 *     host      = dc ( . dc )*  |  [ hex and colons ]
 *     dc        = [a-zA-Z0-9] ( [a-zA-Z0-9-]* [a-zA-Z0-9] )?
 *     name      = ( host ( : digits )? / )? component ( / component )*
 */
#include "lib/oci/reference.h"

#include "lib/base/ascii.h"

#include <string.h>

#include "lib/base/banned.h"

static bool is_lower_or_digit(char c)
{
    return is_ascii_digit(c) || is_ascii_lower(c);
}

/* Length of the separator at the start of @text, 0 if there is none that is allowed. */
static size_t separator_len(struct span text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] == '-')
        len++;
    if (len > 0)
        return len;
    if (span_starts_with(text, SPAN("__")))
        return 2;
    return text.len > 0 && (text.data[0] == '.' || text.data[0] == '_') ? 1 : 0;
}

static bool is_component(struct span text)
{
    size_t at = 0;

    for (;;) {
        size_t start = at;
        size_t separator;

        while (at < text.len && is_lower_or_digit(text.data[at]))
            at++;
        if (at == start)
            return false;
        if (at == text.len)
            return true;
        separator = separator_len(span_from(text, at));
        if (separator == 0)
            return false;
        at += separator;
    }
}

static bool is_domain_component(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum(text.data[i]) && text.data[i] != '-')
            return false;
    }
    return text.len > 0 && text.data[0] != '-' && text.data[text.len - 1] != '-';
}

static bool is_domain(struct span text)
{
    while (text.data != NULL) {
        if (!is_domain_component(span_cut(&text, '.')))
            return false;
    }
    return true;
}

static bool is_bracketed_ipv6(struct span text)
{
    if (text.len < 3 || text.data[0] != '[' || text.data[text.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++) {
        char c = text.data[i];

        if (!is_ascii_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':')
            return false;
    }
    return true;
}

/* Cuts ":digits" off the end; false when there is a colon that no digits follow. */
static bool cut_port(struct span *host)
{
    size_t at = host->len;

    while (at > 0 && is_ascii_digit(host->data[at - 1]))
        at--;
    if (at == 0 || host->data[at - 1] != ':')
        return true;
    if (at == host->len)
        return false;
    host->len = at - 1;
    return true;
}

static bool is_host_part(struct span text)
{
    if (is_bracketed_ipv6(text))
        return true;
    if (!cut_port(&text))
        return false;
    return is_domain(text) || is_bracketed_ipv6(text);
}

bool is_repository_shaped(struct span text)
{
    struct span rest = text;
    struct span first = span_cut(&rest, '/');

    if (text.len == 0)
        return false;
    if (!is_component(first) && (rest.data == NULL || !is_host_part(first)))
        return false;
    while (rest.data != NULL) {
        if (!is_component(span_cut(&rest, '/')))
            return false;
    }
    return true;
}

bool is_repository(struct span text)
{
    return text.len <= REPOSITORY_LEN_MAX && is_repository_shaped(text) &&
           memchr(text.data, ':', text.len) == NULL && memchr(text.data, '[', text.len) == NULL;
}

bool is_tag(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!is_ascii_alnum(c) && c != '_' && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return text.len > 0 && text.len <= TAG_LEN_MAX;
}

bool reference_parse(struct span text, struct reference *out)
{
    struct reference reference = {.tag = text};

    reference.is_digest = digest_parse(text, &reference.digest);
    if (reference.is_digest)
        reference.tag = (struct span){NULL, 0};
    else if (!is_tag(text))
        return false;
    *out = reference;
    return true;
}
