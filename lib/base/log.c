/* SPDX-License-Identifier: Apache-2.0
 *
 * log - see log.h.
 */
#include "lib/base/log.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/log_line.h"
#include "lib/base/memory.h"
#include "lib/base/sink.h"
#include "lib/base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define STATIC_FIELDS_MAX 24
#define NAME_MAX_LEN      200 /* bytes of a static field's name; the rest is dropped */
#define MESSAGE_SIZE      (LOG_VALUE_MAX_LEN + 2) /* with the NUL; a full one counts as cut */

/* A byte becomes six at most; nothing that can be put in a line overflows it. */
#define LINE_MAX_LEN (6 * (MESSAGE_SIZE + LOG_FIELDS_MAX * (LOG_VALUE_MAX_LEN + 256)))

static enum log_level level_limit = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;
static log_context_cb *line_context;
static struct static_field {
    char *name;  /* owned */
    char *value; /* owned */
    enum log_kind kind;
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

void log_set_format(enum log_format format)
{
    line_format = format;
}

void log_set_context(log_context_cb *context)
{
    line_context = context;
}

/* ---- static fields ---- */

/* An integer that every reader of JSON reads exactly, true or false. */
static bool is_bare(struct span value)
{
    struct span digits = span_from(value, span_starts_with(value, SPAN("-")) ? 1 : 0);

    if (span_is(value, "true") || span_is(value, "false"))
        return true;
    if (digits.len == 0 || digits.len > 15 || (digits.data[0] == '0' && value.len > 1))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_ascii_digit(digits.data[i]))
            return false;
    }
    return true;
}

static size_t find_static_field(const char *name)
{
    size_t i = 0;

    while (i < static_field_count && strcmp(static_fields[i].name, name) != 0)
        i++;
    return i;
}

static void free_static_field(struct static_field *field)
{
    free(field->name);
    free(field->value);
}

void log_set_static_field(const char *name, const char *value)
{
    size_t at = find_static_field(name);

    if (at < static_field_count) {
        free_static_field(&static_fields[at]);
        static_fields[at] = static_fields[--static_field_count];
    }
    if (value == NULL || static_field_count == STATIC_FIELDS_MAX)
        return;
    static_fields[static_field_count++] = (struct static_field){
        .name = xstrndup(name, NAME_MAX_LEN),
        .value = xstrdup(value),
        .kind = is_bare(span_of(value)) ? LOG_BARE : LOG_TEXT,
    };
}

void log_fini(void)
{
    while (static_field_count > 0)
        free_static_field(&static_fields[--static_field_count]);
    line_context = NULL;
    line_format = LOG_FORMAT_TEXT;
}

/* ---- a line ---- */

struct span log_shown(struct span value, bool *out_is_cut)
{
    *out_is_cut = value.len > LOG_VALUE_MAX_LEN;
    if (!*out_is_cut)
        return value;
    value.len = LOG_VALUE_MAX_LEN;
    for (int i = 0; i < 3 && ((unsigned char)value.data[value.len] & 0xc0) == 0x80; i++)
        value.len--; /* not in the middle of a character */
    return value;
}

/* Sorts by name; of several with one name the first is kept. */
static void settle_fields(struct log_line *line)
{
    size_t count = 0;

    for (size_t i = 0; i < line->count; i++) {
        struct log_field field = line->fields[i];
        size_t at = count;

        while (at > 0 && strcmp(line->fields[at - 1].name, field.name) > 0)
            at--;
        if (at > 0 && strcmp(line->fields[at - 1].name, field.name) == 0)
            continue;
        memmove(&line->fields[at + 1], &line->fields[at], (count - at) * sizeof(field));
        line->fields[at] = field;
        count++;
    }
    line->count = count;
}

static void format_line(struct str *out, struct log_line *line, struct span message)
{
    struct log_entry entry;

    settle_fields(line);
    entry = (struct log_entry){
        .at = clock_now(),
        .level = level_names[line->level],
        .message = message,
        .fields = line->fields,
        .field_count = line->count,
    };
    if (line_format == LOG_FORMAT_JSON)
        log_json_append(out, &entry);
    else if (line_format == LOG_FORMAT_LOGSTASH)
        log_logstash_append(out, &entry);
    else
        log_text_append(out, &entry);
    str_append_char(out, '\n');
}

void log_begin(struct log_line *line, enum log_level level)
{
    line->level = level;
    line->count = 0;
}

static void add_field(struct log_line *line, struct log_field field)
{
    if (line->count < LOG_FIELDS_MAX)
        line->fields[line->count++] = field;
}

void log_add(struct log_line *line, const char *name, struct span value)
{
    add_field(line, (struct log_field){name, value, LOG_TEXT});
}

void log_add_text(struct log_line *line, const char *name, const char *value)
{
    log_add(line, name, span_of(value));
}

void log_add_number(struct log_line *line, const char *name, const char *digits)
{
    add_field(line, (struct log_field){name, span_of(digits), LOG_BARE});
}

void log_add_json(struct log_line *line, const char *name, struct span json)
{
    add_field(line, (struct log_field){name, json, LOG_BARE});
}

/* Lines that were lost are told of as soon as one gets through again. */
static void write_line(struct sink *sink, const char *name, struct span line)
{
    uint64_t lost = sink_write(sink, line) ? sink_take_lost(sink) : 0;

    if (lost > 0)
        log_warn("%" PRIu64 " lines of the %s were lost: nobody read them", lost, name);
}

static void add_static_fields(struct log_line *line)
{
    for (size_t i = 0; i < static_field_count; i++)
        add_field(line, (struct log_field){static_fields[i].name, span_of(static_fields[i].value),
                                           static_fields[i].kind});
}

static void printf_like(2, 0) log_vend(struct log_line *line, const char *format, va_list args)
{
    auto_str out = STR_INIT(LINE_MAX_LEN);
    char message[MESSAGE_SIZE] = "";

    if (!log_is_enabled(line->level))
        return;
    vsnprintf(message, sizeof(message), format, args);
    if (line_context == NULL || !line_context(line))
        add_static_fields(line);
    format_line(&out, line, span_of(message));
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

void log_warn_lines(struct span lines)
{
    while (lines.len > 0) {
        struct span line = span_cut(&lines, '\n');

        log_warn("%.*s", SPAN_ARGS(line));
    }
}

void log_access(struct span line)
{
    auto_str out = STR_INIT(line.len + 1);

    str_append(&out, line);
    str_append_char(&out, '\n');
    write_line(&access_sink, "access log", str_span(&out));
}
