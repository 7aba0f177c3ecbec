/* SPDX-License-Identifier: Apache-2.0
 *
 * str - see str.h.
 */
#include "lib/base/str.h"

#include "lib/base/memory.h"

#include <stdio.h>

#include "lib/base/banned.h"

void str_fini(struct str *str)
{
    free(str->data);
    *str = STR_INIT(str->max);
}

void str_reset(struct str *str)
{
    str->len = 0;
    str->overflowed = false;
    if (str->data != NULL)
        str->data[0] = '\0';
}

char *str_reserve(struct str *str, size_t len)
{
    size_t need;

    if (str->overflowed || len > str->max - str->len) {
        str->overflowed = true;
        return NULL;
    }
    need = str->len + len + 1;
    if (need > str->cap) {
        size_t cap = str->cap < 64 ? 64 : str->cap * 2;

        if (cap > str->max + 1)
            cap = str->max + 1;
        if (cap < need)
            cap = need;
        str->data = xrealloc(str->data, cap);
        str->cap = cap;
    }
    return str->data + str->len;
}

void str_grown(struct str *str, size_t len)
{
    str->len += len;
    str->data[str->len] = '\0';
}

void str_append(struct str *str, struct span span)
{
    char *room = str_reserve(str, span.len);

    if (room == NULL)
        return;
    if (span.len > 0)
        memcpy(room, span.data, span.len);
    str_grown(str, span.len);
}

void str_append_text(struct str *str, const char *text)
{
    str_append(str, span_of(text));
}

void str_append_char(struct str *str, char c)
{
    str_append(str, span_make(&c, 1));
}

void str_append_format(struct str *str, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    str_append_vformat(str, format, args);
    va_end(args);
}

void str_append_vformat(struct str *str, const char *format, va_list args)
{
    va_list again;
    int len;
    char *room;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    room = len >= 0 ? str_reserve(str, (size_t)len) : NULL;
    if (room != NULL) {
        vsnprintf(room, (size_t)len + 1, format, again);
        str_grown(str, (size_t)len);
    }
    va_end(again);
}

const char *str_text(const struct str *str)
{
    return str->data != NULL ? str->data : "";
}

struct span str_span(const struct str *str)
{
    return span_make(str_text(str), str->len);
}

char *str_take(struct str *str)
{
    char *data = str->data != NULL ? str->data : xstrdup("");

    *str = STR_INIT(str->max);
    return data;
}
