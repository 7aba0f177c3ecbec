/* SPDX-License-Identifier: Apache-2.0
 *
 * log - see log.h.
 */
#include "lib/base/log.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/sink.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define STATIC_FIELDS_MAX 16
#define MESSAGE_SIZE      8192 /* bytes, with the NUL; what is longer is cut visibly */
#define VALUE_MAX_LEN     4096 /* likewise */

/* A byte becomes six at most; nothing that can be put in a line overflows it. */
#define LINE_MAX_LEN (6 * (MESSAGE_SIZE + LOG_FIELDS_MAX * (VALUE_MAX_LEN + 256)))

static enum log_level level_limit = LOG_LEVEL_INFO;
static log_context_cb *line_context;
static struct {
    char *name;
    char *value;
} static_fields[STATIC_FIELDS_MAX];
static size_t static_field_count;

static struct sink log_sink = {.fd = STDERR_FILENO};
static struct sink access_sink = {.fd = STDOUT_FILENO};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_set_level(enum log_level level)
{
    level_limit = level;
}

bool log_is_enabled(enum log_level level)
{
    return level <= level_limit;
}

void log_set_context(log_context_cb *context)
{
    line_context = context;
}

void log_set_static_field(const char *name, const char *value)
{
    if (static_field_count == STATIC_FIELDS_MAX)
        return;
    static_fields[static_field_count].name = xstrdup(name);
    static_fields[static_field_count++].value = xstrdup(value);
}

void log_fini(void)
{
    while (static_field_count > 0) {
        static_field_count--;
        free(static_fields[static_field_count].name);
        free(static_fields[static_field_count].value);
    }
    line_context = NULL;
}

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

static int compare_fields(const void *a, const void *b)
{
    return strcmp(((const struct log_field *)a)->name, ((const struct log_field *)b)->name);
}

static void append_value(struct str *out, const struct log_field *field)
{
    struct span value = field->value;
    bool is_cut = value.len > VALUE_MAX_LEN;

    if (is_cut)
        value.len = VALUE_MAX_LEN;
    if (!is_cut && (field->is_number || is_plain(value))) {
        str_append(out, value);
        return;
    }
    str_append_char(out, '"');
    log_append_escaped(out, value);
    str_append_text(out, is_cut ? "...\"" : "\"");
}

static void format_line(struct str *out, struct log_line *line, struct span message)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_now(), at);
    str_append_format(out, "time=\"%s\" level=%s msg=\"", at, level_names[line->level]);
    log_append_escaped(out, message);
    str_append_char(out, '"');
    qsort(line->fields, line->count, sizeof(line->fields[0]), compare_fields);
    for (size_t i = 0; i < line->count; i++) {
        str_append_format(out, " %s=", line->fields[i].name);
        append_value(out, &line->fields[i]);
    }
}

void log_begin(struct log_line *line, enum log_level level)
{
    line->level = level;
    line->count = 0;
}

void log_add(struct log_line *line, const char *name, struct span value)
{
    if (line->count < LOG_FIELDS_MAX)
        line->fields[line->count++] = (struct log_field){name, value, false};
}

void log_add_text(struct log_line *line, const char *name, const char *value)
{
    log_add(line, name, span_of(value));
}

void log_add_number(struct log_line *line, const char *name, const char *digits)
{
    if (line->count < LOG_FIELDS_MAX)
        line->fields[line->count++] = (struct log_field){name, span_of(digits), true};
}

/* Lines that were lost are told of as soon as one gets through again. */
static void write_line(struct sink *sink, const char *name, struct span line)
{
    uint64_t lost = sink_write(sink, line) ? sink_take_lost(sink) : 0;

    if (lost > 0)
        log_warn("%" PRIu64 " lines of the %s were lost: nobody read them", lost, name);
}

static void printf_like(2, 0) log_vend(struct log_line *line, const char *format, va_list args)
{
    auto_str out = STR_INIT(LINE_MAX_LEN);
    char message[MESSAGE_SIZE] = "";

    if (!log_is_enabled(line->level))
        return;
    if (vsnprintf(message, sizeof(message), format, args) >= (int)sizeof(message))
        memcpy(message + sizeof(message) - 4, "...", 4);
    if (line_context == NULL || !line_context(line)) {
        for (size_t i = 0; i < static_field_count; i++)
            log_add_text(line, static_fields[i].name, static_fields[i].value);
    }
    format_line(&out, line, span_of(message));
    str_append_char(&out, '\n');
    write_line(&log_sink, "log", str_span(&out));
}

void log_end(struct log_line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vend(line, format, args);
    va_end(args);
}

void log_write(enum log_level level, const char *format, ...)
{
    struct log_line line;
    va_list args;

    log_begin(&line, level);
    va_start(args, format);
    log_vend(&line, format, args);
    va_end(args);
}

void log_access(struct span line)
{
    auto_str out = STR_INIT(line.len + 1);

    str_append(&out, line);
    str_append_char(&out, '\n');
    write_line(&access_sink, "access log", str_span(&out));
}
