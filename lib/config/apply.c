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
#include <stdlib.h>

#include "lib/base/banned.h"

#define QUOTED_MAX 80 /* bytes of a value in a message */

struct applier {
    struct config *config;
    void *base;  /* the struct config, or an item of a list of maps */
    size_t item; /* the index of that item */
    struct tree *tree;
    config_message_cb *on_warning;
    void *arg;
};

static void *field_of(void *base, const struct option *option)
{
    return (char *)base + option->offset;
}

const void *apply_field(const void *base, const struct option *option)
{
    return (const char *)base + option->offset;
}

const void *apply_item(const struct config *config, const struct option *list, size_t index)
{
    const struct config_items *items = apply_field(config, list);

    return (const char *)items->items + index * list->item_size;
}

const struct config_origin *apply_origin(const struct config *config, const struct option *option,
                                         size_t item)
{
    static const struct config_origin by_default = {.kind = CONFIG_DEFAULT};
    const struct config_origins *origins = config->origins;

    if (!option->is_item)
        return &origins->options[option_index(option)];
    for (size_t i = 0; i < origins->item_count; i++) {
        if (origins->items[i].option == option && origins->items[i].item == item)
            return &origins->items[i].origin;
    }
    return &by_default;
}

bool apply_is_unused(const struct config *config, const struct option *option)
{
    const char *controller = config->auth.controller;

    if (controller == NULL && is_option_within(option, option_find("auth")))
        return true;
    for (size_t i = 0; i < option_count; i++) {
        if (!is_option_within(option, &options[i]))
            continue;
        if ((options[i].is_driver &&
             strcmp(option_key(&options[i]), config->storage.driver) != 0) ||
            (options[i].is_controller && strcmp(option_key(&options[i]), controller) != 0))
            return true;
    }
    return false;
}

/* ---- errors ---- */

static int fail_refused(struct applier *applier, const struct node *node,
                        const struct option *option, struct error *err)
{
    if (option->is_driver)
        return tree_fail(applier->tree, node, err,
                         "storage driver %s is not supported by this version", option_key(option));
    return tree_fail(applier->tree, node, err, "%s is not supported by this version%s%s",
                     option->path, option->note != NULL ? ": " : "",
                     option->note != NULL ? option->note : "");
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

/* Where the origin is kept; for a value of an item a new place. */
static struct config_origin *origin_slot(struct applier *applier, const struct option *option)
{
    struct config_origins *origins = applier->config->origins;
    struct config_item_origin *slot;

    if (!option->is_item)
        return &origins->options[option_index(option)];
    origins->items = xrealloc(origins->items, (origins->item_count + 1) * sizeof(*slot));
    slot = &origins->items[origins->item_count++];
    *slot = (struct config_item_origin){.option = option, .item = applier->item};
    return &slot->origin;
}

static void note_origin(struct applier *applier, const struct option *option,
                        const struct node *node)
{
    struct config_origin *origin = origin_slot(applier, option);

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
    option->check(field_of(applier->base, option), &finding);
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

static bool is_bool(const struct node *node, bool value)
{
    struct scalar scalar = {.kind = SCALAR_TEXT};

    if (node->kind == NODE_SCALAR && node->is_plain)
        scalar = scalar_resolve(node->text);
    return scalar.kind == SCALAR_BOOL && scalar.boolean == value;
}

/* An item of a list that says `disabled: true` asks for nothing. */
static bool is_disabled(const struct node *item)
{
    const struct node *disabled = tree_find(item, "disabled");

    return item->kind == NODE_NULL || (disabled != NULL && is_bool(disabled, true));
}

/* Does the node ask for anything: is it more than null, false, an empty text, list or section?
 * Those are what upstream has by default for every key that can be refused. */
static bool says_something(const struct node *node)
{
    const struct node *item = node->first;

    if (node->kind == NODE_SCALAR)
        return node->text[0] != '\0' && !is_bool(node, false);
    while (node->kind == NODE_LIST && item != NULL && is_disabled(item))
        item = item->next;
    return item != NULL;
}

static int apply_items(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err);

static int apply_value(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err)
{
    if (node->kind == NODE_NULL)
        return 0;
    if (option->type == OPTION_MAPS) {
        if (apply_items(applier, node, option, err) < 0)
            return -1;
    } else if (value_read(applier->tree, node, option, field_of(applier->base, option), err) < 0 ||
               check_value(applier, node, option, err) < 0) {
        return -1;
    }
    note_origin(applier, option, node);
    return 0;
}

static int apply_section(struct applier *applier, const struct node *section,
                         const struct option *parent, struct error *err);

/* One entry of a section. What one of several ways says just by its name counts even when empty. */
static int apply_entry(struct applier *applier, const struct node *node,
                       const struct option *parent, struct error *err)
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
        return is_way || says_something(node) ? fail_refused(applier, node, option, err) : 0;
    if (is_option_section(option))
        return apply_section(applier, node, option, err);
    return apply_value(applier, node, option, err);
}

/* @parent: the row of the section or of the list of maps, NULL for the whole document. */
static int apply_section(struct applier *applier, const struct node *section,
                         const struct option *parent, struct error *err)
{
    if (section->kind == NODE_NULL)
        return 0;
    if (section->kind != NODE_MAP)
        return value_fail_type(applier->tree, section, parent, "a section with keys below it", err);
    for (const struct node *entry = section->first; entry != NULL; entry = entry->next) {
        if (apply_entry(applier, entry, parent, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- lists of maps ---- */

static void apply_default(struct applier *applier, const struct option *option);

/* The defaults of @list's items at the item @applier stands at. */
static void apply_item_defaults(const struct applier *applier, const struct option *list)
{
    auto_tree tree;
    struct applier defaults = *applier;

    tree_init(&tree, "defaults");
    defaults.tree = &tree;
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].is_item && is_option_within(&options[i], list) &&
            has_option_value(&options[i]))
            apply_default(&defaults, &options[i]);
    }
}

/* Every key an item must say is a text. */
static int check_required(const struct applier *applier, const struct node *node,
                          const struct option *list, struct error *err)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (!option->is_required || !is_option_within(option, list))
            continue;
        if ((*(char **)field_of(applier->base, option))[0] == '\0')
            return tree_fail(applier->tree, node, err, "%s: must be given", option->path);
    }
    return 0;
}

static int apply_items(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err)
{
    struct config_items *field = field_of(applier->config, option);
    struct applier inner = *applier;
    size_t count = 0;

    if (node->kind != NODE_LIST)
        return value_fail_type(applier->tree, node, option, "a list of sections", err);
    for (const struct node *item = node->first; item != NULL; item = item->next)
        count++;
    if (option->max > 0 && count > (size_t)option->max)
        return tree_fail(applier->tree, node, err, "%s: more than %lld entries", option->path,
                         (long long)option->max);
    if (count > 0)
        field->items = xcalloc(count, option->item_size);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        inner.item = field->count;
        inner.base = (char *)field->items + field->count * option->item_size;
        apply_item_defaults(&inner, option);
        field->count++;
        if (apply_section(&inner, item, option, err) < 0 ||
            check_required(&inner, item, option, err) < 0)
            return -1;
    }
    return 0;
}

static void free_items(struct config_items *items, const struct option *list)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (!option->is_item || !has_option_value(option) || !is_option_within(option, list))
            continue;
        for (size_t item = 0; item < items->count; item++)
            value_free(option, field_of((char *)items->items + item * list->item_size, option));
    }
    free(items->items);
}

/* ---- the whole ---- */

int apply_tree(struct config *config, struct tree *tree, config_message_cb *on_warning, void *arg,
               struct error *err)
{
    struct applier applier = {
        .config = config, .base = config, .tree = tree, .on_warning = on_warning, .arg = arg};

    return apply_section(&applier, tree->root, NULL, err);
}

/* The table's own text through the reader of files; a default that does not parse is a bug here. */
static void apply_default(struct applier *applier, const struct option *option)
{
    struct error err = ERROR_INIT;
    struct node *node = NULL;
    bool has_more;
    int result =
        yaml_read(applier->tree, span_of(option->default_text), NULL, &node, &has_more, &err);

    if (result == 0 && option->type != OPTION_MAPS)
        result = value_read(applier->tree, node, option, field_of(applier->base, option), &err);
    if (result == 0 && option->type != OPTION_MAPS)
        result = check_value(applier, node, option, &err);
    assert(result == 0);
    (void)result;
}

void apply_defaults(struct config *config)
{
    auto_tree tree;
    struct applier applier = {.config = config, .base = config, .tree = &tree};

    config->origins = xcalloc(1, sizeof(*config->origins));
    config->origins->options = xcalloc(option_count, sizeof(*config->origins->options));
    tree_init(&tree, "defaults");
    for (size_t i = 0; i < option_count; i++) {
        if (has_option_value(&options[i]) && !options[i].is_item)
            apply_default(&applier, &options[i]);
    }
}

static void free_origins(struct config_origins *origins)
{
    for (size_t i = 0; i < option_count; i++)
        free(origins->options[i].variable);
    for (size_t i = 0; i < origins->item_count; i++)
        free(origins->items[i].origin.variable);
    free(origins->options);
    free(origins->items);
    free(origins);
}

void apply_fini(struct config *config)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];

        if (option->is_item || !has_option_value(option))
            continue;
        if (option->type == OPTION_MAPS)
            free_items(field_of(config, option), option);
        else
            value_free(option, field_of(config, option));
    }
    free_origins(config->origins);
}
