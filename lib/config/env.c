/* SPDX-License-Identifier: Apache-2.0
 *
 * env - see env.h.
 */
#include "lib/config/env.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/options.h"
#include "lib/config/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define PREFIX       "REGISTRY_"
#define CONFIG_PATH  "REGISTRY_CONFIGURATION_PATH" /* names the file; not a key */
#define NAME_MAX_LEN 512                           /* bytes of a variable's name */

/* A variable on its way down the tree. */
struct walk {
    struct tree *tree;
    const char *name;            /* of the variable, lent by the tree */
    struct span value;           /* YAML */
    struct node *node;           /* the map reached so far */
    struct str path;             /* of that map */
    const struct option *option; /* its row; NULL at the top and below what the table knows */
    config_message_cb *on_warning;
    void *arg;
};

static void warn(const struct walk *walk, const char *format, const char *what)
{
    auto_str message = STR_INIT(1024);

    str_append_format(&message, "Ignoring %s", what);
    str_append_text(&message, walk->name);
    str_append_text(&message, format);
    walk->on_warning(str_text(&message), walk->arg);
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
    bool is_fixed =
        walk->path.len == 0 || (walk->option != NULL && walk->option->type == OPTION_SECTION);

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

/* Whether a variable may go on below the row it has reached, NULL for none, coming from @parent. */
static bool is_enterable(const struct option *option, const struct option *parent)
{
    if (option == NULL) /* a list or a text of a map of such */
        return parent == NULL || (parent->type != OPTION_PAIRS && parent->type != OPTION_HEADERS);
    return is_option_section(option) || option->type == OPTION_ANY ||
           option->type == OPTION_PAIRS || option->type == OPTION_HEADERS;
}

static int new_map(struct walk *walk, struct node **out, struct error *err)
{
    return tree_node_new(walk->tree, NODE_MAP, 1, walk->name, out, err);
}

/* Makes a map of the single text that stands for one: `storage: inmemory`. */
static int open_text(struct walk *walk, const struct node *text, struct node **out,
                     struct error *err)
{
    struct node *nothing;

    if (new_map(walk, out, err) < 0 ||
        tree_node_new(walk->tree, NODE_NULL, text->line, text->variable, &nothing, err) < 0)
        return -1;
    (*out)->line = text->line;
    (*out)->variable = text->variable;
    tree_set(*out, span_of(text->text), nothing);
    return 0;
}

/* Goes down to @key, making a map where there is nothing. Returns 1, 0 when the variable has been
 * ignored, or -1. */
static int descend(struct walk *walk, const char *key, struct error *err)
{
    struct node *child = tree_find(walk->node, key);
    struct node *map = child;
    const struct option *parent = walk->option;

    enter_path(walk, key);
    if (!is_enterable(walk->option, parent) || (child != NULL && child->kind == NODE_LIST)) {
        warn(walk, ": what it names has no parts", "environment variable ");
        return 0;
    }
    if (child == NULL || child->kind == NODE_NULL) {
        if (new_map(walk, &map, err) < 0)
            return -1;
    } else if (child->kind == NODE_SCALAR) {
        if (walk->option == NULL || walk->option->type != OPTION_ONE_OF) {
            warn(walk, ": what it names has no parts", "environment variable ");
            return 0;
        }
        if (open_text(walk, child, &map, err) < 0)
            return -1;
    }
    if (map != child)
        tree_set(walk->node, span_of(key), map);
    walk->node = map;
    return 1;
}

static int assign(struct walk *walk, const char *key, struct error *err)
{
    bool has_more;
    struct node *value;

    if (yaml_read(walk->tree, walk->value, walk->name, &value, &has_more, err) < 0)
        return -1;
    tree_set(walk->node, span_of(key), value);
    return 0;
}

static int apply_path(struct walk *walk, struct span rest, struct error *err)
{
    size_t depth = 0;

    for (;;) {
        struct span part = span_cut(&rest, '_');
        bool is_last = rest.data == NULL;
        auto_str key = STR_INIT(NAME_MAX_LEN);
        int result;

        if (!find_key(walk, part, is_last, &key) || ++depth > TREE_DEPTH_MAX / 2) {
            warn_unknown(walk);
            return 0;
        }
        if (is_last)
            return assign(walk, str_text(&key), err);
        result = descend(walk, str_text(&key), err);
        if (result <= 0)
            return result;
    }
}

/* Names are shown in messages and comments: whatever is not plain ASCII becomes a question mark. */
static void make_printable(char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < 0x20 || *name > 0x7e)
            *name = '?';
    }
}

static int apply_variable(struct tree *tree, const char *entry, config_message_cb *on_warning,
                          void *arg, struct error *err)
{
    struct span value = span_of(entry);
    struct span name = span_cut(&value, '=');
    auto_free char *shown = xstrndup(name.data, name.len);
    struct walk walk = {.tree = tree,
                        .value = value,
                        .node = tree->root,
                        .path = STR_INIT(NAME_MAX_LEN),
                        .on_warning = on_warning,
                        .arg = arg};
    int result;

    if (span_is(name, CONFIG_PATH))
        return 0;
    make_printable(shown);
    walk.name = tree_variable(tree, shown);
    if (name.len > NAME_MAX_LEN) {
        warn_unknown(&walk);
        return 0;
    }
    result = apply_path(&walk, span_from(name, strlen(PREFIX)), err);
    str_fini(&walk.path);
    return result;
}

/* By the names alone, which end before the `=`. */
static int compare_names(const void *a, const void *b)
{
    struct span rest_a = span_of(*(const char *const *)a);
    struct span rest_b = span_of(*(const char *const *)b);

    return span_compare(span_cut(&rest_a, '='), span_cut(&rest_b, '='));
}

int env_apply(struct tree *tree, char *const *environment, config_message_cb *on_warning, void *arg,
              struct error *err)
{
    auto_free const char **ours = NULL;
    size_t count = 0;
    int result = 0;

    for (size_t i = 0; environment[i] != NULL; i++) {
        if (strncmp(environment[i], PREFIX, strlen(PREFIX)) != 0 ||
            strchr(environment[i], '=') == NULL)
            continue;
        ours = xrealloc(ours, (count + 1) * sizeof(*ours));
        ours[count++] = environment[i];
    }
    if (count > 0)
        qsort(ours, count, sizeof(*ours), compare_names);
    for (size_t i = 0; i < count && result == 0; i++)
        result = apply_variable(tree, ours[i], on_warning, arg, err);
    return result;
}
