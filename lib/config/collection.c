/* SPDX-License-Identifier: Apache-2.0
 *
 * collection - see collection.h.
 */
#include "lib/config/collection.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/scalar.h"
#include "lib/config/value.h"
#include "lib/config/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

void collection_free_texts(struct config_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct config_texts){0};
}

int collection_read_texts(const struct tree *tree, const struct node *node,
                          const struct option *option, struct config_texts *field,
                          struct error *err)
{
    if (node->kind != NODE_LIST)
        return value_fail_type(tree, node, option, "a list, such as [one, two]", err);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        if (item->kind != NODE_SCALAR)
            return value_fail_type(tree, item, option, "a text in its list", err);
    }
    collection_free_texts(field);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        field->items = xrealloc(field->items, (field->count + 1) * sizeof(*field->items));
        field->items[field->count++] = xstrdup(item->text);
    }
    return 0;
}

void collection_free_pairs(struct config_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct config_pairs){0};
}

/* Takes @value. */
static void add_pair(struct config_pairs *pairs, const char *name, char *value)
{
    pairs->items = xrealloc(pairs->items, (pairs->count + 1) * sizeof(*pairs->items));
    pairs->items[pairs->count++] = (struct config_pair){xstrdup(name), value};
}

int collection_read_pairs(const struct tree *tree, const struct node *node,
                          const struct option *option, struct config_pairs *field,
                          struct error *err)
{
    size_t count = 0;

    if (node->kind != NODE_MAP)
        return value_fail_type(tree, node, option, "a map, such as {service: registry}", err);
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->kind != NODE_SCALAR && entry->kind != NODE_NULL)
            return value_fail_type(tree, entry, option, "a text in its map", err);
        count += entry->kind == NODE_SCALAR;
    }
    if (option->max > 0 && count > (size_t)option->max)
        return tree_fail(tree, node, err, "%s: more than %lld entries", option->path,
                         (long long)option->max);
    collection_free_pairs(field);
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        auto_str text = STR_INIT(YAML_TEXT_MAX);

        if (entry->kind == NODE_NULL)
            continue;
        if (entry->is_plain)
            scalar_normalize(entry->text, &text);
        else
            str_append_text(&text, entry->text);
        add_pair(field, entry->key, str_take(&text));
    }
    return 0;
}

/* The lines of one header. */
static int read_header(const struct tree *tree, const struct node *entry,
                       const struct option *option, struct config_pairs *pairs, struct error *err)
{
    if (entry->kind != NODE_LIST)
        return value_fail_type(tree, entry, option, "a list of values, such as [nosniff]", err);
    for (const struct node *item = entry->first; item != NULL; item = item->next) {
        if (item->kind != NODE_SCALAR)
            return value_fail_type(tree, item, option, "a text in a list of values", err);
        add_pair(pairs, entry->key, xstrdup(item->text));
    }
    return 0;
}

int collection_read_headers(const struct tree *tree, const struct node *node,
                            const struct option *option, struct config_pairs *field,
                            struct error *err)
{
    struct config_pairs pairs = {0};

    if (node->kind != NODE_MAP)
        return value_fail_type(tree, node, option,
                               "a map of lists, such as {X-Content-Type-Options: [nosniff]}", err);
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->kind != NODE_NULL && read_header(tree, entry, option, &pairs, err) < 0) {
            collection_free_pairs(&pairs);
            return -1;
        }
    }
    collection_free_pairs(field);
    *field = pairs;
    return 0;
}

bool is_collection_equal_texts(const struct config_texts *a, const struct config_texts *b)
{
    bool is_equal = a->count == b->count;

    for (size_t i = 0; is_equal && i < a->count; i++)
        is_equal = strcmp(a->items[i], b->items[i]) == 0;
    return is_equal;
}

bool is_collection_equal_pairs(const struct config_pairs *a, const struct config_pairs *b)
{
    bool is_equal = a->count == b->count;

    for (size_t i = 0; is_equal && i < a->count; i++)
        is_equal = strcmp(a->items[i].name, b->items[i].name) == 0 &&
                   strcmp(a->items[i].value, b->items[i].value) == 0;
    return is_equal;
}
