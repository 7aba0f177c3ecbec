/* SPDX-License-Identifier: Apache-2.0
 *
 * str - text under construction, created with its maximum.
 *
 * Always terminated by a NUL that len does not count. What does not fit is not appended and marks
 * the text as overflowed, once and for good: build, then check str_overflowed() in one place.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
    char *data; /* owned; NULL until the first append */
    size_t len; /* bytes, without the NUL */
    size_t cap;
    size_t max; /* len never exceeds it */
    bool overflowed;
};

#define STR_INIT(maximum) ((struct str){.max = (maximum)})
#define auto_str          auto_cleanup(str_fini) struct str

void str_fini(struct str *str);
void str_reset(struct str *str); /* empty again, memory and maximum kept */

void str_append(struct str *str, struct span span);
void str_append_text(struct str *str, const char *text);
void str_append_char(struct str *str, char c);
void str_append_format(struct str *str, const char *format, ...) printf_like(2, 3);
void str_append_vformat(struct str *str, const char *format, va_list args) printf_like(2, 0);

/* Room for @len bytes at the end, to be filled by the caller, who then calls str_grown. NULL and
 * overflowed when the maximum does not allow it. */
char *str_reserve(struct str *str, size_t len);
void str_grown(struct str *str, size_t len);

const char *str_text(const struct str *str); /* lent until the next change; never NULL */
struct span str_span(const struct str *str); /* likewise */
char *str_take(struct str *str);             /* given: free(); @str is empty afterwards */

static inline bool str_overflowed(const struct str *str)
{
    return str->overflowed;
}
