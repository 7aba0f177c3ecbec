/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - the part of the configuration that may change while requests run, as a value that
 * stays as long as somebody uses it.
 */
#pragma once

#include "lib/api/api.h"

struct settings_header {
    char *name;  /* owned */
    char *value; /* owned */
};

struct settings {
    unsigned user_count;
    struct settings_header *headers; /* owned; a name may repeat */
    size_t header_count;
    bool is_read_only;
    bool is_access_log_disabled;
};

/* A copy with one user. Given: settings_release. */
struct settings *settings_new(const struct api_settings *from);
struct settings *settings_use(struct settings *settings); /* one user more; returns it */
void settings_release(struct settings *settings);         /* frees it with its last user */
