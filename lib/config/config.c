/* SPDX-License-Identifier: Apache-2.0
 *
 * config - loads the configuration: file to tree (yaml.c), environment over it (env.c), the rules
 * that span keys (here), tree to values (apply.c).
 */
#include "lib/config/config.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/apply.h"
#include "lib/config/checks.h"
#include "lib/config/env.h"
#include "lib/config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define FILE_CHUNK 65536 /* bytes of one read */

/* ---- rules that span keys ---- */

/* A file must say its version before anything else of it counts. */
static int check_version(const struct tree *tree, struct error *err)
{
    const struct node *version = tree_find(tree->root, "version");
    char shown[40];

    if (version == NULL || version->kind == NODE_NULL)
        return error_set(err, ERROR_INVALID, "error parsing %s: unsupported version: \"\"",
                         tree->name);
    if (version->kind == NODE_SCALAR && strcmp(version->text, "0.1") == 0)
        return 0;
    snprintf(shown, sizeof(shown), "%s",
             version->kind == NODE_SCALAR ? version->text : tree_kind_name(version));
    return tree_fail(tree, version, err, "unsupported version: \"%s\"; it must be 0.1", shown);
}

/* `storage: inmemory` and `auth: none` are maps with one empty entry. */
static int open_single(struct tree *tree, const char *key, struct error *err)
{
    struct node *node = tree_find(tree->root, key);
    struct node *map;
    struct node *nothing;

    if (node == NULL || node->kind != NODE_SCALAR)
        return 0;
    if (tree_node_new(tree, NODE_MAP, node->line, node->variable, &map, err) < 0 ||
        tree_node_new(tree, NODE_NULL, node->line, node->variable, &nothing, err) < 0)
        return -1;
    tree_set(map, span_of(node->text), nothing);
    tree_set(tree->root, span_of(key), map);
    return 0;
}

static int open_singles(struct tree *tree, struct error *err)
{
    return open_single(tree, "storage", err) < 0 ? -1 : open_single(tree, "auth", err);
}

/* Counts the drivers `storage` names, and lists them. */
static size_t list_drivers(const struct tree *tree, const char *separator, struct str *out)
{
    const struct node *storage = tree_find(tree->root, "storage");
    size_t count = 0;

    if (storage == NULL || storage->kind != NODE_MAP)
        return 0;
    for (const struct node *entry = storage->first; entry != NULL; entry = entry->next) {
        auto_str path = STR_INIT(256);
        const struct option *option;

        str_append_format(&path, "storage.%s", entry->key);
        option = str_overflowed(&path) ? NULL : option_find(str_text(&path));
        if (option == NULL || !option->is_driver)
            continue;
        str_append_format(out, "%s%s", count > 0 ? separator : "", entry->key);
        count++;
    }
    return count;
}

static int check_file_drivers(const struct tree *tree, struct error *err)
{
    auto_str names = STR_INIT(256);

    if (list_drivers(tree, " ", &names) <= 1)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "error parsing %s: must provide exactly one storage type. Provided: [%s]",
                     tree->name, str_text(&names));
}

/* "filesystem, inmemory": what a driver may be. */
static void list_supported(struct str *out)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].is_driver && options[i].state == OPTION_SUPPORTED)
            str_append_format(out, "%s%s", out->len > 0 ? ", " : "", option_key(&options[i]));
    }
}

/* Without a driver: what looks as if it were to be one is said. */
static int fail_no_driver(const struct tree *tree, struct error *err)
{
    const struct node *storage = tree_find(tree->root, "storage");
    const struct node *entry = storage != NULL ? storage->first : NULL;
    auto_str supported = STR_INIT(256);
    char shown[40];

    for (; entry != NULL && storage->kind == NODE_MAP; entry = entry->next) {
        auto_str path = STR_INIT(256);

        str_append_format(&path, "storage.%s", entry->key);
        if (option_find(str_text(&path)) != NULL)
            continue;
        list_supported(&supported);
        check_escape(entry->key, shown, sizeof(shown));
        return tree_fail(tree, entry, err, "StorageDriver not registered: %s; this version has %s",
                         shown, str_text(&supported));
    }
    return error_set(err, ERROR_INVALID, "error parsing %s: no storage configuration provided",
                     tree->name);
}

static int check_drivers(const struct tree *tree, struct error *err)
{
    const struct node *storage = tree_find(tree->root, "storage");
    auto_str names = STR_INIT(256);
    size_t count = list_drivers(tree, ", ", &names);

    if (count == 1 || (storage != NULL && storage->kind == NODE_LIST))
        return 0; /* apply_tree says what is wrong with a list */
    if (count == 0)
        return fail_no_driver(tree, err);
    return error_set(err, ERROR_INVALID,
                     "error parsing %s: multiple storage drivers specified in configuration or "
                     "environment: %s",
                     tree->name, str_text(&names));
}

/* The driver chosen by its key. Its name is lent by the table. */
static void choose_driver(struct config *config, const struct tree *tree)
{
    const struct node *storage = tree_find(tree->root, "storage");

    for (size_t i = 0; i < option_count; i++) {
        if (options[i].is_driver && tree_find(storage, option_key(&options[i])) != NULL)
            config->storage.driver = option_key(&options[i]);
    }
    if (strcmp(config->storage.driver, "filesystem") == 0)
        config->storage.root = config->storage.filesystem.root;
}

static enum config_origin_kind origin_of(const struct config *config, const char *path)
{
    return config->origins[option_index(option_find(path))].kind;
}

static void adopt_old_log_level(struct config *config)
{
    if (origin_of(config, "log.level") == CONFIG_DEFAULT)
        config->log.level = config->deprecated_log_level;
}

/* ---- loading ---- */

static int fill(struct config *config, struct tree *tree, config_message_cb *on_warning, void *arg,
                struct error *err)
{
    apply_defaults(config);
    if (apply_tree(config, tree, on_warning, arg, err) < 0)
        return -1;
    choose_driver(config, tree);
    adopt_old_log_level(config);
    return 0;
}

/* From the tree of the file, or an empty one. */
static int finish(struct tree *tree, char *const *environment, config_message_cb *on_warning,
                  void *arg, struct config **out, struct error *err)
{
    struct config *config;

    if (env_apply(tree, environment, on_warning, arg, err) < 0 || open_singles(tree, err) < 0)
        return -1;
    if (check_drivers(tree, err) < 0)
        return -1;
    config = xcalloc(1, sizeof(*config));
    config->origins = xcalloc(option_count, sizeof(*config->origins));
    if (fill(config, tree, on_warning, arg, err) < 0) {
        config_free(config);
        return -1;
    }
    *out = config;
    return 0;
}

/* Puts the file's document in the place of the empty root. */
static int read_root(struct tree *tree, struct span yaml, config_message_cb *on_warning, void *arg,
                     struct error *err)
{
    bool has_more;
    struct node *root;
    auto_str message = STR_INIT(1024);

    if (yaml_read(tree, yaml, NULL, &root, &has_more, err) < 0)
        return -1;
    if (root->kind != NODE_MAP && root->kind != NODE_NULL)
        return tree_fail(tree, root, err, "the file holds %s, but must hold sections",
                         tree_kind_name(root));
    if (root->kind == NODE_MAP)
        tree->root = root;
    if (has_more) {
        str_append_format(&message, "%s: only the first YAML document is read", tree->name);
        on_warning(str_text(&message), arg);
    }
    return 0;
}

int config_parse(struct span yaml, const char *name, char *const *environment,
                 config_message_cb *on_warning, void *arg, struct config **out, struct error *err)
{
    auto_tree tree;

    tree_init(&tree, name);
    if (read_root(&tree, yaml, on_warning, arg, err) < 0 || check_version(&tree, err) < 0 ||
        open_singles(&tree, err) < 0 || check_file_drivers(&tree, err) < 0)
        return -1;
    return finish(&tree, environment, on_warning, arg, out, err);
}

/* "open <path>: no such file or directory", as upstream words it. */
static int fail_open(const char *path, struct error *err)
{
    int sys = errno;

    error_set_sys(err, sys, "open %s", path);
    if (sys == ENOENT)
        error_set(err, ERROR_NOT_FOUND, "open %s: no such file or directory", path);
    else if (sys == EACCES)
        error_set(err, ERROR_IO, "open %s: permission denied", path);
    err->sys = sys;
    return -1;
}

static int read_file(const char *path, struct str *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return fail_open(path, err);
    do {
        char *room = str_reserve(out, FILE_CHUNK);

        if (room == NULL)
            return error_set(err, ERROR_TOO_LARGE, "error parsing %s: more than %d bytes", path,
                             YAML_TEXT_MAX);
        got = read(fd, room, FILE_CHUNK);
        if (got < 0)
            return error_set_sys(err, errno, "read %s", path);
        str_grown(out, (size_t)got);
    } while (got > 0);
    return 0;
}

int config_load(const char *path, char *const *environment, config_message_cb *on_warning,
                void *arg, struct config **out, struct error *err)
{
    auto_str text = STR_INIT(YAML_TEXT_MAX + FILE_CHUNK);
    auto_tree tree;

    tree_init(&tree, "the environment");
    if (path == NULL)
        return finish(&tree, environment, on_warning, arg, out, err);
    if (read_file(path, &text, err) < 0)
        return -1;
    return config_parse(str_span(&text), path, environment, on_warning, arg, out, err);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    apply_fini(config);
    free(config->origins);
    free(config);
}

void config_each_note(const struct config *config, config_message_cb *note, void *arg)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        auto_str message = STR_INIT(512);

        if (option->state != OPTION_ACCEPTED || config->origins[i].kind == CONFIG_DEFAULT)
            continue;
        str_append_format(&message, "%s is accepted, without effect in this version", option->path);
        if (option->note != NULL)
            str_append_format(&message, ": %s", option->note);
        note(str_text(&message), arg);
    }
}
