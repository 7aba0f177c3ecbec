/* SPDX-License-Identifier: Apache-2.0
 *
 * log_line - a line of the log as text: what log.c asks of log_text.c and log_json.c.
 *
 * Private to lib/base.
 */
#pragma once

#include "lib/base/log.h"
#include "lib/base/str.h"

#include <time.h>

#define LOG_VALUE_MAX_LEN 4096 /* bytes of a value; what is longer is cut visibly */

/* A finished line. Fields are sorted by name, and each name is there once. */
struct log_entry {
    struct timespec at;
    const char *level; /* "warning" */
    struct span message;
    const struct log_field *fields;
    size_t field_count;
};

/* Each appends one line without its newline. */
void log_text_append(struct str *out, const struct log_entry *entry);
void log_json_append(struct str *out, const struct log_entry *entry);
void log_logstash_append(struct str *out, const struct log_entry *entry);

/* What a line shows of a value: all of it, or as many whole characters as fit. */
struct span log_shown(struct span value, bool *out_is_cut);
