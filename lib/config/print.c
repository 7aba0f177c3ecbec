/* SPDX-License-Identifier: Apache-2.0
 *
 * print - the effective configuration as YAML, with the origin of each value. See example.c and
 * reference.c for what the table alone prints.
 */
#include "lib/base/str.h"
#include "lib/config/apply.h"
#include "lib/config/scalar.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/banned.h"

#define MASK   "\"********\""
#define INDENT 2

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

static void indent(size_t depth, struct str *out)
{
    str_append_format(out, "%*s", (int)(depth * INDENT), "");
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
        str_append_text(out, has_option_values(option) ? "" : " {}");
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
            indent(option_depth(option) + !is_first, out);
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
            (is_option_section(option) && !is_way && !has_option_values(option)) ||
            strcmp(option->path, "loglevel") == 0)
            continue;
        indent(option_depth(option), out);
        if (has_items(config, option))
            print_items(config, option, out);
        else
            print_key(config, config, option, 0, out);
    }
}
