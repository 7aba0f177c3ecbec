/* SPDX-License-Identifier: Apache-2.0
 *
 * env - the REGISTRY_* variables: they change the tree that the file has become.
 *
 *     REGISTRY_HTTP_ADDR=:5001                    http.addr
 *     REGISTRY_STORAGE=inmemory                   all of storage
 *     REGISTRY_HTTP_HEADERS='{X-A: [b]}'          all of http.headers
 *     REGISTRY_LOG_FIELDS_SERVICE=x               log.fields.service
 *     REGISTRY_HEALTH_FILECHECKERS_0_FILE=/x      health.file, item 0, file
 *     REGISTRY_HTTP_SECRET_FILE=/run/secrets/x    http.secret, from the file (secret.h)
 *
 * Every value is YAML. A name is split at each `_`. Variables are applied in the order of their
 * names, part by part, numbers by their value: a section before what is in it. Source: upstream's
 * rules, those of its 3.x for lists.
 */
#pragma once

#include "lib/config/config.h"
#include "lib/config/tree.h"

/* Errors: INVALID for a value that is not YAML, TOO_LARGE. */
must_check int env_apply(struct tree *tree, char *const *environment, config_message_cb *on_warning,
                         void *arg, struct error *err);
