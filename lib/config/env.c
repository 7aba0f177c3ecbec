/* SPDX-License-Identifier: Apache-2.0
 *
 * env - see env.h.
 */
#include "lib/config/env.h"

#include "lib/base/memory.h"
#include "lib/config/env_path.h"
#include "lib/config/secret.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define PREFIX      "REGISTRY_"
#define CONFIG_PATH "REGISTRY_CONFIGURATION_PATH" /* names the file; not a key */

/* Names are shown in messages and comments: whatever is not plain ASCII becomes a question mark. */
static void make_printable(char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < 0x20 || *name > 0x7e)
            *name = '?';
    }
}

/* The value of the variable @name; NULL when it is not given or empty. */
static const char *find_value(char *const *environment, struct span name)
{
    for (size_t i = 0; environment[i] != NULL; i++) {
        struct span value = span_of(environment[i]);

        if (span_equals(span_cut(&value, '='), name) && value.len > 0)
            return value.data;
    }
    return NULL;
}

/* A variable that names the file of a secret: the secret's own must not be given, too. */
static int apply_secret_file(struct tree *tree, struct env_variable *variable, struct span secret,
                             char *const *environment, struct error *err)
{
    struct node place = {.variable = variable->name};

    if (variable->value.len == 0)
        return 0;
    if (find_value(environment, secret) != NULL)
        return tree_fail(tree, &place, err, "%.*s is given, too; only one of them may be",
                         SPAN_ARGS(secret));
    variable->file = variable->value.data;
    variable->path = span_from(secret, strlen(PREFIX));
    return env_path_apply(tree, variable, err);
}

static int apply_variable(struct tree *tree, const char *entry, char *const *environment,
                          config_message_cb *on_warning, void *arg, struct error *err)
{
    struct span value = span_of(entry);
    struct span name = span_cut(&value, '=');
    struct span secret;
    auto_free char *shown = xstrndup(name.data, name.len);
    struct env_variable variable = {.path = span_from(name, strlen(PREFIX)),
                                    .value = value,
                                    .on_warning = on_warning,
                                    .arg = arg};

    if (span_is(name, CONFIG_PATH))
        return 0;
    make_printable(shown);
    variable.name = tree_variable(tree, shown);
    if (is_secret_file(name, &secret))
        return apply_secret_file(tree, &variable, secret, environment, err);
    return env_path_apply(tree, &variable, err);
}

/* ---- the order ---- */

static bool is_number(struct span part)
{
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] < '0' || part.data[i] > '9')
            return false;
    }
    return part.len > 0;
}

/* Indices by their value and before all else, so that 2 comes before 10; other parts bytewise. */
static int compare_parts(struct span a, struct span b)
{
    if (is_number(a) != is_number(b))
        return is_number(a) ? -1 : 1;
    while (is_number(a) && a.len > 1 && a.data[0] == '0')
        a = span_from(a, 1);
    while (is_number(b) && b.len > 1 && b.data[0] == '0')
        b = span_from(b, 1);
    if (is_number(a) && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return span_compare(a, b);
}

/* By the names alone, which end before the `=`, part by part: a section before what is in it. */
static int compare_names(const void *a, const void *b)
{
    struct span rest_a = span_of(*(const char *const *)a);
    struct span rest_b = span_of(*(const char *const *)b);
    struct span name_a = span_cut(&rest_a, '=');
    struct span name_b = span_cut(&rest_b, '=');

    while (name_a.data != NULL && name_b.data != NULL) {
        struct span part_a = span_cut(&name_a, '_');
        struct span part_b = span_cut(&name_b, '_');
        int order = compare_parts(part_a, part_b);

        if (order != 0)
            return order;
    }
    return (name_a.data != NULL) - (name_b.data != NULL);
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
        result = apply_variable(tree, ours[i], environment, on_warning, arg, err);
    return result;
}
