/* SPDX-License-Identifier: Apache-2.0
 *
 * apply - see apply.h. The readers of the types come first, the walk through the tree last.
 */
#include "lib/config/apply.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/checks.h"
#include "lib/config/scalar.h"
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

/* What @node is, for a message; never the value of a secret. */
static void describe(const struct node *node, const struct option *option, char out[QUOTED_MAX])
{
    if (node->kind == NODE_SCALAR && !option->is_secret)
        check_quote(node->text, out, QUOTED_MAX);
    else
        snprintf(out, QUOTED_MAX, "%s", tree_kind_name(node));
}

static int fail_type(struct applier *applier, const struct node *node, const struct option *option,
                     const char *wanted, struct error *err)
{
    char value[QUOTED_MAX];

    describe(node, option, value);
    return tree_fail(applier->tree, node, err, "%s: %s is not %s", option->path, value, wanted);
}

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
    char quoted[QUOTED_MAX];

    check_quote(path, quoted, sizeof(quoted));
    quoted[strlen(quoted) - 1] = '\0'; /* paths are shown bare */
    if (nearest != NULL)
        return tree_fail(applier->tree, node, err, "unknown key %s; did you mean %s?", quoted + 1,
                         nearest->path);
    return tree_fail(applier->tree, node, err, "unknown key %s", quoted + 1);
}

/* ---- choices ---- */

/* Position of @text in "a|b|c"; -1 if it is not there. */
static int choice_index(const char *choices, struct span text, bool any_case)
{
    struct span rest = span_of(choices);

    for (int i = 0; rest.data != NULL; i++) {
        struct span choice = span_cut(&rest, '|');

        if (any_case ? span_equals_nocase(choice, text) : span_equals(choice, text))
            return i;
    }
    return -1;
}

/* "text", or "a, b or c". */
static void list_choices(const char *choices, struct str *out)
{
    struct span rest = span_of(choices);

    while (rest.data != NULL) {
        struct span choice = span_cut(&rest, '|');

        if (out->len > 0)
            str_append_text(out, rest.data != NULL ? ", " : " or ");
        str_append(out, choice);
    }
}

static int check_choice(struct applier *applier, const struct node *node,
                        const struct option *option, struct span text, struct error *err)
{
    auto_str wanted = STR_INIT(128);
    char value[QUOTED_MAX];

    if (option->choices == NULL || choice_index(option->choices, text, false) >= 0)
        return 0;
    list_choices(option->choices, &wanted);
    if (option->refused != NULL && choice_index(option->refused, text, false) >= 0)
        return tree_fail(applier->tree, node, err,
                         "%s: %.*s is not supported by this version; it must be %s", option->path,
                         SPAN_ARGS(text), str_text(&wanted));
    describe(node, option, value);
    return tree_fail(applier->tree, node, err, "%s: %s is unknown; it must be %s", option->path,
                     value, str_text(&wanted));
}

/* ---- one reader for each type; @field is replaced only on success ---- */

/* Where there are choices, the empty text leaves the default, as upstream reads it. */ static int
read_text(struct applier *applier, const struct node *node, const struct option *option,
          char **field, struct error *err)
{
    auto_str text = STR_INIT(YAML_TEXT_MAX);

    if (node->kind != NODE_SCALAR)
        return fail_type(applier, node, option, "a text", err);
    if (option->is_untyped && node->is_plain)
        scalar_normalize(node->text, &text);
    else
        str_append_text(&text, node->text);
    if (text.len == 0 && option->choices != NULL)
        return 0;
    if (check_choice(applier, node, option, str_span(&text), err) < 0)
        return -1;
    free(*field);
    *field = str_take(&text);
    return 0;
}

static int read_bool(struct applier *applier, const struct node *node, const struct option *option,
                     bool *field, struct error *err)
{
    struct scalar scalar = {.kind = SCALAR_TEXT};

    if (node->kind == NODE_SCALAR && node->is_plain)
        scalar = scalar_resolve(node->text);
    if (scalar.kind != SCALAR_BOOL)
        return fail_type(applier, node, option, "true or false", err);
    if (check_choice(applier, node, option, span_of(scalar.boolean ? "true" : "false"), err) < 0)
        return -1;
    *field = scalar.boolean;
    return 0;
}

static int check_limits(struct applier *applier, const struct node *node,
                        const struct option *option, int64_t value, struct error *err)
{
    bool is_below = value < option->min;
    auto_str limit = STR_INIT(64);
    char quoted[QUOTED_MAX];

    if (!is_below && (option->max == 0 || value <= option->max))
        return 0;
    if (option->type == OPTION_DURATION)
        scalar_format_duration(is_below ? option->min : option->max, &limit);
    else
        str_append_format(&limit, "%lld", (long long)(is_below ? option->min : option->max));
    describe(node, option, quoted);
    return tree_fail(applier->tree, node, err, "%s: %s is too %s; it must be at %s %s",
                     option->path, quoted, is_below ? "small" : "big", is_below ? "least" : "most",
                     str_text(&limit));
}

/* An integer, or a real number without a fraction; where upstream reads any scalar, quoted too. */
static int read_integer(struct applier *applier, const struct node *node,
                        const struct option *option, int64_t *field, struct error *err)
{
    struct scalar scalar = {.kind = SCALAR_TEXT};

    if (node->kind == NODE_SCALAR && (node->is_plain || option->is_untyped))
        scalar = scalar_resolve(node->text);
    if (scalar.kind == SCALAR_REAL && scalar.real >= -1e15 && scalar.real <= 1e15 &&
        (double)(int64_t)scalar.real == scalar.real) {
        scalar.kind = SCALAR_INTEGER;
        scalar.integer = (int64_t)scalar.real;
    }
    if (scalar.kind != SCALAR_INTEGER)
        return fail_type(applier, node, option, "a whole number", err);
    if (check_limits(applier, node, option, scalar.integer, err) < 0)
        return -1;
    *field = scalar.integer;
    return 0;
}

/* A duration with units, or a bare number of nanoseconds as upstream takes it. */
static int read_duration(struct applier *applier, const struct node *node,
                         const struct option *option, int64_t *field, struct error *err)
{
    int64_t ns;

    if (node->kind != NODE_SCALAR)
        return fail_type(applier, node, option, "a duration, such as 30s or 1m30s", err);
    if (!scalar_parse_duration(node->text, &ns)) {
        struct scalar scalar = scalar_resolve(node->text);

        if (scalar.kind != SCALAR_INTEGER || !node->is_plain)
            return fail_type(applier, node, option, "a duration, such as 30s or 1m30s", err);
        ns = scalar.integer;
    }
    if (check_limits(applier, node, option, ns, err) < 0)
        return -1;
    *field = ns;
    return 0;
}

static int read_level(struct applier *applier, const struct node *node, const struct option *option,
                      enum log_level *field, struct error *err)
{
    int level = -1;

    if (node->kind == NODE_SCALAR)
        level = choice_index(option->choices, span_of(node->text), true);
    if (level < 0) {
        char quoted[QUOTED_MAX];

        describe(node, option, quoted);
        return tree_fail(applier->tree, node, err,
                         "%s: invalid loglevel %s Must be one of [error, warn, info, debug]",
                         option->path, quoted);
    }
    *field = (enum log_level)level;
    return 0;
}

static void free_texts(struct config_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct config_texts){0};
}

static int read_texts(struct applier *applier, const struct node *node, const struct option *option,
                      struct config_texts *field, struct error *err)
{
    if (node->kind != NODE_LIST)
        return fail_type(applier, node, option, "a list, such as [one, two]", err);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        if (item->kind != NODE_SCALAR)
            return fail_type(applier, item, option, "a text in its list", err);
    }
    free_texts(field);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        field->items = xrealloc(field->items, (field->count + 1) * sizeof(*field->items));
        field->items[field->count++] = xstrdup(item->text);
    }
    return 0;
}

static void free_pairs(struct config_pairs *pairs)
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

static int read_pairs(struct applier *applier, const struct node *node, const struct option *option,
                      struct config_pairs *field, struct error *err)
{
    size_t count = 0;

    if (node->kind != NODE_MAP)
        return fail_type(applier, node, option, "a map, such as {service: registry}", err);
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->kind != NODE_SCALAR && entry->kind != NODE_NULL)
            return fail_type(applier, entry, option, "a text in its map", err);
        count += entry->kind == NODE_SCALAR;
    }
    if (option->max > 0 && count > (size_t)option->max)
        return tree_fail(applier->tree, node, err, "%s: more than %lld entries", option->path,
                         (long long)option->max);
    free_pairs(field);
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
static int read_header(struct applier *applier, const struct node *entry,
                       const struct option *option, struct config_pairs *pairs, struct error *err)
{
    if (entry->kind != NODE_LIST)
        return fail_type(applier, entry, option, "a list of values, such as [nosniff]", err);
    for (const struct node *item = entry->first; item != NULL; item = item->next) {
        if (item->kind != NODE_SCALAR)
            return fail_type(applier, item, option, "a text in a list of values", err);
        add_pair(pairs, entry->key, xstrdup(item->text));
    }
    return 0;
}

static int read_headers(struct applier *applier, const struct node *node,
                        const struct option *option, struct config_pairs *field, struct error *err)
{
    struct config_pairs pairs = {0};

    if (node->kind != NODE_MAP)
        return fail_type(applier, node, option,
                         "a map of lists, such as {X-Content-Type-Options: [nosniff]}", err);
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->kind != NODE_NULL && read_header(applier, entry, option, &pairs, err) < 0) {
            free_pairs(&pairs);
            return -1;
        }
    }
    free_pairs(field);
    *field = pairs;
    return 0;
}

static int read_value(struct applier *applier, const struct node *node, const struct option *option,
                      struct error *err)
{
    void *field = field_of(applier->config, option);

    switch (option->type) {
    case OPTION_TEXT:
        return read_text(applier, node, option, field, err);
    case OPTION_BOOL:
        return read_bool(applier, node, option, field, err);
    case OPTION_INTEGER:
        return read_integer(applier, node, option, field, err);
    case OPTION_DURATION:
        return read_duration(applier, node, option, field, err);
    case OPTION_LEVEL:
        return read_level(applier, node, option, field, err);
    case OPTION_TEXTS:
        return read_texts(applier, node, option, field, err);
    case OPTION_PAIRS:
        return read_pairs(applier, node, option, field, err);
    case OPTION_HEADERS:
        return read_headers(applier, node, option, field, err);
    default:
        assert(false); /* a row without a reader */
        return 0;
    }
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
    return node->kind == NODE_SCALAR ||
           ((node->kind == NODE_LIST || node->kind == NODE_MAP) && node->first != NULL);
}

static int apply_value(struct applier *applier, const struct node *node,
                       const struct option *option, struct error *err)
{
    if (node->kind == NODE_NULL)
        return 0;
    if (read_value(applier, node, option, err) < 0 || check_value(applier, node, option, err) < 0)
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
        return fail_type(applier, section, parent, "a section with keys below it", err);
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
        if (!has_field(&options[i]))
            continue;
        if (options[i].type == OPTION_TEXT)
            free(*(char **)field);
        else if (options[i].type == OPTION_TEXTS)
            free_texts(field);
        else if (options[i].type == OPTION_PAIRS || options[i].type == OPTION_HEADERS)
            free_pairs(field);
    }
}
