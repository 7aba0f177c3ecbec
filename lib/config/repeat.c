/* SPDX-License-Identifier: Apache-2.0
 *
 * repeat - see repeat.h.
 */
#include "lib/config/repeat.h"

#include "lib/base/str.h"
#include "lib/config/checks.h"
#include "lib/config/options.h"

#include "lib/base/banned.h"

#define PATH_MAX_LEN 512 /* bytes */

struct walk {
    const struct tree *tree;
    config_message_cb *on_warning;
    void *arg;
};

static void warn(const struct walk *walk, const struct node *node, const char *path, bool is_joined)
{
    auto_str message = STR_INIT(1024);
    char shown[160];

    check_escape(path, shown, sizeof(shown));
    str_append_format(&message, "%s: line %d: %s is given twice; %s", walk->tree->name, node->line,
                      shown, is_joined ? "the keys of both count" : "the last one counts");
    walk->on_warning(str_text(&message), walk->arg);
}

/* The sections that upstream reads into what is there already. */
static bool is_joinable(const char *path, const struct node *node)
{
    const struct option *option = option_find(path);

    return option != NULL && node->kind == NODE_MAP && node->replaced->kind == NODE_MAP &&
           (option->type == OPTION_SECTION || option->type == OPTION_PAIRS ||
            option->type == OPTION_HEADERS);
}

static void add_replaced(struct node *node, struct node *older)
{
    while (node->replaced != NULL)
        node = node->replaced;
    node->replaced = older;
}

/* The entries of @older go behind those of @node, or are what they replaced. */
static void join(struct node *node, struct node *older)
{
    struct node *entry = older->first;

    older->first = older->last = NULL;
    while (entry != NULL) {
        struct node *next = entry->next;
        struct node *own = tree_find(node, entry->key);

        if (own == NULL)
            tree_append(node, entry);
        else
            add_replaced(own, entry);
        entry = next;
    }
}

/* All that @node replaced, the latest first, up to a null, which takes everything away. */
static void join_all(struct node *node)
{
    for (struct node *older = node->replaced; older != NULL && older->kind == NODE_MAP;
         older = older->replaced)
        join(node, older);
}

static void visit(const struct walk *walk, struct node *parent, const struct str *path)
{
    for (struct node *node = parent->first; node != NULL; node = node->next) {
        auto_str below = STR_INIT(PATH_MAX_LEN);

        str_append(&below, str_span(path));
        if (parent->kind == NODE_MAP)
            str_append_format(&below, "%s%s", path->len > 0 ? "." : "", node->key);
        if (node->replaced != NULL) {
            bool is_joined = is_joinable(str_text(&below), node);

            warn(walk, node, str_text(&below), is_joined);
            if (is_joined)
                join_all(node);
        }
        if (!str_overflowed(&below))
            visit(walk, node, &below);
    }
}

void repeat_join(struct tree *tree, config_message_cb *on_warning, void *arg)
{
    struct walk walk = {tree, on_warning, arg};
    auto_str path = STR_INIT(PATH_MAX_LEN);

    visit(&walk, tree->root, &path);
}
