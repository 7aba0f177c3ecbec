/* SPDX-License-Identifier: Apache-2.0
 *
 * secret - see secret.h.
 */
#include "lib/config/secret.h"

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/config/options.h"

#include "lib/base/banned.h"

#define SECRET_MAX (64 * 1024) /* bytes */
#define SUFFIX     "_FILE"

/* Does @name stand for the option? For an item of a list any number does. */
static bool is_variable_of(const struct option *option, struct span name)
{
    auto_str variable = STR_INIT(512);
    struct span rest;

    option_variable(option, &variable);
    rest = str_span(&variable);
    while (name.data != NULL && rest.data != NULL) {
        struct span part = span_cut(&name, '_');
        struct span wanted = span_cut(&rest, '_');
        bool is_index = option->is_item && span_is(wanted, "0") && part.len > 0 &&
                        strspn(part.data, "0123456789") >= part.len;

        if (!is_index && !span_equals(part, wanted))
            return false;
    }
    return name.data == NULL && rest.data == NULL;
}

bool is_secret_file(struct span name, struct span *out_name)
{
    if (!span_ends_with(name, SPAN(SUFFIX)))
        return false;
    name.len -= strlen(SUFFIX);
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].is_secret && options[i].type == OPTION_TEXT &&
            is_variable_of(&options[i], name)) {
            *out_name = name;
            return true;
        }
    }
    return false;
}

int secret_read(struct tree *tree, const char *variable, const char *path, struct node **out,
                struct error *err)
{
    struct node place = {.variable = variable};
    struct error problem = ERROR_INIT;
    auto_str text = STR_INIT(SECRET_MAX);

    if (file_read(path, &text, &problem) < 0)
        return tree_fail(tree, &place, err, "%s", problem.message);
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return tree_fail(tree, &place, err, "%s contains a NUL", path);
    if (span_ends_with(str_span(&text), SPAN("\n")))
        text.len--;
    if (tree_node_new(tree, NODE_SCALAR, 1, variable, out, err) < 0)
        return -1;
    (*out)->text = xstrndup(str_text(&text), text.len);
    return 0;
}
