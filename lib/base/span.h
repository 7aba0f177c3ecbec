/* SPDX-License-Identifier: Apache-2.0
 *
 * span - a piece of text or bytes in memory that somebody else owns (lent). Not terminated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *data; /* lent; may be NULL when len is 0 */
    size_t len;       /* bytes */
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})

/* printf("%.*s", SPAN_ARGS(span)) */
#define SPAN_ARGS(span) (int)(span).len, (span).data != NULL ? (span).data : ""

static inline struct span span_of(const char *text)
{
    return (struct span){text, text != NULL ? strlen(text) : 0};
}

static inline struct span span_make(const void *data, size_t len)
{
    return (struct span){data, len};
}

static inline bool span_equals(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool span_is(struct span span, const char *text)
{
    return span_equals(span, span_of(text));
}

/* Everything from @from on; @from is cut to the length. */
static inline struct span span_from(struct span span, size_t from)
{
    if (from > span.len)
        from = span.len;
    return (struct span){from > 0 ? span.data + from : span.data, span.len - from};
}

bool span_starts_with(struct span span, struct span prefix);
bool span_ends_with(struct span span, struct span suffix);
bool span_equals_nocase(struct span a, struct span b); /* ASCII only, whatever the locale */

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span span);

/* Cuts @rest at the first @separator: returns what is before it and leaves what is after it in
 * @rest. Without a separator all of it is returned and @rest is empty with data NULL. */
struct span span_cut(struct span *rest, char separator);

/* Bytewise order: negative, 0 or positive, as memcmp; a prefix comes first. */
int span_compare(struct span a, struct span b);
