/* SPDX-License-Identifier: Apache-2.0
 *
 * apply - see apply.h.
 */
#include "lib/config/apply.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/checks.h"
#include "lib/config/scalar.h"
#include "lib/config/value.h"
#include "lib/config/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define QUOTED_MAX 80 /* bytes of a value in a message */

struct applier {
    struct config *config;
    struct tree *tree;
    config_message_cb *on_warning;
    void *arg;
};

static void *field_of(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

const void *apply_field(const struct config *config, const struct option *option)
{
    return (const char *)config + option->offset;
}

/* ---- errors ---- */

static int fail_refused(struct applier *applier, const struct node *node,
                        const struct option *option, struct error *err)
{
    if (option->is_driver)
        return tree_fail(applier->tree, node, err,
                         "storage driver %s is not supported by this version", option_key(option));
    return tree_fail(applier->tree, node, err, "%s is not supported by this version", option->path);
}

static int fail_unknown(struct applier *applier, const struct node *node, const char *path,
                        struct error *err)
{
    const struct option *nearest = option_nearest(path);
    char shown[QUOTED_MAX];

    check_escape(path, shown, sizeof(shown));
    if (nearest != NULL)
        return tree_fail(applier->tree, node, err, "unknown key %s; did you mean %s?", shown,
                         nearest->path);
    return tree_fail(applier->tree, node, err, "unknown key %s", shown);
}

/* ---- origins and the walk ---- */

static void note_origin(struct config *config, const struct option *option, const struct node *node)
{
    struct config_origin *origin = &config->origins[option_index(option)];

    free(origin->variable);
    *origin = (struct config_origin){.kind = CONFIG_FILE, .line = node->line};
    if (node->variable != NULL) {
        origin->kind = CONFIG_ENVIRONMENT;
        origin->variable = xstrdup(node->variable);
    }
}

/* Runs the row's own check, and says what it found. */
static int check_value(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err)
{
    struct option_finding finding = {0};
    char origin[160];
    auto_str message = STR_INIT(1024);

    if (option->check == NULL)
        return 0;
    option->check(field_of(applier->config, option), &finding);
    if (finding.problem[0] != '\0')
        return tree_fail(applier->tree, node, err, "%s: %s", option->path, finding.problem);
    if (finding.warning[0] != '\0') {
        tree_describe_origin(node, origin, sizeof(origin));
        str_append_format(&message, "%s: %s: %s: %s", applier->tree->name, origin, option->path,
                          finding.warning);
        applier->on_warning(str_text(&message), applier->arg);
    }
    return 0;
}

bool apply_says_something(const struct node *node)
{
    struct scalar scalar = {.kind = SCALAR_TEXT};

    if (node->kind != NODE_SCALAR)
        return node->first != NULL;
    if (node->is_plain)
        scalar = scalar_resolve(node->text);
    return node->text[0] != '\0' && !(scalar.kind == SCALAR_BOOL && !scalar.boolean);
}

static int apply_value(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err)
{
    if (node->kind == NODE_NULL)
        return 0;
    if (value_read(applier->tree, node, option, field_of(applier->config, option), err) < 0 ||
        check_value(applier, node, option, err) < 0)
        return -1;
    note_origin(applier->config, option, node);
    return 0;
}

static int apply_section(struct applier *applier, struct node *section, const struct option *parent,
                         struct error *err);

/* One entry of a section. What one of several ways says just by its name counts even when empty. */
static int apply_entry(struct applier *applier, struct node *node, const struct option *parent,
                       struct error *err)
{
    auto_str path = STR_INIT(1024);
    const struct option *option;
    bool is_way = parent != NULL && parent->type == OPTION_ONE_OF;

    if (parent != NULL)
        str_append_format(&path, "%s.", parent->path);
    str_append_text(&path, node->key);
    option = str_overflowed(&path) ? NULL : option_find(str_text(&path));
    if (option == NULL)
        return fail_unknown(applier, node, str_text(&path), err);
    if (option->state == OPTION_REFUSED)
        return is_way || apply_says_something(node) ? fail_refused(applier, node, option, err) : 0;
    if (is_option_section(option))
        return apply_section(applier, node, option, err);
    return apply_value(applier, node, option, err);
}

/* @parent: the section's row, NULL for the whole document. */
static int apply_section(struct applier *applier, struct node *section, const struct option *parent,
                         struct error *err)
{
    if (section->kind == NODE_NULL)
        return 0;
    if (section->kind != NODE_MAP)
        return value_fail_type(applier->tree, section, parent, "a section with keys below it", err);
    for (struct node *entry = section->first; entry != NULL; entry = entry->next) {
        if (apply_entry(applier, entry, parent, err) < 0)
            return -1;
    }
    return 0;
}

int apply_tree(struct config *config, struct tree *tree, config_message_cb *on_warning, void *arg,
               struct error *err)
{
    struct applier applier = {config, tree, on_warning, arg};

    return apply_section(&applier, tree->root, NULL, err);
}

static bool has_field(const struct option *option)
{
    return !is_option_section(option) && option->state != OPTION_REFUSED;
}

/* The table's own text through the reader of files; a default that does not parse is a bug here. */
static void apply_default(struct applier *applier, const struct option *option)
{
    struct error err = ERROR_INIT;
    struct node *node = NULL;
    bool has_more;
    int result =
        yaml_read(applier->tree, span_of(option->default_text), NULL, &node, &has_more, &err);

    if (result == 0)
        result = apply_value(applier, node, option, &err);
    assert(result == 0);
    (void)result;
    applier->config->origins[option_index(option)] = (struct config_origin){0};
}

void apply_defaults(struct config *config)
{
    auto_tree tree;
    struct applier applier = {.config = config, .tree = &tree};

    tree_init(&tree, "defaults");
    for (size_t i = 0; i < option_count; i++) {
        if (has_field(&options[i]))
            apply_default(&applier, &options[i]);
    }
}

void apply_fini(struct config *config)
{
    for (size_t i = 0; i < option_count; i++) {
        void *field = field_of(config, &options[i]);

        free(config->origins[i].variable);
        if (has_field(&options[i]))
            value_free(&options[i], field);
    }
}
