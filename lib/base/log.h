/* SPDX-License-Identifier: Apache-2.0
 *
 * log - the application log on stderr and the access log on stdout, one write per line. Whoever
 * reads them cannot hold us up: see sink.h.
 *
 *     time="2026-11-21T06:37:08.832446084Z" level=info msg="listening on :5000" instance.id=...
 *
 * Fields are sorted by name. Values from outside are escaped, so that a line is always one line and
 * in the JSON formats one object. The context callback adds the fields of the request that is being
 * worked on (its id above all); process-level lines get the static fields instead. Loop thread
 * only. Source: upstream's three formatters.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_FIELDS_MAX 32

enum log_kind {
    LOG_TEXT, /* anything */
    LOG_BARE, /* a JSON number, `true`, `false`, an object ...: as it is in the JSON formats */
};

struct log_field {
    const char *name;  /* lent for the line */
    struct span value; /* lent for the line */
    enum log_kind kind;
};

enum log_format {
    LOG_FORMAT_TEXT,     /* time="..." level=info msg="..." a=b */
    LOG_FORMAT_JSON,     /* {"a":"b","level":"info","msg":"...","time":"..."} */
    LOG_FORMAT_LOGSTASH, /* {"@timestamp":"...","@version":"1","a":"b","level":...,"message":...} */
};

/* One line in the making. Names and values stay lent until log_end. */
struct log_line {
    enum log_level level;
    size_t count;
    struct log_field fields[LOG_FIELDS_MAX];
};

/* Adds the fields of what is being worked on; returns false when there is nothing (then the line
 * belongs to the process and gets the static fields). */
typedef bool log_context_cb(struct log_line *line);

void log_set_level(enum log_level level);
bool log_is_enabled(enum log_level level);
void log_set_format(enum log_format format);   /* LOG_FORMAT_TEXT until then */
void log_set_context(log_context_cb *context); /* NULL: none */

/* A static field of process-level lines, such as instance.id; both copied. Setting a name again
 * replaces its value, NULL takes it away. Integers, `true` and `false` are bare in the JSON
 * formats, as upstream has them when they are not quoted in its configuration. */
void log_set_static_field(const char *name, const char *value);
void log_fini(void); /* all settings but the level as they were at the start */

void log_begin(struct log_line *line, enum log_level level);
void log_add(struct log_line *line, const char *name, struct span value);
void log_add_text(struct log_line *line, const char *name, const char *value);
void log_add_number(struct log_line *line, const char *name, const char *digits);
void log_add_json(struct log_line *line, const char *name, struct span json); /* valid JSON */
void log_end(struct log_line *line, const char *format, ...) printf_like(2, 3);

void log_write(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A warning for each of @lines: what a helper has collected, as it must not log. */
void log_warn_lines(struct span lines);

/* One line of the access log; the caller has formatted it, without the newline. */
void log_access(struct span line);

/* Appends @text as upstream's access log escapes it: `"` and `\` with a backslash, control
 * characters as \n, \x1f or \u0085, bytes that are not UTF-8 as \xff. */
struct str;
void log_append_escaped(struct str *str, struct span text);
