/* SPDX-License-Identifier: Apache-2.0
 *
 * health - checks that run now and then, and what is wrong at the moment.
 *
 * Each check is a task of its own: wait an interval, probe, note. A slow probe delays only itself.
 * Unhealthy after `threshold` failures in a row (0 and 1: at the first), healthy again at the first
 * success. Until its first probe a check is healthy. Source: upstream's health package.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"
#include "lib/config/config.h"

#include <stdbool.h>

struct health;
struct store;

/*
 * health_new - the checks of the configuration, not yet running.
 *
 * @config  lent until health_free
 * @store   of the storagedriver check; lent likewise
 *
 * Logs each check at info, in upstream's words. Given: health_free. Errors: INVALID for two checks
 * of the same name.
 */
must_check int health_new(const struct config *config, struct store *store, struct health **out,
                          struct error *err);
void health_start(struct health *health);

/* Stops all checks and waits for their tasks to end. May suspend. */
void health_stop(struct health *health);
void health_free(struct health *health); /* NULL is fine */

bool is_healthy(const struct health *health); /* NULL: always */

/* Upstream's `{"<check>":"<error>"}`, keys sorted; "{}" when all is well. Appends. */
void health_print(const struct health *health, struct str *out);

/* The names of the checks that fail, a line each, for those who are not to know more: without
 * errors, and without passwords and queries of URIs. Appends. */
void health_print_names(const struct health *health, struct str *out);
