/* SPDX-License-Identifier: Apache-2.0
 *
 * example - the example file: every key that works, with help and default.
 */
#include "lib/base/str.h"
#include "lib/config/options.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/banned.h"

#define WRAP   96 /* columns */
#define INDENT 2

static void indent(size_t depth, struct str *out)
{
    str_append_format(out, "%*s", (int)(depth * INDENT), "");
}

/* A comment, wrapped. */
static void print_comment(const char *text, size_t depth, struct str *out)
{
    struct span rest = span_of(text);
    size_t column = WRAP;

    while (rest.data != NULL) {
        struct span word = span_cut(&rest, ' ');

        if (column + 1 + word.len > WRAP) {
            if (out->len > 0 && out->data[out->len - 1] != '\n')
                str_append_char(out, '\n');
            indent(depth, out);
            str_append_char(out, '#');
            column = depth * INDENT + 1;
        }
        str_append_char(out, ' ');
        str_append(out, word);
        column += 1 + word.len;
    }
    str_append_char(out, '\n');
}

/* What may be written, what is there without it: "One of a, b. Default: a." */
static void print_facts(const struct option *option, size_t depth, struct str *out)
{
    auto_str facts = STR_INIT(512);

    if (option->choices != NULL) {
        struct span rest = span_of(option->choices);

        str_append_text(&facts, strchr(option->choices, '|') != NULL ? "One of" : "Only");
        while (rest.data != NULL) {
            struct span choice = span_cut(&rest, '|');

            str_append_format(&facts, " %.*s%s", SPAN_ARGS(choice), rest.data != NULL ? "," : "; ");
        }
    }
    if (strcmp(option->default_text, "\"\"") == 0)
        str_append_text(&facts, "no default");
    else
        str_append_format(&facts, "default %s", option->default_text);
    if (option->is_ours)
        str_append_text(&facts, "; not known upstream");
    if (option->state == OPTION_ACCEPTED)
        str_append_text(&facts, "; accepted, without effect in this version");
    str_append_char(&facts, '.');
    facts.data[0] = (char)toupper((unsigned char)facts.data[0]);
    print_comment(str_text(&facts), depth, out);
}

/* Whether the example has the key as a comment only: it has no default, or says something else, or
 * is for something the example does not choose. */
static bool is_commented(const struct option *option)
{
    return !option->is_shown &&
           (option->example != NULL || option->state == OPTION_ACCEPTED || option->is_item ||
            option->type == OPTION_MAPS || is_option_within(option, option_find("auth")) ||
            is_option_within(option, option_find("storage.s3")));
}

static void print_example_value(const struct option *option, size_t depth, struct str *out)
{
    const char *value = option->example != NULL ? option->example : option->default_text;

    print_comment(option->help, depth, out);
    print_facts(option, depth, out);
    indent(depth, out);
    str_append_format(out, "%s%s: %s\n", is_commented(option) ? "# " : "", option_key(option),
                      value);
}

/* Is nothing below the section but comments? Then it is a comment itself. */
static bool is_section_commented(const struct option *section)
{
    for (size_t i = 0; i < option_count; i++) {
        if (has_option_value(&options[i]) && !is_commented(&options[i]) &&
            is_option_within(&options[i], section))
            return false;
    }
    return true;
}

static void print_example_section(const struct option *section, size_t depth, struct str *out)
{
    if (depth == 0)
        str_append_char(out, '\n');
    print_comment(section->help, depth, out);
    indent(depth, out);
    str_append_format(out, "%s%s:\n", is_section_commented(section) ? "# " : "",
                      option_key(section));
}

/* A list of maps: a comment with one item. */
static void print_example_list(const struct option *list, size_t depth, struct str *out)
{
    print_comment(list->help, depth, out);
    indent(depth, out);
    str_append_format(out, "# %s:\n", option_key(list));
    indent(depth + 1, out);
    str_append_text(out, "# -\n");
}

void config_print_example(struct str *out)
{
    str_append_text(out, "# Every key of the registry's configuration with its default. Lines that "
                         "only say the default\n# may be left out.\n#\n");
    str_append_text(out, "# Each key has an environment variable that overrides it, http.addr for "
                         "example\n# REGISTRY_HTTP_ADDR; its value is YAML. Items of lists are "
                         "numbered from 0, as in\n# REGISTRY_HEALTH_FILECHECKERS_0_FILE.\n\n");
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        size_t depth = option_depth(option) + option->is_item;

        if (option->state == OPTION_REFUSED)
            continue;
        if (option->type == OPTION_MAPS)
            print_example_list(option, depth, out);
        else if (!is_option_section(option))
            print_example_value(option, depth, out);
        else if (has_option_values(option) || option->is_driver || option->is_controller)
            print_example_section(option, depth, out);
    }
}
