/* SPDX-License-Identifier: Apache-2.0
 *
 * reference - the manual of all keys, in Markdown.
 */
#include "lib/base/str.h"
#include "lib/config/options.h"

#include <string.h>

#include "lib/base/banned.h"

/* Is all below the section refused? */
static bool is_section_refused(const struct option *section)
{
    bool has_refused = false;

    for (size_t i = 0; i < option_count; i++)
        has_refused |= options[i].state == OPTION_REFUSED && is_option_within(&options[i], section);
    return is_option_section(section) && has_refused && !has_option_values(section);
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
        if (option_depth(&options[i]) == 0 && !is_option_section(&options[i]))
            print_reference_key(&options[i], out);
    }
    for (size_t i = 0; i < option_count; i++) {
        if (option_depth(&options[i]) == 0 && is_option_section(&options[i]))
            print_reference_table(&options[i], out);
    }
}
