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

struct config_item_origin {
    const struct option *option;
    size_t item; /* index in its list */
    struct config_origin origin;
};

struct config_origins {
    struct config_origin *options;    /* owned; one for each option */
    struct config_item_origin *items; /* owned; of those values of items that were given */
    size_t item_count;
};

/* Every option's default value. @config is zeroed. */
void apply_defaults(struct config *config);

/* The values of @tree over the defaults. Errors: INVALID. */
must_check int apply_tree(struct config *config, struct tree *tree, config_message_cb *on_warning,
                          void *arg, struct error *err);

/* Frees what the options own, and the origins. */
void apply_fini(struct config *config);

/* The value of an option in @base: the struct config, or the item of a list of maps. */
const void *apply_field(const void *base, const struct option *option);

/* The item of that index in a list of maps. */
const void *apply_item(const struct config *config, const struct option *list, size_t index);

/* Where a value comes from; @item is looked at for keys of items only. */
const struct config_origin *apply_origin(const struct config *config, const struct option *option,
                                         size_t item);

/* Is the option about another storage driver or access controller than the one that is used? */
bool apply_is_unused(const struct config *config, const struct option *option);
