/* SPDX-License-Identifier: Apache-2.0
 *
 * probe - the kinds of looks a check can take at something: one file each.
 *
 * A probe's error message is what /debug/health shows: it has upstream's words.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/config/config.h"

struct client;
struct store;

/* Each kind embeds it as its first member. */
struct probe {
    /* 0: all is well; -1 with @err: what is wrong, or CANCELED. May suspend. */
    int (*run)(struct probe *probe, struct error *err);
    void (*free)(struct probe *probe);
};

/* What they are made of is lent for their life. Given: probe->free(probe). */
struct probe *probe_file_new(const char *path); /* well while the file does not exist */
struct probe *probe_http_new(const struct config_http_check *check, struct client *client);
struct probe *probe_storage_new(struct store *store);
struct probe *probe_tcp_new(const struct config_tcp_check *check);
