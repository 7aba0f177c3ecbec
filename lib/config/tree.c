/* SPDX-License-Identifier: Apache-2.0
 *
 * tree - see tree.h.
 */
#include "lib/config/tree.h"

#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/banned.h"

void tree_init(struct tree *tree, const char *name)
{
    struct node *root = xcalloc(1, sizeof(*root));

    root->kind = NODE_MAP;
    root->line = 1;
    *tree = (struct tree){.root = root, .owned = root, .count = 1};
    if (strlen(name) < sizeof(tree->name))
        snprintf(tree->name, sizeof(tree->name), "%s", name);
    else
        snprintf(tree->name, sizeof(tree->name), "...%s",
                 name + strlen(name) - (sizeof(tree->name) - 4));
}

void tree_fini(struct tree *tree)
{
    while (tree->owned != NULL) {
        struct node *node = tree->owned;

        tree->owned = node->owned;
        free(node->key);
        free(node->text);
        free(node);
    }
    for (size_t i = 0; i < tree->variable_count; i++)
        free(tree->variables[i]);
    free(tree->variables);
    *tree = (struct tree){0};
}

const char *tree_variable(struct tree *tree, const char *name)
{
    tree->variables =
        xrealloc(tree->variables, (tree->variable_count + 1) * sizeof(*tree->variables));
    tree->variables[tree->variable_count] = xstrdup(name);
    return tree->variables[tree->variable_count++];
}

int tree_node_new(struct tree *tree, enum node_kind kind, int line, const char *variable,
                  struct node **out, struct error *err)
{
    struct node *node;

    if (tree->count >= TREE_NODE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "error parsing %s: more than %d values", tree->name,
                         TREE_NODE_MAX);
    node = xcalloc(1, sizeof(*node));
    node->kind = kind;
    node->line = line;
    node->variable = variable;
    node->owned = tree->owned;
    tree->owned = node;
    tree->count++;
    *out = node;
    return 0;
}

int tree_node_copy(struct tree *tree, const struct node *node, size_t depth, struct node **out,
                   struct error *err)
{
    struct node *copy = NULL;

    if (depth > TREE_DEPTH_MAX)
        return error_set(err, ERROR_TOO_LARGE, "error parsing %s: nested deeper than %d levels",
                         tree->name, TREE_DEPTH_MAX);
    if (tree_node_new(tree, node->kind, node->line, node->variable, &copy, err) < 0)
        return -1;
    copy->is_plain = node->is_plain;
    if (node->text != NULL)
        copy->text = xstrdup(node->text);
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        struct node *twin = NULL;

        if (tree_node_copy(tree, child, depth + 1, &twin, err) < 0)
            return -1;
        if (child->key != NULL)
            twin->key = xstrdup(child->key);
        tree_append(copy, twin);
    }
    *out = copy;
    return 0;
}

struct node *tree_find(const struct node *map, const char *key)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    for (struct node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}

struct node *tree_set(struct node *map, struct span key, struct node *value)
{
    struct node **link = &map->first;
    struct node *previous = NULL;

    free(value->key);
    value->key = xstrndup(key.data != NULL ? key.data : "", key.len);
    while (*link != NULL && strcmp((*link)->key, value->key) != 0) {
        previous = *link;
        link = &previous->next;
    }
    if (*link == NULL) {
        tree_append(map, value);
        return NULL;
    }
    previous = *link;
    value->next = previous->next;
    previous->next = NULL;
    *link = value;
    if (map->last == previous)
        map->last = value;
    return previous;
}

void tree_append(struct node *list, struct node *item)
{
    item->next = NULL;
    if (list->last != NULL)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

struct node *tree_item(const struct node *list, size_t index)
{
    struct node *item = list->first;

    for (; item != NULL && index > 0; index--)
        item = item->next;
    return item;
}

size_t tree_length(const struct node *list)
{
    size_t len = 0;

    for (const struct node *item = list->first; item != NULL; item = item->next)
        len++;
    return len;
}

void tree_set_item(struct node *list, size_t index, struct node *item)
{
    struct node *rest = list->first;

    list->first = list->last = NULL;
    for (size_t i = 0; rest != NULL; i++) {
        struct node *next = rest->next;

        tree_append(list, i == index ? item : rest);
        rest = next;
    }
    if (tree_length(list) == index)
        tree_append(list, item);
}

const char *tree_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_LIST:
        return "a list";
    case NODE_MAP:
        return "a section";
    case NODE_SCALAR:
        return "a single value";
    default:
        return "nothing";
    }
}

void tree_describe_origin(const struct node *node, char *out, size_t size)
{
    if (node->variable != NULL)
        snprintf(out, size, "environment variable %s", node->variable);
    else
        snprintf(out, size, "line %d", node->line);
}

int tree_fail(const struct tree *tree, const struct node *node, struct error *err,
              const char *format, ...)
{
    char origin[120];
    char message[sizeof(err->message)];
    va_list args;

    tree_describe_origin(node, origin, sizeof(origin));
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return error_set(err, ERROR_INVALID, "error parsing %s: %s: %s", tree->name, origin, message);
}
