/* SPDX-License-Identifier: Apache-2.0
 *
 * rules_table - what rules are made of, for rules_parse.c, which fills them, and rules.c, which
 * looks things up.
 *
 * A line `allow a,b pull x y` is four grants: (a, x) (b, x) (a, y) (b, y). All names and patterns
 * are lent from the copy of the text that the rules own.
 */
#pragma once

#include "auth/htpasswd/rules.h"

enum rules_action {
    RULES_PULL = 1,
    RULES_PUSH = 2,
    RULES_DELETE = 4,
    RULES_CATALOG = 8,
    RULES_ALL = 15,
};

struct rules_member {
    struct span group;
    struct span user;
    unsigned line; /* where the group is defined */
};

enum rules_who_kind { RULES_WHO_ANONYMOUS, RULES_WHO_USERS, RULES_WHO_USER, RULES_WHO_GROUP };

struct rules_who {
    enum rules_who_kind kind;
    struct span name; /* of a user or a group */
};

struct rules_grant {
    struct rules_who who;
    unsigned actions;
    struct span pattern; /* empty for the catalog alone */
};

struct rules {
    char *text; /* owned */
    size_t text_len;
    struct rules_member *members; /* owned */
    size_t member_count;
    struct rules_grant *grants; /* owned */
    size_t grant_count;
    char **users; /* owned, as the texts are; sorted, each once */
    size_t user_count;
};

/* Empty, with room for RULES_COUNT_MAX members and as many grants. Given: rules_free. */
struct rules *rules_new(struct span text);

/* To be called when all members are there, before groups are asked for. Errors: INVALID for a group
 * that two lines define. */
must_check int rules_sort_members(struct rules *rules, struct error *err);
bool is_rules_group(const struct rules *rules, struct span name);

/* To be called when all is there. */
void rules_finish(struct rules *rules);
