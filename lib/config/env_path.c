/* SPDX-License-Identifier: Apache-2.0
 *
 * env_path - see env_path.h.
 */
#include "lib/config/env_path.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/checks.h"
#include "lib/config/options.h"
#include "lib/config/secret.h"
#include "lib/config/yaml.h"

#include <string.h>

#include "lib/base/banned.h"

#define NAME_MAX_LEN 512 /* bytes of a variable's name */

/* A variable on its way down the tree. */
struct walk {
    struct tree *tree;
    const struct env_variable *variable;
    struct node *node;           /* the map or list reached so far */
    struct str path;             /* of that, without indices */
    const struct option *option; /* its row; NULL at the top and below what the table knows */
};

static void warn(const struct walk *walk, const char *format, const char *what)
{
    auto_str message = STR_INIT(1024);

    str_append_format(&message, "Ignoring %s", what);
    str_append_text(&message, walk->variable->name);
    str_append_text(&message, format);
    walk->variable->on_warning(str_text(&message), walk->variable->arg);
}

static void warn_unknown(const struct walk *walk)
{
    warn(walk, "", "unrecognized environment variable ");
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Is @part what @text is in capitals? */
static bool is_upper_of(struct span part, const char *text)
{
    if (strlen(text) != part.len)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (upper(text[i]) != part.data[i])
            return false;
    }
    return true;
}

/* The row of a fixed section's key that @part names; NULL without one. */
static const struct option *find_row(const struct walk *walk, struct span part)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (is_option_below(option, str_text(&walk->path)) &&
            is_upper_of(part, option->env != NULL ? option->env : option_key(option)))
            return option;
    }
    return NULL;
}

/* The entry of a free map that @part names whatever its case; NULL without one. */
static struct node *find_entry(const struct node *map, struct span part)
{
    for (struct node *child = map->first; child != NULL; child = child->next) {
        if (is_upper_of(part, child->key))
            return child;
    }
    return NULL;
}

/* The key in the tree that @part stands for; false when the section has no such key. */
static bool find_key(const struct walk *walk, struct span part, bool is_last, struct str *key)
{
    bool is_fixed = walk->path.len == 0 ||
                    (walk->option != NULL &&
                     (walk->option->type == OPTION_SECTION || walk->option->type == OPTION_MAPS));

    if (is_fixed) {
        const struct option *row = find_row(walk, part);

        if (row == NULL)
            return false;
        str_append_text(key, option_key(row));
    } else {
        const struct node *entry = is_last ? NULL : find_entry(walk->node, part);

        if (entry != NULL) {
            str_append_text(key, entry->key);
            return true;
        }
        for (size_t i = 0; i < part.len; i++)
            str_append_char(key, ascii_lower(part.data[i]));
    }
    return true;
}

static void enter_path(struct walk *walk, const char *key)
{
    if (walk->path.len > 0)
        str_append_char(&walk->path, '.');
    str_append_text(&walk->path, key);
    walk->option = str_overflowed(&walk->path) ? NULL : option_find(str_text(&walk->path));
}

/* Is what @option names a list, or may be? NULL: a key of a map of lists, or what nobody knows. */
static bool is_list(const struct option *option, const struct option *parent)
{
    if (option == NULL)
        return parent == NULL || parent->type == OPTION_HEADERS;
    return option->type == OPTION_TEXTS || option->type == OPTION_MAPS ||
           option->type == OPTION_ANY;
}

/* Whether a variable may go on below the row it has reached, NULL for none, coming from @parent. */
static bool is_enterable(const struct option *option, const struct option *parent)
{
    if (option == NULL) /* a text of a map of texts */
        return parent == NULL || parent->type != OPTION_PAIRS;
    return is_option_section(option) || is_list(option, parent) || option->type == OPTION_PAIRS ||
           option->type == OPTION_HEADERS;
}

/* Only a list, of which there may be none yet, or also a map? */
static bool is_only_list(const struct option *option, const struct option *parent)
{
    if (option == NULL)
        return parent != NULL && parent->type == OPTION_HEADERS;
    return option->type == OPTION_TEXTS || option->type == OPTION_MAPS;
}

static int new_node(struct walk *walk, enum node_kind kind, struct node **out, struct error *err)
{
    return tree_node_new(walk->tree, kind, 1, walk->variable->name, out, err);
}

/* Makes a map of the single text that stands for one: `storage: inmemory`. */
static int open_text(struct walk *walk, const struct node *text, struct node **out,
                     struct error *err)
{
    struct node *nothing;

    if (new_node(walk, NODE_MAP, out, err) < 0 ||
        tree_node_new(walk->tree, NODE_NULL, text->line, text->variable, &nothing, err) < 0)
        return -1;
    (*out)->line = text->line;
    (*out)->variable = text->variable;
    tree_set(*out, span_of(text->text), nothing);
    return 0;
}

static int ignore_parts(const struct walk *walk)
{
    warn(walk, ": what it names has no parts", "environment variable ");
    return 0;
}

/* Goes down to @key, making a map or list where there is nothing. Returns 1, 0 when the variable
 * has been ignored, or -1. */
static int descend(struct walk *walk, const char *key, struct error *err)
{
    struct node *child = tree_find(walk->node, key);
    struct node *inner = child;
    const struct option *parent = walk->option;
    bool wants_list;

    enter_path(walk, key);
    wants_list = is_only_list(walk->option, parent);
    if (!is_enterable(walk->option, parent))
        return ignore_parts(walk);
    if (child == NULL || child->kind == NODE_NULL) {
        if (new_node(walk, wants_list ? NODE_LIST : NODE_MAP, &inner, err) < 0)
            return -1;
    } else if (child->kind == NODE_SCALAR) {
        if (walk->option == NULL || walk->option->type != OPTION_ONE_OF)
            return ignore_parts(walk);
        if (open_text(walk, child, &inner, err) < 0)
            return -1;
    } else if (child->kind == NODE_LIST ? !is_list(walk->option, parent) : wants_list) {
        return ignore_parts(walk);
    }
    if (inner != child)
        tree_set(walk->node, span_of(key), inner);
    walk->node = inner;
    return 1;
}

/* The index @part in the list reached; its length is one, too. Errors as upstream's 3.x words them.
 */
static int read_index(const struct walk *walk, struct span part, size_t *out, struct error *err)
{
    struct node place = {.variable = walk->variable->name};
    auto_free char *text = xstrndup(part.data, part.len);
    char shown[80];
    size_t index = 0;

    check_escape(text, shown, sizeof(shown));
    if (part.len == 0 || strspn(text, "0123456789") != part.len)
        return tree_fail(walk->tree, &place, err, "non-numeric index: %s", shown);
    for (size_t i = 0; i < part.len && index <= TREE_NODE_MAX; i++)
        index = index * 10 + (size_t)(part.data[i] - '0');
    if (index > tree_length(walk->node))
        return tree_fail(walk->tree, &place, err, "undefined index: %s", shown);
    *out = index;
    return 0;
}

/* Goes down to an item of the list reached. Returns as descend. */
static int descend_item(struct walk *walk, size_t index, struct error *err)
{
    struct node *item = tree_item(walk->node, index);
    struct node *map = item;

    if ((walk->option != NULL && walk->option->type == OPTION_TEXTS) ||
        (item != NULL && item->kind != NODE_MAP && item->kind != NODE_NULL))
        return ignore_parts(walk);
    if (item == NULL || item->kind == NODE_NULL) {
        if (new_node(walk, NODE_MAP, &map, err) < 0)
            return -1;
        tree_set_item(walk->node, index, map);
    }
    walk->node = map;
    return 1;
}

static int read_value(struct walk *walk, struct node **out, struct error *err)
{
    bool has_more;

    if (walk->variable->file != NULL)
        return secret_read(walk->tree, walk->variable->name, walk->variable->file, out, err);
    return yaml_read(walk->tree, walk->variable->value, walk->variable->name, out, &has_more, err);
}

/* One part of the name: an index. Returns as descend; 0 also when the value has been set. */
static int step_into_list(struct walk *walk, struct span part, bool is_last, struct error *err)
{
    struct node *value;
    size_t index = 0;

    if (read_index(walk, part, &index, err) < 0)
        return -1;
    if (!is_last)
        return descend_item(walk, index, err);
    if (read_value(walk, &value, err) < 0)
        return -1;
    tree_set_item(walk->node, index, value);
    return 0;
}

/* One part of the name: a key. Returns as step_into_list. */
static int step_into_map(struct walk *walk, struct span part, bool is_last, struct error *err)
{
    auto_str key = STR_INIT(NAME_MAX_LEN);
    struct node *value;

    if (!find_key(walk, part, is_last, &key)) {
        warn_unknown(walk);
        return 0;
    }
    if (!is_last)
        return descend(walk, str_text(&key), err);
    if (read_value(walk, &value, err) < 0)
        return -1;
    tree_set(walk->node, str_span(&key), value);
    return 0;
}

/* Returns 0, or -1. */
static int go_down(struct walk *walk, struct error *err)
{
    struct span rest = walk->variable->path;
    int result = 1;

    for (size_t depth = 0; result > 0; depth++) {
        struct span part = span_cut(&rest, '_');
        bool is_last = rest.data == NULL;

        if (depth == TREE_DEPTH_MAX / 2) {
            warn_unknown(walk);
            return 0;
        }
        result = walk->node->kind == NODE_LIST ? step_into_list(walk, part, is_last, err)
                                               : step_into_map(walk, part, is_last, err);
    }
    return result;
}

int env_path_apply(struct tree *tree, const struct env_variable *variable, struct error *err)
{
    struct walk walk = {
        .tree = tree, .variable = variable, .node = tree->root, .path = STR_INIT(NAME_MAX_LEN)};
    int result = 0;

    if (strlen(variable->name) > NAME_MAX_LEN)
        warn_unknown(&walk);
    else
        result = go_down(&walk, err);
    str_fini(&walk.path);
    return result;
}
