/* SPDX-License-Identifier: Apache-2.0
 *
 * log_text - a line as pairs of name and value, quoted where they have to be.
 *
 *     time="2026-11-21T06:37:08.832446084Z" level=info msg="listening on :5000" instance.id=...
 */
#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/log_line.h"
#include "lib/base/utf8.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

static void append_escaped(struct str *str, uint32_t point, struct span bytes)
{
    if (utf8_append_short_escape(str, point))
        return;
    if (point < 0x20 || point == 0x7f)
        str_append_format(str, "\\x%02x", (unsigned)point);
    else if ((point >= 0x80 && point < 0xa0) || point == 0x2028 || point == 0x2029)
        str_append_format(str, "\\u%04x", (unsigned)point); /* terminals obey or break lines */
    else
        str_append(str, bytes);
}

void log_append_escaped(struct str *str, struct span text)
{
    while (text.len > 0) {
        uint32_t point = 0;
        size_t len = utf8_next(text, &point);

        if (len == 0) {
            str_append_format(str, "\\x%02x", (unsigned)(unsigned char)text.data[0]);
            len = 1;
        } else {
            append_escaped(str, point, span_make(text.data, len));
        }
        text = span_from(text, len);
    }
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], "-._/@^+"))
            return false;
    }
    return true;
}

static void append_value(struct str *out, struct span value)
{
    bool is_cut;

    value = log_shown(value, &is_cut);
    if (!is_cut && is_plain(value)) {
        str_append(out, value);
        return;
    }
    str_append_char(out, '"');
    log_append_escaped(out, value);
    str_append_text(out, is_cut ? "...\"" : "\"");
}

/* A name may come from the configuration: one that could be read as several pairs is escaped. */
static void append_name(struct str *out, const char *name)
{
    static const char *const taken[] = {"time", "level", "msg"};

    for (size_t i = 0; i < array_count(taken); i++) {
        if (strcmp(name, taken[i]) == 0)
            str_append_text(out, "fields.");
    }
    log_append_escaped(out, span_of(name));
}

void log_text_append(struct str *out, const struct log_entry *entry)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(entry->at, at);
    str_append_format(out, "time=\"%s\" level=%s msg=", at, entry->level);
    append_value(out, entry->message);
    for (size_t i = 0; i < entry->field_count; i++) {
        str_append_char(out, ' ');
        append_name(out, entry->fields[i].name);
        str_append_char(out, '=');
        append_value(out, entry->fields[i].value);
    }
}
