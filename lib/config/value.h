/* SPDX-License-Identifier: Apache-2.0
 *
 * value - one node of the tree as a value of its option's type.
 */
#pragma once

#include "lib/config/options.h"
#include "lib/config/tree.h"

/*
 * value_read - check @node and store it at @field.
 *
 * @option  neither a section nor refused
 * @field   an initialised value of the option's type, or zeroes; replaced on success only
 *
 * Errors: INVALID with a message that names place, key, value and what would be right.
 */
must_check int value_read(const struct tree *tree, const struct node *node,
                          const struct option *option, void *field, struct error *err);

/* Frees what the value owns. Not for lists of maps. */
void value_free(const struct option *option, void *field);

/* Not for lists of maps. */
bool is_value_equal(const struct option *option, const void *a, const void *b);

/* Sets INVALID: "... <key>: <value> is not <wanted>". */
int value_fail_type(const struct tree *tree, const struct node *node, const struct option *option,
                    const char *wanted, struct error *err);
