/* SPDX-License-Identifier: Apache-2.0
 *
 * env_path - the way of one variable's name down the tree: which key or item each of its parts
 * stands for, what is made where there is nothing yet, and the value at its end. Only env.c uses
 * this.
 *
 *     HTTP     HEADERS     X-A          one part after the other,
 *      |          |         |           looked up in the table of options
 *     http --> headers --> x-a: value   and in the tree
 */
#pragma once

#include "lib/config/config.h"
#include "lib/config/tree.h"

/* All borrowed but the name. */
struct env_variable {
    const char *name;  /* printable; lent by the tree */
    struct span path;  /* the part of the name that leads to the value */
    struct span value; /* YAML */
    const char *file;  /* the path of a secret's file in place of the value; else NULL */
    config_message_cb *on_warning;
    void *arg;
};

/* Sets the value. A variable that leads nowhere is a warning and changes nothing. Errors: INVALID,
 * TOO_LARGE. */
must_check int env_path_apply(struct tree *tree, const struct env_variable *variable,
                              struct error *err);
