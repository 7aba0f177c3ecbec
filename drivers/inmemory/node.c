/* SPDX-License-Identifier: Apache-2.0
 *
 * node - see node.h.
 */
#include "drivers/inmemory/node.h"

#include "drivers/inmemory/content.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

static struct node *node_new(struct span name)
{
    struct node *node = xcalloc(1, sizeof(*node));

    node->name = xstrndup(name.data, name.len);
    node->modified_at = clock_now();
    return node;
}

struct node *node_new_root(void)
{
    return node_new(SPAN("/"));
}

/* As deep as the keys are, which the store bounds. */
void node_free(struct node *node)
{
    for (size_t i = 0; i < node->child_count; i++)
        node_free(node->children[i]);
    free(node->children);
    content_unref(node->content);
    free(node->name);
    free(node);
}

/* Where @name is among the children, or would be. */
static size_t find_place(const struct node *node, struct span name, bool *out_found)
{
    size_t low = 0;
    size_t high = node->child_count;

    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(span_of(node->children[middle]->name), name);

        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *find_child(const struct node *node, struct span name)
{
    bool is_found;
    size_t at = find_place(node, name, &is_found);

    return is_found ? node->children[at] : NULL;
}

static struct node *add_child(struct node *node, struct span name)
{
    bool is_found;
    size_t at = find_place(node, name, &is_found);

    if (is_found)
        return node->children[at];
    if (node->child_count == node->child_capacity) {
        node->child_capacity = node->child_capacity > 0 ? 2 * node->child_capacity : 4;
        node->children = xrealloc(node->children, node->child_capacity * sizeof(*node->children));
    }
    memmove(node->children + at + 1, node->children + at,
            (node->child_count - at) * sizeof(*node->children));
    node->children[at] = node_new(name);
    node->child_count++;
    return node->children[at];
}

/* The key without its slash at the beginning; empty for the root. */
static struct span components(const char *key)
{
    return span_from(span_of(key), 1);
}

struct node *node_find(struct node *root, const char *key)
{
    struct span rest = components(key);
    struct node *node = root;

    while (node != NULL && rest.len > 0)
        node = find_child(node, span_cut(&rest, '/'));
    return node;
}

/* Whether the way to @key leads through directories only, as far as it exists, and no directory is
 * there: so that a refusal leaves nothing behind. */
static bool is_way_free(struct node *root, const char *key)
{
    struct span rest = components(key);
    const struct node *node = root;

    while (rest.len > 0) {
        if (node->content != NULL)
            return false;
        node = find_child(node, span_cut(&rest, '/'));
        if (node == NULL)
            return true;
    }
    return node->content != NULL;
}

int node_put(struct node *root, const char *key, struct content *content, struct error *err)
{
    struct span rest = components(key);
    struct node *node = root;

    if (!is_way_free(root, key)) {
        content_unref(content);
        return error_set(err, ERROR_EXISTS, "a file or directory is in the way");
    }
    while (rest.len > 0)
        node = add_child(node, span_cut(&rest, '/'));
    content_unref(node->content);
    node->content = content;
    node->modified_at = clock_now();
    return 0;
}

int node_remove(struct node *root, const char *key, struct error *err)
{
    const char *slash = strrchr(key, '/');
    auto_free char *parent_key = xstrndup(key, (size_t)(slash - key) + (slash == key));
    struct node *parent = node_find(root, parent_key);
    bool is_found = false;
    size_t at = parent != NULL ? find_place(parent, span_of(slash + 1), &is_found) : 0;

    if (!is_found)
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    node_free(parent->children[at]);
    parent->child_count--;
    memmove(parent->children + at, parent->children + at + 1,
            (parent->child_count - at) * sizeof(*parent->children));
    return 0;
}
