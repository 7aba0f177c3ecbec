/* SPDX-License-Identifier: Apache-2.0
 *
 * rules - see rules.h.
 */
#include "auth/htpasswd/rules.h"

#include "auth/htpasswd/glob.h"
#include "auth/htpasswd/rules_table.h"
#include "lib/base/cleanup.h"
#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct rules *rules_new(struct span text)
{
    struct rules *rules = xcalloc(1, sizeof(*rules));

    rules->text = xmalloc(text.len + 1);
    rules->text_len = text.len;
    if (text.len > 0)
        memcpy(rules->text, text.data, text.len);
    rules->members = xcalloc(RULES_COUNT_MAX, sizeof(*rules->members));
    rules->grants = xcalloc(RULES_COUNT_MAX, sizeof(*rules->grants));
    return rules;
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->user_count; i++)
        free(rules->users[i]);
    free(rules->users);
    free(rules->grants);
    free(rules->members);
    free(rules->text);
    free(rules);
}

struct span rules_text(const struct rules *rules)
{
    return span_make(rules->text, rules->text_len);
}

/* ---- groups ---- */

static int compare_members(const void *a, const void *b)
{
    const struct rules_member *x = a;
    const struct rules_member *y = b;
    int order = span_compare(x->group, y->group);

    return order != 0 ? order : span_compare(x->user, y->user);
}

int rules_sort_members(struct rules *rules, struct error *err)
{
    qsort(rules->members, rules->member_count, sizeof(*rules->members), compare_members);
    for (size_t i = 1; i < rules->member_count; i++) {
        const struct rules_member *a = &rules->members[i - 1];
        const struct rules_member *b = &rules->members[i];

        if (span_equals(a->group, b->group) && a->line != b->line)
            return error_set(err, ERROR_INVALID, "line %u: group %.*s is there already, on line %u",
                             a->line > b->line ? a->line : b->line, SPAN_ARGS(a->group),
                             a->line > b->line ? b->line : a->line);
    }
    return 0;
}

static int compare_group(const void *key, const void *member)
{
    return span_compare(*(const struct span *)key, ((const struct rules_member *)member)->group);
}

bool is_rules_group(const struct rules *rules, struct span name)
{
    return rules->member_count > 0 && bsearch(&name, rules->members, rules->member_count,
                                              sizeof(*rules->members), compare_group) != NULL;
}

static bool is_member(const struct rules *rules, struct span group, struct span user)
{
    struct rules_member wanted = {group, user, 0};

    return rules->member_count > 0 && bsearch(&wanted, rules->members, rules->member_count,
                                              sizeof(*rules->members), compare_members) != NULL;
}

/* ---- users ---- */

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void collect_users(struct rules *rules)
{
    size_t max = rules->member_count + rules->grant_count;
    auto_free struct span *names = xcalloc(max + 1, sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; i < rules->member_count; i++)
        names[count++] = rules->members[i].user;
    for (size_t i = 0; i < rules->grant_count; i++) {
        if (rules->grants[i].who.kind == RULES_WHO_USER)
            names[count++] = rules->grants[i].who.name;
    }
    qsort(names, count, sizeof(*names), compare_spans);
    rules->users = xcalloc(count + 1, sizeof(*rules->users));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !span_equals(names[i - 1], names[i]))
            rules->users[rules->user_count++] = xstrndup(names[i].data, names[i].len);
    }
}

const char *rules_user(const struct rules *rules, size_t index)
{
    return index < rules->user_count ? rules->users[index] : NULL;
}

void rules_finish(struct rules *rules)
{
    collect_users(rules);
    rules->members = xrealloc(rules->members, (rules->member_count + 1) * sizeof(*rules->members));
    rules->grants = xrealloc(rules->grants, (rules->grant_count + 1) * sizeof(*rules->grants));
}

/* ---- questions ---- */

static bool is_who(const struct rules *rules, const struct rules_who *who, struct span user)
{
    switch (who->kind) {
    case RULES_WHO_ANONYMOUS:
        return true;
    case RULES_WHO_USERS:
        return user.len > 0;
    case RULES_WHO_USER:
        return user.len > 0 && span_equals(who->name, user);
    case RULES_WHO_GROUP:
        return user.len > 0 && is_member(rules, who->name, user);
    }
    return false;
}

/* What a record asks for; 0 for what nobody can be allowed. */
static unsigned action_of(const struct access_record *record)
{
    static const struct {
        const char *type;
        const char *action;
        unsigned bit;
    } table[] = {
        {"repository", "pull", RULES_PULL},
        {"repository", "push", RULES_PUSH},
        {"repository", "delete", RULES_DELETE},
        {"registry", "*", RULES_CATALOG},
    };

    for (size_t i = 0; i < array_count(table); i++) {
        if (strcmp(record->type, table[i].type) == 0 &&
            strcmp(record->action, table[i].action) == 0)
            return table[i].bit;
    }
    return 0;
}

bool rules_allow(const struct rules *rules, const char *user, const struct access_record *record)
{
    unsigned action = action_of(record);
    bool is_catalog = action == RULES_CATALOG;
    struct span name = span_of(record->name);

    for (size_t i = 0; i < rules->grant_count; i++) {
        const struct rules_grant *grant = &rules->grants[i];

        if ((grant->actions & action) != 0 && is_who(rules, &grant->who, span_of(user)) &&
            (is_catalog || glob_match(grant->pattern, name)))
            return true;
    }
    return false;
}
