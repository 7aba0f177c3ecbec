/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml - see yaml.h. A recursive descent over libyaml's events; tree.h bounds depth and size, so
 * neither deep nesting nor aliases of aliases can hurt.
 */
#include "lib/config/yaml.h"

#include "lib/base/memory.h"
#include "lib/config/scalar.h"

#include <yaml.h>

#include "lib/base/banned.h"

#define TAG_PREFIX "tag:yaml.org,2002:"

struct anchor {
    char *name;        /* owned */
    struct node *node; /* lent by the tree */
};

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    struct tree *tree;
    const char *variable;
    struct anchor *anchors; /* owned */
    size_t anchor_count;
};

static int read_value(struct reader *reader, size_t depth, struct node **out, struct error *err);

/* Sets INVALID as upstream words it: "error parsing <file>: yaml: line 5: <problem>". */
static int fail_at(struct reader *reader, size_t line, const char *problem, struct error *err)
{
    const char *name = reader->tree->name;

    if (reader->variable != NULL)
        return error_set(err, ERROR_INVALID, "error parsing %s: environment variable %s: yaml: %s",
                         name, reader->variable, problem);
    return error_set(err, ERROR_INVALID, "error parsing %s: yaml: line %zu: %s", name, line,
                     problem);
}

static int event_line(const struct reader *reader)
{
    return (int)reader->event.start_mark.line + 1;
}

static int fail_here(struct reader *reader, const char *problem, struct error *err)
{
    return fail_at(reader, (size_t)event_line(reader), problem, err);
}

/* Goes to the next event. */
static int advance(struct reader *reader, struct error *err)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = false;
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        const char *problem = reader->parser.problem;
        size_t line = reader->parser.problem_mark.line + 1;

        return fail_at(reader, line, problem != NULL ? problem : "cannot be read", err);
    }
    reader->has_event = true;
    return 0;
}

static void remember_anchor(struct reader *reader, const yaml_char_t *name, struct node *node)
{
    struct anchor *anchor;

    if (name == NULL)
        return;
    reader->anchors =
        xrealloc(reader->anchors, (reader->anchor_count + 1) * sizeof(*reader->anchors));
    anchor = &reader->anchors[reader->anchor_count++];
    anchor->name = xstrdup((const char *)name);
    anchor->node = node;
}

/* A copy of what the alias stands for; the latest anchor of a name counts. */
static int read_alias(struct reader *reader, size_t depth, struct node **out, struct error *err)
{
    const char *name = (const char *)reader->event.data.alias.anchor;

    for (size_t i = reader->anchor_count; i > 0; i--) {
        const struct anchor *anchor = &reader->anchors[i - 1];

        if (strcmp(anchor->name, name) != 0)
            continue;
        if (anchor->node->is_open)
            return fail_here(reader, "an anchor's value contains itself", err);
        return tree_node_copy(reader->tree, anchor->node, depth, out, err);
    }
    return fail_here(reader, "unknown anchor referenced", err);
}

/* The explicit tags of the core types; any other would need a meaning we do not have. */
static int check_tag(struct reader *reader, const yaml_char_t *tag, bool *is_plain,
                     struct error *err)
{
    static const char *const known[] = {"str", "int", "float", "bool", "null", "map", "seq"};
    const char *text = (const char *)tag;

    if (text == NULL)
        return 0;
    if (strcmp(text, "!") == 0 || strcmp(text, TAG_PREFIX "str") == 0) {
        *is_plain = false;
        return 0;
    }
    for (size_t i = 0; i < array_count(known); i++) {
        if (strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) == 0 &&
            strcmp(text + strlen(TAG_PREFIX), known[i]) == 0)
            return 0;
    }
    return fail_here(reader, "a value has an unknown tag", err);
}

static int read_scalar(struct reader *reader, struct node **out, struct error *err)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t len = reader->event.data.scalar.length;
    bool is_plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct node *node;

    if (memchr(text, '\0', len) != NULL)
        return fail_here(reader, "a value contains a NUL", err);
    if (check_tag(reader, reader->event.data.scalar.tag, &is_plain, err) < 0 ||
        tree_node_new(reader->tree, NODE_SCALAR, event_line(reader), reader->variable, &node, err) <
            0)
        return -1;
    node->is_plain = is_plain;
    node->text = xstrndup(text, len);
    if (is_plain && scalar_resolve(node->text).kind == SCALAR_NULL)
        node->kind = NODE_NULL;
    remember_anchor(reader, reader->event.data.scalar.anchor, node);
    *out = node;
    return 0;
}

static int read_list(struct reader *reader, size_t depth, struct node **out, struct error *err)
{
    bool ignored = false;
    struct node *list;
    struct node *item;

    if (check_tag(reader, reader->event.data.sequence_start.tag, &ignored, err) < 0 ||
        tree_node_new(reader->tree, NODE_LIST, event_line(reader), reader->variable, &list, err) <
            0)
        return -1;
    list->is_open = true;
    remember_anchor(reader, reader->event.data.sequence_start.anchor, list);
    for (;;) {
        if (advance(reader, err) < 0)
            return -1;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (read_value(reader, depth + 1, &item, err) < 0)
            return -1;
        tree_append(list, item);
    }
    list->is_open = false;
    *out = list;
    return 0;
}

/* Adds the entries of @from that @map does not have itself. @from: a map or a list of maps. */
static int merge(struct reader *reader, struct node *map, const struct node *from, size_t depth,
                 struct error *err)
{
    if (depth > TREE_DEPTH_MAX || (from->kind != NODE_MAP && from->kind != NODE_LIST))
        return fail_at(reader, (size_t)from->line, "map merge requires a map or a list of maps",
                       err);
    for (const struct node *child = from->first; child != NULL; child = child->next) {
        struct node *copy;

        if (from->kind == NODE_LIST) {
            if (merge(reader, map, child, depth + 1, err) < 0)
                return -1;
        } else if (tree_find(map, child->key) == NULL) {
            if (tree_node_copy(reader->tree, child, depth, &copy, err) < 0)
                return -1;
            tree_set(map, span_of(child->key), copy);
        }
    }
    return 0;
}

/* One key and its value; a value under the plain key `<<` goes to @merges instead. */
static int read_entry(struct reader *reader, struct node *map, struct node *merges, size_t depth,
                      struct error *err)
{
    struct node *value;
    struct node *key;
    bool is_merge;

    if (reader->event.type != YAML_SCALAR_EVENT && reader->event.type != YAML_ALIAS_EVENT)
        return fail_here(reader, "a key must be plain text", err);
    if (read_value(reader, depth + 1, &key, err) < 0 || advance(reader, err) < 0)
        return -1;
    if (key->text == NULL)
        return fail_here(reader, "a key must be plain text", err);
    is_merge = key->is_plain && strcmp(key->text, "<<") == 0;
    if (read_value(reader, depth + 1, &value, err) < 0)
        return -1;
    value->line = key->line; /* where one looks for it */
    if (is_merge)
        tree_append(merges, value);
    else
        value->replaced = tree_set(map, span_of(key->text), value);
    return 0;
}

static int read_map(struct reader *reader, size_t depth, struct node **out, struct error *err)
{
    bool ignored = false;
    struct node *merges;
    struct node *map;

    if (check_tag(reader, reader->event.data.mapping_start.tag, &ignored, err) < 0 ||
        tree_node_new(reader->tree, NODE_MAP, event_line(reader), reader->variable, &map, err) <
            0 ||
        tree_node_new(reader->tree, NODE_LIST, event_line(reader), NULL, &merges, err) < 0)
        return -1;
    map->is_open = true;
    remember_anchor(reader, reader->event.data.mapping_start.anchor, map);
    for (;;) {
        if (advance(reader, err) < 0)
            return -1;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (read_entry(reader, map, merges, depth, err) < 0)
            return -1;
    }
    map->is_open = false;
    *out = map;
    return merges->first != NULL ? merge(reader, map, merges, depth, err) : 0;
}

/* The value that starts with the current event. */
static int read_value(struct reader *reader, size_t depth, struct node **out, struct error *err)
{
    if (depth > TREE_DEPTH_MAX)
        return fail_here(reader, "nested too deeply", err);
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, out, err);
    case YAML_ALIAS_EVENT:
        return read_alias(reader, depth, out, err);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(reader, depth, out, err);
    case YAML_MAPPING_START_EVENT:
        return read_map(reader, depth, out, err);
    default:
        return fail_here(reader, "a value is missing", err);
    }
}

/* Stream start, the document, and a look at what follows it. */
static int read_stream(struct reader *reader, struct node **out, bool *out_has_more,
                       struct error *err)
{
    if (advance(reader, err) < 0 || advance(reader, err) < 0)
        return -1;
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        *out_has_more = false;
        return tree_node_new(reader->tree, NODE_NULL, 1, reader->variable, out, err);
    }
    if (advance(reader, err) < 0 || read_value(reader, 0, out, err) < 0 ||
        advance(reader, err) < 0 || advance(reader, err) < 0)
        return -1;
    *out_has_more = reader->event.type != YAML_STREAM_END_EVENT;
    return 0;
}

int yaml_read(struct tree *tree, struct span text, const char *variable, struct node **out,
              bool *out_has_more, struct error *err)
{
    struct reader reader = {.tree = tree, .variable = variable};
    int result;

    if (text.len > YAML_TEXT_MAX)
        return error_set(err, ERROR_TOO_LARGE, "error parsing %s: more than %d bytes", tree->name,
                         YAML_TEXT_MAX);
    if (!yaml_parser_initialize(&reader.parser))
        return error_set(err, ERROR_INTERNAL, "cannot start the YAML parser");
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
    result = read_stream(&reader, out, out_has_more, err);
    if (reader.has_event)
        yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    for (size_t i = 0; i < reader.anchor_count; i++)
        free(reader.anchors[i].name);
    free(reader.anchors);
    return result;
}
