/* SPDX-License-Identifier: Apache-2.0
 *
 * log - see log.h.
 */
#include "lib/base/log.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define LINE_MAX_LEN      16384
#define STATIC_FIELDS_MAX 16

static enum log_level level_limit = LOG_LEVEL_INFO;
static log_context_cb *line_context;
static struct {
    char *name;
    char *value;
} static_fields[STATIC_FIELDS_MAX];
static size_t static_field_count;

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

/* Writes all of it; a log that cannot be written is nobody's reason to stop. */
static void write_all(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.data, text.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text = span_from(text, (size_t)written);
    }
}

void log_append_escaped(struct str *str, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '"' || c == '\\')
            str_append_format(str, "\\%c", c);
        else if (c == '\n')
            str_append_text(str, "\\n");
        else if (c == '\r')
            str_append_text(str, "\\r");
        else if (c == '\t')
            str_append_text(str, "\\t");
        else if (c < 0x20 || c == 0x7f)
            str_append_format(str, "\\x%02x", c);
        else
            str_append_char(str, (char)c);
    }
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("-._/@^+", c) != NULL)))
            return false;
    }
    return true;
}

static int compare_fields(const void *a, const void *b)
{
    return strcmp(((const struct log_field *)a)->name, ((const struct log_field *)b)->name);
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
        const struct log_field *field = &line->fields[i];

        str_append_format(out, " %s=", field->name);
        if (field->is_number || is_plain(field->value)) {
            str_append(out, field->value);
        } else {
            str_append_char(out, '"');
            log_append_escaped(out, field->value);
            str_append_char(out, '"');
        }
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

static void log_vend(struct log_line *line, const char *format, va_list args)
{
    auto_str message = STR_INIT(LINE_MAX_LEN);
    auto_str out = STR_INIT(4 * LINE_MAX_LEN);

    if (!log_is_enabled(line->level))
        return;
    str_append_vformat(&message, format, args);
    if (line_context == NULL || !line_context(line)) {
        for (size_t i = 0; i < static_field_count; i++)
            log_add_text(line, static_fields[i].name, static_fields[i].value);
    }
    format_line(&out, line, str_span(&message));
    str_append_char(&out, '\n');
    write_all(STDERR_FILENO, str_span(&out));
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
    auto_str out = STR_INIT(4 * LINE_MAX_LEN);

    str_append(&out, line);
    str_append_char(&out, '\n');
    write_all(STDOUT_FILENO, str_span(&out));
}
