/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml - YAML text to nodes of a tree: libyaml's events with lines, aliases and merge keys.
 */
#pragma once

#include "lib/config/tree.h"

#define YAML_TEXT_MAX (1 << 20) /* bytes of a document */

/*
 * yaml_read - the first document of @text as a node that hangs nowhere yet.
 *
 * @variable      the environment variable the text comes from, lent by the tree; NULL: the file
 * @out_has_more  whether another document follows, which nobody reads
 *
 * Empty text is NODE_NULL. The last of equal keys counts. Errors: INVALID with libyaml's problem
 * and its line, TOO_LARGE.
 */
must_check int yaml_read(struct tree *tree, struct span text, const char *variable,
                         struct node **out, bool *out_has_more, struct error *err);
