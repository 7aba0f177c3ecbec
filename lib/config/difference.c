/* SPDX-License-Identifier: Apache-2.0
 *
 * difference - what another configuration would change.
 */
#include "lib/config/apply.h"
#include "lib/config/value.h"

#include <string.h>

#include "lib/base/banned.h"

static bool is_item_equal(const struct option *list, const void *a, const void *b)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (option->is_item && has_option_value(option) && is_option_within(option, list) &&
            !is_value_equal(option, apply_field(a, option), apply_field(b, option)))
            return false;
    }
    return true;
}

static bool is_list_equal(const struct config *old, const struct config *new,
                          const struct option *list)
{
    const struct config_items *a = apply_field(old, list);
    const struct config_items *b = apply_field(new, list);

    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!is_item_equal(list, apply_item(old, list, i), apply_item(new, list, i)))
            return false;
    }
    return true;
}

static bool is_option_equal(const struct config *old, const struct config *new,
                            const struct option *option)
{
    if (option->type == OPTION_MAPS)
        return is_list_equal(old, new, option);
    return is_value_equal(option, apply_field(old, option), apply_field(new, option));
}

/* The names are the table's own. NULL: none. */
static bool is_other(const char *old, const char *new)
{
    return old == NULL || new == NULL ? old != new : strcmp(old, new) != 0;
}

void config_each_difference(const struct config *old, const struct config *new,
                            config_difference_cb *on_difference, void *arg)
{
    if (is_other(old->storage.driver, new->storage.driver))
        on_difference("storage", false, arg);
    if (is_other(old->auth.controller, new->auth.controller))
        on_difference("auth", false, arg);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (!has_option_value(option) || option->is_item || option->state != OPTION_SUPPORTED ||
            apply_is_unused(old, option) || apply_is_unused(new, option) ||
            strcmp(option->path, "loglevel") == 0) /* log.level has taken it over */
            continue;
        if (!is_option_equal(old, new, option))
            on_difference(option->path, option->is_reloadable, arg);
    }
}
