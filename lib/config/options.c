/* SPDX-License-Identifier: Apache-2.0
 *
 * options - the table. See options.h for the columns; checks.c holds the checks it names. The rows
 * of each section of the configuration are in a file of options/.
 *
 * Rows stand in the order of the example file, a section before what is below it. The types,
 * defaults and names are upstream's unless a row says `.is_ours`; rows of (3.x) name keys that
 * only upstream's later major version has.
 */
#include "lib/config/options.h"

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/config/checks.h"

#include "lib/base/banned.h"

#define MILLISECOND CLOCK_MS_NS
#define HOUR        (INT64_C(3600000) * MILLISECOND)

#define ITEMS_MAX 1000 /* entries of a list of maps */

#define FIELD(member)      .offset = offsetof(struct config, member)
#define ITEM(type, member) .is_item = true, .offset = offsetof(struct type, member)
#define SECTION(key, text)                                                                         \
    {                                                                                              \
        .path = key, .type = OPTION_SECTION, .help = text                                          \
    }
#define OPEN(key, text)                                                                            \
    {                                                                                              \
        .path = key, .type = OPTION_OPEN, .help = text                                             \
    }
#define REFUSED(key, kind, text)                                                                   \
    {                                                                                              \
        .path = key, .type = OPTION_##kind, .state = OPTION_REFUSED, .help = text                  \
    }
#define DRIVER(key, text)                                                                          \
    {                                                                                              \
        .path = "storage." key, .type = OPTION_OPEN, .is_driver = true, .help = text               \
    }
#define REFUSED_DRIVER(key, text)                                                                  \
    {                                                                                              \
        .path = "storage." key, .type = OPTION_ANY, .state = OPTION_REFUSED, .is_driver = true,    \
        .help = text                                                                               \
    }
#define CONTROLLER(key, text)                                                                      \
    {                                                                                              \
        .path = "auth." key, .type = OPTION_OPEN, .is_controller = true, .help = text              \
    }
#define NO_ACME(key, kind, text)                                                                   \
    {                                                                                              \
        .path = "http.tls.letsencrypt." key, .type = OPTION_##kind, .state = OPTION_REFUSED,       \
        .help = text,                                                                              \
        .note =                                                                                    \
            "let a reverse proxy or an ACME client (certbot, lego) fetch certificates and set "    \
            "http.tls.certificate and .key; renewed files are noticed"                             \
    }

/* clang-format off */
const struct option options[] = {
    {.path = "version", .type = OPTION_TEXT, FIELD(version), .default_text = "0.1",
     .choices = "0.1",
     .help = "Version of the configuration's format. Every file must say it."},
#include "lib/config/options/log.inc"
#include "lib/config/options/storage.inc"
#include "lib/config/options/http.inc"
#include "lib/config/options/health.inc"
#include "lib/config/options/content.inc"
#include "lib/config/options/auth.inc"
#include "lib/config/options/reporting.inc"
#include "lib/config/options/redis.inc"
#include "lib/config/options/middleware.inc"
#include "lib/config/options/absent.inc"
};
/* clang-format on */

const size_t option_count = array_count(options);

const struct option *option_find(const char *path)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(options[i].path, path) == 0)
            return &options[i];
    }
    return NULL;
}

size_t option_index(const struct option *option)
{
    return (size_t)(option - options);
}

bool is_option_section(const struct option *option)
{
    return option->type == OPTION_SECTION || option->type == OPTION_OPEN ||
           option->type == OPTION_ONE_OF;
}

bool has_option_value(const struct option *option)
{
    return !is_option_section(option) && option->state != OPTION_REFUSED;
}

bool is_option_within(const struct option *option, const struct option *section)
{
    size_t len = strlen(section->path);

    return strncmp(option->path, section->path, len) == 0 &&
           (option->path[len] == '\0' || option->path[len] == '.');
}

bool has_option_values(const struct option *section)
{
    for (size_t i = 0; i < option_count; i++) {
        if (has_option_value(&options[i]) && is_option_within(&options[i], section))
            return true;
    }
    return false;
}

size_t option_depth(const struct option *option)
{
    size_t depth = 0;

    for (const char *c = option->path; *c != '\0'; c++)
        depth += *c == '.';
    return depth;
}

bool is_option_below(const struct option *option, const char *section)
{
    size_t len = strlen(section);
    const char *rest = option->path;

    if (len > 0) {
        if (strncmp(rest, section, len) != 0 || rest[len] != '.')
            return false;
        rest += len + 1;
    }
    return strchr(rest, '.') == NULL;
}

const char *option_key(const struct option *option)
{
    const char *dot = strrchr(option->path, '.');

    return dot != NULL ? dot + 1 : option->path;
}

static void append_upper(struct str *out, const char *text)
{
    for (; *text != '\0'; text++)
        str_append_char(out, *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text);
}

void option_variable(const struct option *option, struct str *out)
{
    struct span rest = span_of(option->path);
    auto_str path = STR_INIT(256);

    str_append_text(out, "REGISTRY");
    while (rest.data != NULL) {
        struct span part = span_cut(&rest, '.');
        const struct option *row;

        if (path.len > 0)
            str_append_char(&path, '.');
        str_append(&path, part);
        row = option_find(str_text(&path));
        str_append_char(out, '_');
        append_upper(out, row != NULL && row->env != NULL ? row->env
                                                          : str_text(&path) + path.len - part.len);
        if (row != NULL && row->type == OPTION_MAPS && row != option)
            str_append_text(out, "_0");
    }
}

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_SECTION] = "section",
        [OPTION_OPEN] = "section",
        [OPTION_ONE_OF] = "section",
        [OPTION_TEXT] = "text",
        [OPTION_BOOL] = "true or false",
        [OPTION_INTEGER] = "number",
        [OPTION_DURATION] = "duration",
        [OPTION_LEVEL] = "text",
        [OPTION_TEXTS] = "list",
        [OPTION_PAIRS] = "map",
        [OPTION_HEADERS] = "map of lists",
        [OPTION_MAPS] = "list of sections",
        [OPTION_ANY] = "any",
    };

    return names[type];
}

#define NEAREST_LEN_MAX 63 /* characters of names that are compared */

/* The least number of characters to insert, remove or replace. Longer names: a big number. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LEN_MAX + 1];
    size_t b_len = strlen(b);

    if (strlen(a) > NEAREST_LEN_MAX || b_len > NEAREST_LEN_MAX)
        return NEAREST_LEN_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

/* The row below @section, or anywhere if NULL, whose key is nearest to @key within @limit. */
static const struct option *nearest_key(const char *key, const char *section, size_t limit)
{
    const struct option *best = NULL;

    for (size_t i = 0; i < option_count; i++) {
        size_t distance;

        if (section != NULL && !is_option_below(&options[i], section))
            continue;
        distance = edit_distance(key, option_key(&options[i]));
        if (distance <= limit) {
            best = &options[i];
            if (distance == 0)
                break;
            limit = distance - 1;
        }
    }
    return best;
}

const struct option *option_nearest(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *key = dot != NULL ? dot + 1 : path;
    auto_str section = STR_INIT(256);
    auto_str lower = STR_INIT(NEAREST_LEN_MAX);
    const struct option *best;

    if (dot != NULL)
        str_append(&section, span_make(path, (size_t)(dot - path)));
    for (const char *c = key; *c != '\0'; c++)
        str_append_char(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
    if (str_overflowed(&section) || str_overflowed(&lower))
        return NULL;
    best = nearest_key(str_text(&lower), str_text(&section), 1 + lower.len / 4);
    return best != NULL ? best : nearest_key(str_text(&lower), NULL, 0);
}
