/* SPDX-License-Identifier: Apache-2.0
 *
 * value - see value.h. What the readers share, then one for each type of a single text; those of
 * lists and maps are in collection.c.
 */
#include "lib/config/value.h"

#include "lib/base/str.h"
#include "lib/config/checks.h"
#include "lib/config/collection.h"
#include "lib/config/scalar.h"
#include "lib/config/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define QUOTED_MAX 80 /* bytes of a value in a message */

/* ---- errors ---- */

/* What @node is, for a message; never the value of a secret. */
static void describe(const struct node *node, const struct option *option, char out[QUOTED_MAX])
{
    if (node->kind == NODE_SCALAR && !option->is_secret)
        check_quote(node->text, out, QUOTED_MAX);
    else
        snprintf(out, QUOTED_MAX, "%s", tree_kind_name(node));
}

int value_fail_type(const struct tree *tree, const struct node *node, const struct option *option,
                    const char *wanted, struct error *err)
{
    char value[QUOTED_MAX];

    describe(node, option, value);
    return tree_fail(tree, node, err, "%s: %s is not %s", option->path, value, wanted);
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

static int check_choice(const struct tree *tree, const struct node *node,
                        const struct option *option, struct span text, struct error *err)
{
    auto_str wanted = STR_INIT(128);
    char value[QUOTED_MAX];

    if (option->choices == NULL || choice_index(option->choices, text, false) >= 0)
        return 0;
    list_choices(option->choices, &wanted);
    if (option->refused != NULL && choice_index(option->refused, text, false) >= 0)
        return tree_fail(tree, node, err,
                         "%s: %.*s is not supported by this version; it must be %s", option->path,
                         SPAN_ARGS(text), str_text(&wanted));
    describe(node, option, value);
    return tree_fail(tree, node, err, "%s: %s is unknown; it must be %s", option->path, value,
                     str_text(&wanted));
}

/* Upstream asks the type of a value that its YAML reader has already guessed. */
static int check_string(const struct tree *tree, const struct node *node,
                        const struct option *option, struct error *err)
{
    if (!option->is_string || !node->is_plain || scalar_resolve(node->text).kind == SCALAR_TEXT)
        return 0;
    if (option->type == OPTION_DURATION)
        return value_fail_type(tree, node, option, "a duration with a unit, such as 30s or 168h",
                               err);
    return value_fail_type(tree, node, option, "a text; put it into quotes", err);
}

/* ---- one reader for each type; @field is replaced only on success ---- */

/* Where there are choices, the empty text leaves the default, as upstream reads it. */
static int read_text(const struct tree *tree, const struct node *node, const struct option *option,
                     char **field, struct error *err)
{
    auto_str text = STR_INIT(YAML_TEXT_MAX);

    if (node->kind != NODE_SCALAR)
        return value_fail_type(tree, node, option, "a text", err);
    if (check_string(tree, node, option, err) < 0)
        return -1;
    if (option->is_untyped && node->is_plain)
        scalar_normalize(node->text, &text);
    else
        str_append_text(&text, node->text);
    if (text.len == 0 && option->choices != NULL && *field != NULL)
        return 0;
    if (text.len > 0 && check_choice(tree, node, option, str_span(&text), err) < 0)
        return -1;
    free(*field);
    *field = str_take(&text);
    return 0;
}

static int read_bool(const struct tree *tree, const struct node *node, const struct option *option,
                     bool *field, struct error *err)
{
    struct scalar scalar = {.kind = SCALAR_TEXT};

    if (node->kind == NODE_SCALAR && node->is_plain)
        scalar = scalar_resolve(node->text);
    if (scalar.kind != SCALAR_BOOL)
        return value_fail_type(tree, node, option, "true or false", err);
    if (check_choice(tree, node, option, span_of(scalar.boolean ? "true" : "false"), err) < 0)
        return -1;
    *field = scalar.boolean;
    return 0;
}

static int check_limits(const struct tree *tree, const struct node *node,
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
    return tree_fail(tree, node, err, "%s: %s is too %s; it must be at %s %s", option->path, quoted,
                     is_below ? "small" : "big", is_below ? "least" : "most", str_text(&limit));
}

/* An integer, or a real number without a fraction; where upstream reads any scalar, quoted too. */
static int read_integer(const struct tree *tree, const struct node *node,
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
        return value_fail_type(tree, node, option, "a whole number", err);
    if (check_limits(tree, node, option, scalar.integer, err) < 0)
        return -1;
    *field = scalar.integer;
    return 0;
}

/* A duration with units, or a bare number of nanoseconds as upstream takes it. */
static int read_duration(const struct tree *tree, const struct node *node,
                         const struct option *option, int64_t *field, struct error *err)
{
    int64_t ns;

    if (node->kind != NODE_SCALAR)
        return value_fail_type(tree, node, option, "a duration, such as 30s or 1m30s", err);
    if (check_string(tree, node, option, err) < 0)
        return -1;
    if (!scalar_parse_duration(node->text, &ns)) {
        struct scalar scalar = scalar_resolve(node->text);

        if (scalar.kind != SCALAR_INTEGER || !node->is_plain)
            return value_fail_type(tree, node, option, "a duration, such as 30s or 1m30s", err);
        ns = scalar.integer;
    }
    if (check_limits(tree, node, option, ns, err) < 0)
        return -1;
    *field = ns;
    return 0;
}

static int read_level(const struct tree *tree, const struct node *node, const struct option *option,
                      enum log_level *field, struct error *err)
{
    int level = -1;

    if (node->kind == NODE_SCALAR)
        level = choice_index(option->choices, span_of(node->text), true);
    if (level < 0) {
        char shown[QUOTED_MAX];

        check_escape(node->kind == NODE_SCALAR ? node->text : tree_kind_name(node), shown,
                     sizeof(shown));
        return tree_fail(tree, node, err,
                         "%s: invalid loglevel %s Must be one of [error, warn, info, debug]",
                         option->path, shown);
    }
    *field = (enum log_level)level;
    return 0;
}

int value_read(const struct tree *tree, const struct node *node, const struct option *option,
               void *field, struct error *err)
{
    switch (option->type) {
    case OPTION_TEXT:
        return read_text(tree, node, option, field, err);
    case OPTION_BOOL:
        return read_bool(tree, node, option, field, err);
    case OPTION_INTEGER:
        return read_integer(tree, node, option, field, err);
    case OPTION_DURATION:
        return read_duration(tree, node, option, field, err);
    case OPTION_LEVEL:
        return read_level(tree, node, option, field, err);
    case OPTION_TEXTS:
        return collection_read_texts(tree, node, option, field, err);
    case OPTION_PAIRS:
        return collection_read_pairs(tree, node, option, field, err);
    case OPTION_HEADERS:
        return collection_read_headers(tree, node, option, field, err);
    default:
        assert(false); /* a row without a reader */
        return 0;
    }
}

void value_free(const struct option *option, void *field)
{
    if (option->type == OPTION_TEXT)
        free(*(char **)field);
    else if (option->type == OPTION_TEXTS)
        collection_free_texts(field);
    else if (option->type == OPTION_PAIRS || option->type == OPTION_HEADERS)
        collection_free_pairs(field);
}

bool is_value_equal(const struct option *option, const void *a, const void *b)
{
    switch (option->type) {
    case OPTION_TEXT:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case OPTION_INTEGER:
    case OPTION_DURATION:
        return *(const int64_t *)a == *(const int64_t *)b;
    case OPTION_LEVEL:
        return *(const enum log_level *)a == *(const enum log_level *)b;
    case OPTION_TEXTS:
        return is_collection_equal_texts(a, b);
    case OPTION_PAIRS:
    case OPTION_HEADERS:
        return is_collection_equal_pairs(a, b);
    default:
        assert(false); /* a row without a value */
        return true;
    }
}
