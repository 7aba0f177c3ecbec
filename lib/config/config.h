/* SPDX-License-Identifier: Apache-2.0
 *
 * config - the effective configuration: default < file < environment < flag.
 *
 * One table (options.c) describes every key: YAML path, type, default, limits or choices, unit,
 * secret, help. The YAML reader, the REGISTRY_* reader, `registry config ...`, --help and
 * config.yml.example all work from it.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct config_pair {
    char *name;  /* owned */
    char *value; /* owned */
};

struct config {
    struct {
        enum log_level level;
        bool is_access_log_disabled;
        struct config_pair *fields; /* owned */
        size_t field_count;
    } log;
    struct {
        char *addr;   /* owned; "" picks a free port */
        char *host;   /* owned; "" none */
        char *prefix; /* owned; "/" none */
        char *secret; /* owned; "" none given */
        bool is_relative_urls;
        int64_t drain_timeout_ns;
        struct config_pair *headers; /* owned; a name may repeat */
        size_t header_count;
    } http;
    struct {
        char *driver; /* owned; "filesystem" or "inmemory" */
        char *root;   /* owned; "" the driver's default */
        bool is_delete_enabled;
    } storage;
    struct {
        int64_t max_entries;
    } catalog;
};

/*
 * config_load - read @path (NULL: environment and defaults only) and the variables of @environ.
 *
 * @on_warning  called for each variable that nothing recognises, with a whole sentence
 *
 * Given: config_free. Errors: INVALID, with a message that names file, line, key, value and what
 * would be right; NOT_FOUND for a missing file.
 */
typedef void config_warning_cb(const char *message, void *arg);

must_check int config_load(const char *path, char *const *environ, config_warning_cb *on_warning,
                           void *arg, struct config **out, struct error *err);

/* The same from text in memory; @name stands for the file in messages. For tests and fuzzing. */
must_check int config_parse(struct span yaml, const char *name, char *const *environ,
                            config_warning_cb *on_warning, void *arg, struct config **out,
                            struct error *err);

void config_free(struct config *config);

/* The example file, from the table. Appends to @out. */
struct str;
void config_print_example(struct str *out);

/* The effective configuration as YAML with the origin of each value; secrets masked. */
void config_print(const struct config *config, struct str *out);
