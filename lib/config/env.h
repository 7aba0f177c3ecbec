/* SPDX-License-Identifier: Apache-2.0
 *
 * env - the REGISTRY_* variables: they change the tree that the file has become.
 *
 *     REGISTRY_HTTP_ADDR=:5001                    http.addr
 *     REGISTRY_STORAGE=inmemory                   all of storage
 *     REGISTRY_HTTP_HEADERS='{X-A: [b]}'          all of http.headers
 *     REGISTRY_LOG_FIELDS_SERVICE=x               log.fields.service
 *
 * Every value is YAML. Variables are applied in the bytewise order of their names, a name is split
 * at each `_`. Source: upstream's rules.
 */
#pragma once

#include "lib/config/config.h"
#include "lib/config/tree.h"

/* Errors: INVALID for a value that is not YAML, TOO_LARGE. */
must_check int env_apply(struct tree *tree, char *const *environment, config_message_cb *on_warning,
                         void *arg, struct error *err);
