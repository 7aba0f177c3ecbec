/* SPDX-License-Identifier: Apache-2.0
 *
 * tree - a YAML document in memory: what the file says and the environment changes, before the
 * table of options (options.h) gives it a meaning.
 *
 * Aliases have been copied, so it is a tree. All nodes belong to the tree and live until
 * tree_fini; taking one out of its map only unlinks it. Numbers of nodes and nesting are bounded.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#define TREE_NODE_MAX  10000 /* nodes of a tree, copies of aliases included */
#define TREE_DEPTH_MAX 32    /* nesting of maps and lists */

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool is_plain;        /* a scalar without quotes: may mean a number, a truth value, nothing */
    bool is_open;         /* a map or list whose end has not been read */
    int line;             /* from 1; of the value */
    const char *variable; /* lent from the tree; NULL: it comes from the file */
    char *key;            /* owned; NULL unless it is an entry of a map */
    char *text;           /* owned; NULL unless it is a scalar; holds no NUL */
    struct node *first;   /* children of a map or list */
    struct node *last;
    struct node *next;     /* sibling */
    struct node *replaced; /* what the same map said before of the same key; NULL */
    struct node *owned;    /* the tree's next node */
};

struct tree {
    char name[100];     /* of the file, for messages; the end of a long one */
    struct node *root;  /* a map once tree_init is done */
    struct node *owned; /* all nodes */
    size_t count;
    char **variables; /* owned names that nodes point at */
    size_t variable_count;
};

/* An empty map under @name. */
void tree_init(struct tree *tree, const char *name);
void tree_fini(struct tree *tree);
#define auto_tree auto_cleanup(tree_fini) struct tree

/* Keeps a copy of an environment variable's name for nodes to point at; lent by the tree. */
const char *tree_variable(struct tree *tree, const char *name);

/* A new node that hangs nowhere yet; TOO_LARGE when the tree is full. */
must_check int tree_node_new(struct tree *tree, enum node_kind kind, int line, const char *variable,
                             struct node **out, struct error *err);

/* A deep copy that hangs nowhere yet. Errors: TOO_LARGE. */
must_check int tree_node_copy(struct tree *tree, const struct node *node, size_t depth,
                              struct node **out, struct error *err);

/* The entry of that name; NULL if there is none or @map is not a map. */
struct node *tree_find(const struct node *map, const char *key);

/* Appends an entry, or replaces the one of that name, which is returned (else NULL). */
struct node *tree_set(struct node *map, struct span key, struct node *value);

void tree_append(struct node *list, struct node *item);

/* The item of a list, from 0; NULL behind the last. */
struct node *tree_item(const struct node *list, size_t index);
size_t tree_length(const struct node *list);

/* Puts @item in the place of the item at @index, or behind the last where @index is the length. */
void tree_set_item(struct node *list, size_t index, struct node *item);

/* "a list", "a section", "nothing", "text": for messages. */
const char *tree_kind_name(const struct node *node);

/* Sets INVALID: "error parsing <file>: line 5: <message>", or the variable instead of the line. */
int tree_fail(const struct tree *tree, const struct node *node, struct error *err,
              const char *format, ...) printf_like(4, 5);

/* "line 5" or "environment variable REGISTRY_X"; @out is cut when it is too small. */
void tree_describe_origin(const struct node *node, char *out, size_t size);
