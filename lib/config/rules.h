/* SPDX-License-Identifier: Apache-2.0
 *
 * rules - what holds between keys: the version, one storage driver, one access controller, TLS.
 */
#pragma once

#include "lib/config/config.h"
#include "lib/config/tree.h"

/* Of the file alone, before the environment. `storage: inmemory` becomes a map. Errors: INVALID. */
must_check int rules_check_file(struct tree *tree, struct error *err);

/* Of file and environment together. Leaves one storage driver and at most one access controller.
 * Errors: INVALID. */
must_check int rules_check_merged(struct tree *tree, config_message_cb *on_warning, void *arg,
                                  struct error *err);

/* Of the values, which @config has; chooses driver and controller. Errors: INVALID. */
must_check int rules_check_values(struct config *config, const struct tree *tree,
                                  config_message_cb *on_warning, void *arg, struct error *err);
