/* SPDX-License-Identifier: Apache-2.0
 *
 * print - what the table and the values look like to people: the effective configuration, the
 * example file, the manual of all keys.
 */
#include "lib/base/str.h"
#include "lib/config/apply.h"
#include "lib/config/scalar.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/banned.h"

#define MASK       "\"********\""
#define WRAP       96 /* columns of the example file */
#define INDENT     2
#define PATH_DEPTH 8

/* ---- values as YAML ---- */

/* Would a reader take the plain text for this text and nothing else? */
static bool is_plain_safe(const char *text)
{
    if (scalar_resolve(text).kind != SCALAR_TEXT || strchr("-?:!&*@`%|>'\"#{}[],= ", text[0]))
        return strncmp(text, ":", 1) == 0 && isdigit((unsigned char)text[1]) &&
               text[1 + strspn(text + 1, "0123456789")] == '\0';
    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("._/+-:@", *c) == NULL)
            return false;
        if (*c == ':' && (c[1] == '\0' || c[1] == ' '))
            return false;
    }
    return true;
}

/* Length of the UTF-8 sequence at @text that YAML allows only escaped (C1 controls, U+2028, U+2029,
 * U+FEFF, U+FFFE, U+FFFF), with its code point; 0 if it may stand as it is. */
static size_t unprintable(const unsigned char *text, unsigned *out_code)
{
    unsigned code;

    if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0) {
        *out_code = text[1];
        return 2;
    }
    if ((text[0] != 0xe2 && text[0] != 0xef) || text[1] == '\0' || text[2] == '\0')
        return 0;
    code = (text[0] & 0x0fu) << 12 | (text[1] & 0x3fu) << 6 | (text[2] & 0x3fu);
    *out_code = code;
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? 3 : 0;
}

static void print_quoted(const char *text, struct str *out)
{
    str_append_char(out, '"');
    while (*text != '\0') {
        unsigned code = (unsigned char)*text;
        size_t len = unprintable((const unsigned char *)text, &code);

        if (len > 0 || code < 0x20 || code == 0x7f)
            str_append_format(out, "\\u%04x", code);
        else if (code == '"' || code == '\\')
            str_append_format(out, "\\%c", (int)code);
        else
            str_append_char(out, *text);
        text += len > 0 ? len : 1;
    }
    str_append_char(out, '"');
}

static void print_text(const char *text, bool is_flow, struct str *out)
{
    if (is_plain_safe(text) && !(is_flow && strchr(text, ':') != NULL))
        str_append_text(out, text);
    else
        print_quoted(text, out);
}

static void print_texts(const struct config_texts *texts, struct str *out)
{
    str_append_char(out, '[');
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0)
            str_append_text(out, ", ");
        print_text(texts->items[i], true, out);
    }
    str_append_char(out, ']');
}

static void print_pairs(const struct config_pairs *pairs, const struct option *option,
                        struct str *out)
{
    bool is_lists = option->type == OPTION_HEADERS;

    str_append_char(out, '{');
    for (size_t i = 0; i < pairs->count; i++) {
        const struct config_pair *pair = &pairs->items[i];
        bool is_more = is_lists && i > 0 && strcmp(pair->name, pairs->items[i - 1].name) == 0;

        if (i > 0)
            str_append_text(out, is_more ? ", " : is_lists ? "], " : ", ");
        if (!is_more) {
            print_text(pair->name, true, out);
            str_append_text(out, is_lists ? ": [" : ": ");
        }
        if (option->is_secret)
            str_append_text(out, MASK);
        else
            print_text(pair->value, true, out);
    }
    str_append_text(out, is_lists && pairs->count > 0 ? "]}" : "}");
}

/* @base: the struct config, or an item of a list of maps. */
static void print_value(const void *base, const struct option *option, struct str *out)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    const void *field = apply_field(base, option);

    switch (option->type) {
    case OPTION_TEXT:
        if (option->is_secret && (*(char *const *)field)[0] != '\0')
            str_append_text(out, MASK);
        else
            print_text(*(char *const *)field, false, out);
        break;
    case OPTION_BOOL:
        str_append_text(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_INTEGER:
        str_append_format(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case OPTION_DURATION:
        scalar_format_duration(*(const int64_t *)field, out);
        break;
    case OPTION_LEVEL:
        str_append_text(out, levels[*(const enum log_level *)field]);
        break;
    case OPTION_TEXTS:
        print_texts(field, out);
        break;
    case OPTION_MAPS: /* without items; print_items has the others */
        str_append_text(out, "[]");
        break;
    default:
        print_pairs(field, option, out);
        break;
    }
}

/* ---- the effective configuration ---- */

static size_t depth_of(const struct option *option)
{
    size_t depth = 0;

    for (const char *c = option->path; *c != '\0'; c++)
        depth += *c == '.';
    return depth;
}

static void indent(size_t depth, struct str *out)
{
    str_append_format(out, "%*s", (int)(depth * INDENT), "");
}

/* Does the section hold a key with a value? Then it is shown. */
static bool has_values(const struct option *section)
{
    for (size_t i = 0; i < option_count; i++) {
        if (has_option_value(&options[i]) && is_option_within(&options[i], section))
            return true;
    }
    return false;
}

static void print_origin(const struct config_origin *origin, struct str *out)
{
    if (origin->kind == CONFIG_FILE)
        str_append_format(out, " # line %d", origin->line);
    else if (origin->kind == CONFIG_ENVIRONMENT)
        str_append_format(out, " # %s", origin->variable);
    else
        str_append_text(out, " # default");
}

/* What stands behind the indentation: the key with its value and origin, or the name of a section.
 */
static void print_key(const struct config *config, const void *base, const struct option *option,
                      size_t item, struct str *out)
{
    str_append_format(out, "%s:", option_key(option));
    if (is_option_section(option)) {
        str_append_text(out, has_values(option) ? "" : " {}");
    } else {
        str_append_char(out, ' ');
        print_value(base, option, out);
        print_origin(apply_origin(config, option, item), out);
    }
    str_append_char(out, '\n');
}

/* A list of maps: each item with a dash before its first key. */
static void print_items(const struct config *config, const struct option *list, struct str *out)
{
    const struct config_items *items = apply_field(config, list);

    str_append_format(out, "%s:", option_key(list));
    print_origin(apply_origin(config, list, 0), out);
    str_append_char(out, '\n');
    for (size_t item = 0; item < items->count; item++) {
        bool is_first = true;

        for (size_t i = 0; i < option_count; i++) {
            const struct option *option = &options[i];

            if (option == list || !is_option_within(option, list))
                continue;
            indent(depth_of(option) + !is_first, out);
            str_append_text(out, is_first ? "- " : "");
            print_key(config, apply_item(config, list, item), option, item, out);
            is_first = false;
        }
    }
}

static bool has_items(const struct config *config, const struct option *option)
{
    return option->type == OPTION_MAPS &&
           ((const struct config_items *)apply_field(config, option))->count > 0;
}

void config_print(const struct config *config, struct str *out)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        bool is_way = option->is_driver || option->is_controller;

        if (option->state == OPTION_REFUSED || option->is_item || apply_is_unused(config, option) ||
            (is_option_section(option) && !is_way && !has_values(option)) ||
            strcmp(option->path, "loglevel") == 0)
            continue;
        indent(depth_of(option), out);
        if (has_items(config, option))
            print_items(config, option, out);
        else
            print_key(config, config, option, 0, out);
    }
}

/* ---- the example file ---- */

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

/* Whether the example has the key as a comment only: it has no default, or says something else. */
static bool is_commented(const struct option *option)
{
    return !option->is_shown &&
           (option->example != NULL || option->state == OPTION_ACCEPTED || option->is_item ||
            option->type == OPTION_MAPS || is_option_within(option, option_find("auth")));
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
        size_t depth = depth_of(option) + option->is_item;

        if (option->state == OPTION_REFUSED)
            continue;
        if (option->type == OPTION_MAPS)
            print_example_list(option, depth, out);
        else if (!is_option_section(option))
            print_example_value(option, depth, out);
        else if (has_values(option) || option->is_driver || option->is_controller)
            print_example_section(option, depth, out);
    }
}

/* ---- the manual ---- */

/* Is all below the section refused? */
static bool is_section_refused(const struct option *section)
{
    bool has_refused = false;

    for (size_t i = 0; i < option_count; i++)
        has_refused |= options[i].state == OPTION_REFUSED && is_option_within(&options[i], section);
    return is_option_section(section) && has_refused && !has_values(section);
}

static const char *state_name(const struct option *option)
{
    if (option->state == OPTION_REFUSED || is_section_refused(option))
        return "not supported";
    if (option->state == OPTION_ACCEPTED)
        return "accepted, without effect";
    return option->is_ours ? "supported, our addition" : "supported";
}

/* "`a`, `b`" of "a|b". */
static void print_codes(const char *choices, struct str *out)
{
    struct span rest = span_of(choices);

    while (rest.data != NULL) {
        struct span choice = span_cut(&rest, '|');

        str_append_format(out, "`%.*s`%s", SPAN_ARGS(choice), rest.data != NULL ? ", " : "");
    }
}

static void print_reference_key(const struct option *option, struct str *out)
{
    str_append_format(out, "| `%s` | %s%s | ", option->path,
                      option->is_secret && option->type == OPTION_TEXT ? "secret " : "",
                      option_type_name(option->type));
    if (option->default_text == NULL || strcmp(option->default_text, "\"\"") == 0)
        str_append_text(out, "-");
    else
        str_append_format(out, "`%s`", option->default_text);
    str_append_format(out, " | %s | `", state_name(option));
    option_variable(option, out);
    str_append_format(out, "` | %s", option->help);
    if (option->choices != NULL) {
        str_append_text(out, " Values: ");
        print_codes(option->choices, out);
        str_append_char(out, '.');
    }
    if (option->refused != NULL) {
        str_append_text(out, " Not supported: ");
        print_codes(option->refused, out);
        str_append_char(out, '.');
    }
    str_append_text(out, " |\n");
}

static void print_reference_table(const struct option *section, struct str *out)
{
    str_append_format(out, "\n## %s\n\n%s\n\n", section->path, section->help);
    str_append_text(out, "| key | type | default | state | variable | meaning |\n"
                         "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < option_count; i++) {
        if (is_option_within(&options[i], section) && &options[i] != section)
            print_reference_key(&options[i], out);
    }
}

static const char reference_intro[] =
    "# Configuration\n"
    "\n"
    "Every key of `config.yml`. This file is printed by `registry config reference`; a test keeps "
    "it "
    "equal.\n"
    "`registry config example` prints a file with all keys that work, `registry config check FILE` "
    "says what is\n"
    "wrong with one, and `registry config show FILE` what counts in the end and where it comes "
    "from.\n"
    "\n"
    "- Without `FILE`: `$REGISTRY_CONFIGURATION_PATH`, else `/etc/docker/registry/config.yml`, "
    "else\n"
    "  `/etc/distribution/config.yml`.\n"
    "- Order: default, then file, then environment. A variable's value is YAML; a variable that "
    "names a section\n"
    "  replaces all of it. A variable that means nothing is a warning.\n"
    "- Items of lists have a number in their variables, from 0: "
    "`REGISTRY_HEALTH_HTTPCHECKERS_0_URI`. The number\n"
    "  behind the last item makes a new one; beyond that is an error.\n"
    "- A *secret* may be in a file that the variable with `_FILE` at its end names: "
    "`REGISTRY_HTTP_SECRET_FILE`. The\n"
    "  file is the value, without one newline at its end. Secrets are never printed.\n"
    "- A section that a file has twice counts with the keys of both, as upstream reads it, but "
    "`storage`, `auth` and\n"
    "  what is in them counts as it was said last. Each repeated key is a warning.\n"
    "- A key that is *not supported* is an error at start as soon as it asks for anything (null, "
    "`false`, `\"\"`, `[]`\n"
    "  and `{}` do not), a key that does not exist is one too. Keys that are *accepted* are "
    "checked "
    "and noted in the\n"
    "  log, and change nothing in this version.\n"
    "- Durations are numbers with units, such as `30s`, `1m30s` or `500ms`; a bare number is "
    "nanoseconds.\n"
    "- (3.x) marks what only upstream's later major version knows.\n"
    "\n";

void config_print_reference(struct str *out)
{
    str_append_text(out, reference_intro);
    str_append_text(out, "| key | type | default | state | variable | meaning |\n"
                         "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < option_count; i++) {
        if (depth_of(&options[i]) == 0 && !is_option_section(&options[i]))
            print_reference_key(&options[i], out);
    }
    for (size_t i = 0; i < option_count; i++) {
        if (depth_of(&options[i]) == 0 && is_option_section(&options[i]))
            print_reference_table(&options[i], out);
    }
}
