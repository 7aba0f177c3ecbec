/* SPDX-License-Identifier: Apache-2.0
 *
 * collection - the values that hold more than one text: lists (TEXTS), maps of texts (PAIRS) and
 * maps of lists (HEADERS). Only value.c uses this.
 *
 * Readers replace @field, which is initialised or zero, on success only; errors as value_read.
 */
#pragma once

#include "lib/config/options.h"
#include "lib/config/tree.h"

must_check int collection_read_texts(const struct tree *tree, const struct node *node,
                                     const struct option *option, struct config_texts *field,
                                     struct error *err);

/* Entries without a value are left out. Texts that are not quoted become what upstream prints of
 * them: 0x10 is 16. */
must_check int collection_read_pairs(const struct tree *tree, const struct node *node,
                                     const struct option *option, struct config_pairs *field,
                                     struct error *err);

/* A pair for each line of each header. */
must_check int collection_read_headers(const struct tree *tree, const struct node *node,
                                       const struct option *option, struct config_pairs *field,
                                       struct error *err);

/* All zero is fine, and is what is left. */
void collection_free_texts(struct config_texts *texts);
void collection_free_pairs(struct config_pairs *pairs);

/* The same, in the same order? */
bool is_collection_equal_texts(const struct config_texts *a, const struct config_texts *b);
bool is_collection_equal_pairs(const struct config_pairs *a, const struct config_pairs *b);
