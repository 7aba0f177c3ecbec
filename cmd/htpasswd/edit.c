/* SPDX-License-Identifier: Apache-2.0
 *
 * edit - see edit.h.
 */
#include "cmd/htpasswd/edit.h"

#include "auth/htpasswd/passwords.h"

#include "lib/base/banned.h"

static bool is_line_of(struct span line, struct span user)
{
    struct span found;
    struct span entry;

    return passwords_split(line, &found, &entry) == PASSWORDS_ENTRY && span_equals(found, user);
}

static void append_record(struct str *out, struct span record)
{
    str_append(out, record);
    str_append_char(out, '\n');
}

/* The line at the start of @rest with its end, which may be missing from the last one. */
static struct span take_line(struct span *rest)
{
    struct span whole = *rest;
    struct span line = span_cut(rest, '\n');

    return rest->data == NULL ? whole : span_make(line.data, line.len + 1);
}

size_t edit_lines(struct span text, struct span user, struct span record, struct str *out)
{
    size_t found = 0;

    while (text.len > 0) {
        struct span line = take_line(&text);

        if (!is_line_of(line, user))
            str_append(out, line);
        else if (found++ == 0 && record.len > 0)
            append_record(out, record);
    }
    if (found > 0 || record.len == 0)
        return found;
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        str_append_char(out, '\n');
    append_record(out, record);
    return found;
}
