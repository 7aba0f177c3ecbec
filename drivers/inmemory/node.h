/* SPDX-License-Identifier: Apache-2.0
 *
 * node - the tree of names: a node is a directory with sorted children, or a file with content.
 */
#pragma once

#include "lib/base/error.h"

#include <stddef.h>
#include <time.h>

struct content;

struct node {
    char *name;              /* owned */
    struct content *content; /* a reference; NULL for a directory */
    struct timespec modified_at;
    struct node **children; /* owned, sorted bytewise by name */
    size_t child_count;
    size_t child_capacity;
};

struct node *node_new_root(void);  /* given: node_free */
void node_free(struct node *node); /* with all below it */

/* What @key names, NULL if nothing does; lent until the tree changes. "/" is @root. */
struct node *node_find(struct node *root, const char *key);

/* The file at @key, with the directories above it, made if need be; its content is given by the
 * caller (taken), whatever it was before. EXISTS: a directory is there, or a file in the way. */
must_check int node_put(struct node *root, const char *key, struct content *content,
                        struct error *err);

/* Removes what is at @key with all below it; its parents stay. NOT_FOUND. */
must_check int node_remove(struct node *root, const char *key, struct error *err);
