/* SPDX-License-Identifier: Apache-2.0
 *
 * rules - see rules.h.
 */
#include "lib/config/rules.h"

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/apply.h"
#include "lib/config/checks.h"

#include <stdio.h>

#include "lib/base/banned.h"

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

/* ---- one storage driver ---- */

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

/* ---- one access controller ---- */

static int fail_controllers(const struct tree *tree, const struct node *auth, struct error *err)
{
    auto_str names = STR_INIT(128);
    char shown[40];

    for (const struct node *entry = auth->first; entry != NULL; entry = entry->next) {
        check_escape(entry->key, shown, sizeof(shown));
        str_append_format(&names, "%s%s", entry == auth->first ? "" : " ", shown);
    }
    return error_set(err, ERROR_INVALID,
                     "error parsing %s: must provide exactly one type. Provided: [%s]", tree->name,
                     str_text(&names));
}

/* A file names one access controller at most. */
static int check_file_controllers(const struct tree *tree, struct error *err)
{
    const struct node *auth = tree_find(tree->root, "auth");

    if (auth == NULL || auth->kind != NODE_MAP || auth->first == auth->last)
        return 0;
    return fail_controllers(tree, auth, err);
}

/* Leaves of `auth` what a variable has made, where there is such; upstream takes any. */
static void prefer_variables(struct tree *tree, struct node *auth, config_message_cb *on_warning,
                             void *arg)
{
    struct node *rest = auth->first;
    bool has_made = false;

    for (const struct node *entry = rest; entry != NULL; entry = entry->next)
        has_made |= entry->variable != NULL;
    if (!has_made || auth->first == auth->last)
        return;
    auth->first = auth->last = NULL;
    while (rest != NULL) {
        struct node *entry = rest;
        auto_str message = STR_INIT(512);
        char shown[40];

        rest = rest->next;
        if (entry->variable != NULL) {
            tree_append(auth, entry);
            continue;
        }
        check_escape(entry->key, shown, sizeof(shown));
        str_append_format(&message, "%s: line %d: auth.%s is ignored: the environment says another",
                          tree->name, entry->line, shown);
        on_warning(str_text(&message), arg);
    }
}

/* At most one controller, one that exists. `none` may be in capitals. */
static int check_controllers(struct tree *tree, config_message_cb *on_warning, void *arg,
                             struct error *err)
{
    struct node *auth = tree_find(tree->root, "auth");
    auto_str path = STR_INIT(256);
    const struct option *option;
    char shown[40];

    if (auth == NULL || auth->kind != NODE_MAP || auth->first == NULL)
        return 0;
    prefer_variables(tree, auth, on_warning, arg);
    if (auth->first != auth->last)
        return fail_controllers(tree, auth, err);
    if (span_equals_nocase(span_of(auth->first->key), SPAN("none"))) {
        auth->first = auth->last = NULL;
        return 0;
    }
    str_append_format(&path, "auth.%s", auth->first->key);
    option = str_overflowed(&path) ? NULL : option_find(str_text(&path));
    if (option != NULL && option->is_controller)
        return 0;
    check_escape(auth->first->key, shown, sizeof(shown));
    return tree_fail(tree, auth->first, err,
                     "unable to configure authorization (%s): no access controller registered with "
                     "name: %s",
                     shown, shown);
}

/* ---- rules on values ---- */

static const struct config_origin *origin_of(const struct config *config, const char *path)
{
    return apply_origin(config, option_find(path), 0);
}

/* Sets INVALID for the value of @path: as tree_fail, after the tree has gone into @config. */
static int fail_value(const struct config *config, const struct tree *tree, const char *path,
                      const char *problem, struct error *err)
{
    const struct config_origin *origin = origin_of(config, path);
    struct node node = {.line = origin->line, .variable = origin->variable};

    if (origin->kind == CONFIG_DEFAULT)
        return error_set(err, ERROR_INVALID, "error parsing %s: %s: %s", tree->name, path, problem);
    return tree_fail(tree, &node, err, "%s: %s", path, problem);
}

/* The driver and the access controller chosen by their keys. The names are lent by the table. */
static void choose_ways(struct config *config, const struct tree *tree)
{
    const struct node *storage = tree_find(tree->root, "storage");
    const struct node *auth = tree_find(tree->root, "auth");

    for (size_t i = 0; i < option_count; i++) {
        if (options[i].is_driver && tree_find(storage, option_key(&options[i])) != NULL)
            config->storage.driver = option_key(&options[i]);
        if (options[i].is_controller && tree_find(auth, option_key(&options[i])) != NULL)
            config->auth.controller = option_key(&options[i]);
    }
    if (strcmp(config->storage.driver, "filesystem") == 0)
        config->storage.root = config->storage.filesystem.root;
}

static void adopt_old_log_level(struct config *config)
{
    if (origin_of(config, "log.level")->kind == CONFIG_DEFAULT)
        config->log.level = config->deprecated_log_level;
}

/* http.addr is what http.net says. */
static int check_listener(const struct config *config, const struct tree *tree, struct error *err)
{
    struct option_finding finding = {0};
    char *addr = config->http.addr;

    if (strcmp(config->http.net, "unix") == 0) {
        if (addr[0] == '\0')
            return fail_value(config, tree, "http.net",
                              "unix needs the path of a socket in http.addr", err);
        return 0;
    }
    check_addr(&addr, &finding);
    if (finding.problem[0] == '\0')
        return 0;
    if (addr[0] == '/')
        return fail_value(config, tree, "http.addr", "a socket's path needs http.net: unix", err);
    return fail_value(config, tree, "http.addr", finding.problem, err);
}

/* A certificate without its key cannot work; upstream ignores a key without certificate, so that
 * it serves without TLS: that is said. */
static int check_tls(const struct config *config, const struct tree *tree,
                     config_message_cb *on_warning, void *arg, struct error *err)
{
    auto_str message = STR_INIT(512);

    if (config->http.tls.certificate[0] != '\0' && config->http.tls.key[0] == '\0')
        return fail_value(config, tree, "http.tls.certificate", "http.tls.key must be given, too",
                          err);
    if (config->http.tls.certificate[0] == '\0' && config->http.tls.key[0] != '\0') {
        str_append_format(
            &message, "%s: http.tls.key is ignored without http.tls.certificate: there is no TLS",
            tree->name);
        on_warning(str_text(&message), arg);
    }
    return 0;
}

/* One address, under either name. */
static int check_redis_address(struct config *config, const struct tree *tree, struct error *err)
{
    const struct config_texts *addrs = &config->redis.addrs;
    struct option_finding finding = {0};

    if (addrs->count > 1)
        return fail_value(config, tree, "redis.addrs",
                          "several addresses are a cluster or sentinels, which this version does "
                          "not speak to; write the one of a server",
                          err);
    if (addrs->count == 0)
        return 0;
    if (config->redis.addr[0] != '\0' && strcmp(config->redis.addr, addrs->items[0]) != 0)
        return fail_value(config, tree, "redis.addrs", "redis.addr says another address", err);
    check_addr(&addrs->items[0], &finding);
    if (finding.problem[0] != '\0')
        return fail_value(config, tree, "redis.addrs", finding.problem, err);
    return 0;
}

static int check_redis(struct config *config, const struct tree *tree, struct error *err)
{
    if (check_redis_address(config, tree, err) < 0)
        return -1;
    if (config->redis.username[0] != '\0' && config->redis.password[0] == '\0')
        return fail_value(config, tree, "redis.username", "needs redis.password", err);
    config->redis.server =
        config->redis.addrs.count > 0 ? config->redis.addrs.items[0] : config->redis.addr;
    if (config->redis.server[0] != '\0')
        return 0;
    if (strcmp(config->storage.cache.descriptors, "redis") == 0)
        return fail_value(config, tree, "storage.cache.blobdescriptor",
                          "redis configuration required to use for layerinfo cache: redis.addr",
                          err);
    if (config->storage.cache.descriptors[0] == '\0' &&
        strcmp(config->storage.cache.layer_info, "redis") == 0)
        return fail_value(config, tree, "storage.cache.layerinfo",
                          "redis configuration required to use for layerinfo cache: redis.addr",
                          err);
    return 0;
}

/* ---- the three moments ---- */

int rules_check_file(struct tree *tree, struct error *err)
{
    if (check_version(tree, err) < 0 || open_singles(tree, err) < 0 ||
        check_file_drivers(tree, err) < 0)
        return -1;
    return check_file_controllers(tree, err);
}

/* Other names of s3 become that name: from here on there is only one. */
static void adopt_old_names(struct tree *tree)
{
    static const char *const names[] = {"s3aws", "s3goamz"};
    struct node *storage = tree_find(tree->root, "storage");

    for (size_t i = 0; i < array_count(names); i++) {
        struct node *node = tree_find(storage, names[i]);

        if (node == NULL)
            continue;
        free(node->key);
        node->key = xstrdup("s3");
    }
}

int rules_check_merged(struct tree *tree, config_message_cb *on_warning, void *arg,
                       struct error *err)
{
    if (open_singles(tree, err) < 0 || check_drivers(tree, err) < 0)
        return -1;
    adopt_old_names(tree);
    return check_controllers(tree, on_warning, arg, err);
}

int rules_check_values(struct config *config, const struct tree *tree,
                       config_message_cb *on_warning, void *arg, struct error *err)
{
    choose_ways(config, tree);
    adopt_old_log_level(config);
    if (check_listener(config, tree, err) < 0 || check_redis(config, tree, err) < 0)
        return -1;
    return check_tls(config, tree, on_warning, arg, err);
}
