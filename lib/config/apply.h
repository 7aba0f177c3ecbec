/* SPDX-License-Identifier: Apache-2.0
 *
 * apply - gives the tree its meaning: each value is looked up in the table, checked and stored in
 * the struct config, with its origin.
 */
#pragma once

#include "lib/config/options.h"
#include "lib/config/tree.h"

enum config_origin_kind { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT };

struct config_origin {
    enum config_origin_kind kind;
    int line;       /* CONFIG_FILE */
    char *variable; /* owned; CONFIG_ENVIRONMENT, else NULL */
};

/* Every option's default value. @config is zeroed but for its origins. */
void apply_defaults(struct config *config);

/* The values of @tree over the defaults. Errors: INVALID. */
must_check int apply_tree(struct config *config, struct tree *tree, config_message_cb *on_warning,
                          void *arg, struct error *err);

/* Frees what the options own. */
void apply_fini(struct config *config);

/* The value of an option in @config. */
const void *apply_field(const struct config *config, const struct option *option);

/* Does the node ask for anything: is it more than null, false, an empty text, list or section?
 * Those are what upstream has by default for every key that can be refused. */
bool apply_says_something(const struct node *node);
