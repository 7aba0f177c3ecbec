/* SPDX-License-Identifier: Apache-2.0
 *
 * config - loads the configuration: file to tree (yaml.c), environment over it (env.c), tree to
 * values (apply.c), and on the way the rules that span keys (rules.c).
 */
#include "lib/config/config.h"

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/apply.h"
#include "lib/config/env.h"
#include "lib/config/repeat.h"
#include "lib/config/rules.h"
#include "lib/config/yaml.h"

#include <stdlib.h>

#include "lib/base/banned.h"

/* ---- loading ---- */

/* From the tree of the file, or an empty one. */
static int finish(struct tree *tree, char *const *environment, config_message_cb *on_warning,
                  void *arg, struct config **out, struct error *err)
{
    struct config *config;

    if (env_apply(tree, environment, on_warning, arg, err) < 0 ||
        rules_check_merged(tree, on_warning, arg, err) < 0)
        return -1;
    config = xcalloc(1, sizeof(*config));
    apply_defaults(config);
    if (apply_tree(config, tree, on_warning, arg, err) < 0 ||
        rules_check_values(config, tree, on_warning, arg, err) < 0) {
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
    repeat_join(tree, on_warning, arg);
    return 0;
}

int config_parse(struct span yaml, const char *name, char *const *environment,
                 config_message_cb *on_warning, void *arg, struct config **out, struct error *err)
{
    auto_tree tree;

    tree_init(&tree, name);
    if (read_root(&tree, yaml, on_warning, arg, err) < 0 || rules_check_file(&tree, err) < 0)
        return -1;
    return finish(&tree, environment, on_warning, arg, out, err);
}

typedef int read_cb(const char *path, struct str *out, struct error *err);

static int load(read_cb *read, const char *path, char *const *environment,
                config_message_cb *on_warning, void *arg, struct config **out, struct error *err)
{
    auto_str text = STR_INIT(YAML_TEXT_MAX);
    auto_tree tree;

    tree_init(&tree, "the environment");
    if (path == NULL)
        return finish(&tree, environment, on_warning, arg, out, err);
    if (read(path, &text, err) < 0)
        return -1;
    return config_parse(str_span(&text), path, environment, on_warning, arg, out, err);
}

int config_load(const char *path, char *const *environment, config_message_cb *on_warning,
                void *arg, struct config **out, struct error *err)
{
    return load(file_read_any, path, environment, on_warning, arg, out, err);
}

int config_load_again(const char *path, char *const *environment, config_message_cb *on_warning,
                      void *arg, struct config **out, struct error *err)
{
    return load(file_read, path, environment, on_warning, arg, out, err);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    apply_fini(config);
    free(config);
}

/* Is the value one that switches something on? */
static bool is_active(const struct config *config, const struct option *option)
{
    const void *field = apply_field(config, option);

    return option->type != OPTION_TEXT || (*(char *const *)field)[0] != '\0';
}

void config_each_note(const struct config *config, config_message_cb *note, void *arg)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        auto_str message = STR_INIT(512);

        if (option->state != OPTION_ACCEPTED || option->is_item ||
            (option->note != NULL && option->note[0] == '\0') ||
            apply_origin(config, option, 0)->kind == CONFIG_DEFAULT || !is_active(config, option))
            continue;
        str_append_format(&message, "%s is accepted, without effect in this version", option->path);
        if (option->note != NULL)
            str_append_format(&message, ": %s", option->note);
        note(str_text(&message), arg);
    }
}
