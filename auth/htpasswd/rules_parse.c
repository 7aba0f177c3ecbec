/* SPDX-License-Identifier: Apache-2.0
 *
 * rules_parse - the access file, line by line; see rules.h.
 *
 * The groups are read first, so that a line may name a group of a later line.
 */
#include "auth/htpasswd/glob.h"
#include "auth/htpasswd/rules.h"
#include "auth/htpasswd/rules_table.h"
#include "lib/base/cleanup.h"

#include <string.h>

#include "lib/base/banned.h"

#define WHO_LIST_MAX 256 /* names before the actions of one line */

static const struct {
    const char *name;
    unsigned bits;
} actions[] = {
    {"pull", RULES_PULL},       {"push", RULES_PUSH}, {"delete", RULES_DELETE},
    {"catalog", RULES_CATALOG}, {"*", RULES_ALL},
};

/* ---- words of a line ---- */

struct line {
    struct rules *rules;
    struct span rest;
    unsigned number;
};

static int fail(const struct line *line, struct error *err, const char *what, struct span text)
{
    return error_set(err, ERROR_INVALID, "line %u: %s \"%.*s\"", line->number, what,
                     SPAN_ARGS(text));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct span *rest)
{
    while (rest->len > 0 && is_blank(rest->data[0]))
        *rest = span_from(*rest, 1);
}

/* Up to a blank, a comma, or one of @ends. */
static struct span take_word(struct span *rest, char end)
{
    struct span word = {rest->data, 0};

    while (word.len < rest->len && !is_blank(rest->data[word.len]) && rest->data[word.len] != ',' &&
           rest->data[word.len] != end)
        word.len++;
    *rest = span_from(*rest, word.len);
    skip_blanks(rest);
    return word;
}

static bool take_char(struct span *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    *rest = span_from(*rest, 1);
    skip_blanks(rest);
    return true;
}

static int check_user(const struct line *line, struct span name, struct error *err)
{
    if (name.len == 0)
        return error_set(err, ERROR_INVALID, "line %u: a name is missing", line->number);
    if (memchr(name.data, ':', name.len) != NULL || name.data[0] == '@')
        return fail(line, err, "not the name of a user:", name);
    return 0;
}

static int check_group(const struct line *line, struct span name, struct error *err)
{
    if (name.len < 2 || name.data[0] != '@')
        return fail(line, err, "the name of a group begins with @:", name);
    return 0;
}

static int too_many(const struct line *line, struct error *err)
{
    return error_set(err, ERROR_TOO_LARGE, "line %u: more than %d names and patterns", line->number,
                     RULES_COUNT_MAX);
}

/* ---- group @devs = alice, bob ---- */

static int add_member(struct line *line, struct span group, struct span user, struct error *err)
{
    struct rules *rules = line->rules;

    if (check_user(line, user, err) < 0)
        return -1;
    if (span_is(user, "anonymous") || span_is(user, "users"))
        return fail(line, err, "a group has users only, not", user);
    if (rules->member_count == RULES_COUNT_MAX)
        return too_many(line, err);
    rules->members[rules->member_count++] = (struct rules_member){group, user, line->number};
    return 0;
}

static int parse_group(struct line *line, struct error *err)
{
    struct span group = take_word(&line->rest, '=');

    if (check_group(line, group, err) < 0)
        return -1;
    if (!take_char(&line->rest, '='))
        return fail(line, err, "there is no = behind group", group);
    do {
        if (add_member(line, group, take_word(&line->rest, '\0'), err) < 0)
            return -1;
    } while (take_char(&line->rest, ',') || line->rest.len > 0);
    return 0;
}

/* ---- allow alice,@devs pull,push team-* tools ---- */

struct who_list {
    struct rules_who items[WHO_LIST_MAX];
    size_t count;
};

static int parse_who(struct line *line, struct span name, struct rules_who *out, struct error *err)
{
    if (name.len > 0 && name.data[0] == '@') {
        if (!is_rules_group(line->rules, name))
            return fail(line, err, "there is no group", name);
        *out = (struct rules_who){RULES_WHO_GROUP, name};
        return 0;
    }
    if (check_user(line, name, err) < 0)
        return -1;
    *out = (struct rules_who){RULES_WHO_USER, name};
    if (span_is(name, "anonymous"))
        out->kind = RULES_WHO_ANONYMOUS;
    else if (span_is(name, "users"))
        out->kind = RULES_WHO_USERS;
    return 0;
}

static int parse_who_list(struct line *line, struct who_list *list, struct error *err)
{
    do {
        if (list->count == WHO_LIST_MAX)
            return error_set(err, ERROR_TOO_LARGE, "line %u: more than %d names; make a group",
                             line->number, WHO_LIST_MAX);
        if (parse_who(line, take_word(&line->rest, '\0'), &list->items[list->count], err) < 0)
            return -1;
        list->count++;
    } while (take_char(&line->rest, ','));
    return 0;
}

static int parse_action(const struct line *line, struct span name, unsigned *bits,
                        struct error *err)
{
    for (size_t i = 0; i < array_count(actions); i++) {
        if (span_is(name, actions[i].name)) {
            *bits |= actions[i].bits;
            return 0;
        }
    }
    return fail(line, err, "an action is pull, push, delete, catalog or *, not", name);
}

static int parse_actions(struct line *line, unsigned *bits, struct error *err)
{
    do {
        if (parse_action(line, take_word(&line->rest, '\0'), bits, err) < 0)
            return -1;
    } while (take_char(&line->rest, ','));
    return 0;
}

static int add_grants(struct line *line, const struct who_list *list, unsigned bits,
                      struct span pattern, struct error *err)
{
    struct rules *rules = line->rules;

    if (rules->grant_count + list->count > RULES_COUNT_MAX)
        return too_many(line, err);
    for (size_t i = 0; i < list->count; i++)
        rules->grants[rules->grant_count++] = (struct rules_grant){list->items[i], bits, pattern};
    return 0;
}

static int parse_patterns(struct line *line, const struct who_list *list, unsigned bits,
                          struct error *err)
{
    do {
        struct span pattern = take_word(&line->rest, '\0');
        const char *fault = glob_check(pattern);

        if (fault != NULL)
            return error_set(err, ERROR_INVALID, "line %u: the pattern \"%.*s\" %s", line->number,
                             SPAN_ARGS(pattern), fault);
        if (add_grants(line, list, bits, pattern, err) < 0)
            return -1;
    } while (take_char(&line->rest, ',') || line->rest.len > 0);
    return 0;
}

static int parse_allow(struct line *line, struct error *err)
{
    struct who_list list = {.count = 0};
    unsigned bits = 0;

    if (parse_who_list(line, &list, err) < 0)
        return -1;
    if (line->rest.len == 0)
        return error_set(err, ERROR_INVALID, "line %u: what is allowed is missing", line->number);
    if (parse_actions(line, &bits, err) < 0)
        return -1;
    if (bits == RULES_CATALOG && line->rest.len > 0)
        return fail(line, err,
                    "the catalog is one for all repositories; this is of no use:", line->rest);
    if (bits == RULES_CATALOG)
        return add_grants(line, &list, bits, SPAN(""), err);
    if (line->rest.len == 0)
        return error_set(err, ERROR_INVALID,
                         "line %u: the repositories are missing; ** is all of them", line->number);
    return parse_patterns(line, &list, bits, err);
}

/* ---- lines ---- */

enum pass { PASS_GROUPS, PASS_ALLOWS };

static int parse_words(struct line *line, enum pass pass, struct error *err)
{
    struct span word = take_word(&line->rest, '\0');

    if (span_is(word, "group"))
        return pass == PASS_GROUPS ? parse_group(line, err) : 0;
    if (span_is(word, "allow"))
        return pass == PASS_ALLOWS ? parse_allow(line, err) : 0;
    return fail(line, err, "a line begins with allow or group, not", word);
}

/* Without what follows a # at the start or behind a blank. */
static struct span cut_comment(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '#' && (i == 0 || is_blank(text.data[i - 1])))
            return span_make(text.data, i);
    }
    return text;
}

static int check_text(const struct line *line, struct error *err)
{
    if (line->rest.len > RULES_LINE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "line %u: longer than %d bytes", line->number,
                         RULES_LINE_MAX);
    for (size_t i = 0; i < line->rest.len; i++) {
        unsigned char c = (unsigned char)line->rest.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return error_set(err, ERROR_INVALID, "line %u: not text (byte 0x%02x)", line->number,
                             (unsigned)c);
    }
    return 0;
}

static int parse_line(struct line *line, enum pass pass, struct error *err)
{
    if (span_ends_with(line->rest, SPAN("\r")))
        line->rest.len--;
    if (check_text(line, err) < 0)
        return -1;
    line->rest = span_trim(cut_comment(line->rest));
    return line->rest.len > 0 ? parse_words(line, pass, err) : 0;
}

static int parse_lines(struct rules *rules, struct span text, enum pass pass, struct error *err)
{
    struct line line = {.rules = rules};

    if (span_starts_with(text, SPAN("\xef\xbb\xbf")))
        text = span_from(text, 3);
    while (text.data != NULL) {
        line.rest = span_cut(&text, '\n');
        line.number++;
        if (parse_line(&line, pass, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the file ---- */

int rules_parse(struct span text, struct rules **out, struct error *err)
{
    struct rules *rules;

    if (text.len > RULES_FILE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "longer than %d bytes", RULES_FILE_MAX);
    rules = rules_new(text);
    if (parse_lines(rules, rules_text(rules), PASS_GROUPS, err) < 0 ||
        rules_sort_members(rules, err) < 0 ||
        parse_lines(rules, rules_text(rules), PASS_ALLOWS, err) < 0) {
        rules_free(rules);
        return -1;
    }
    rules_finish(rules);
    *out = rules;
    return 0;
}
