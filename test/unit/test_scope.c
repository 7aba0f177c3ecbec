/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request asks for as a scope, and the challenge made of it.
 */
#include "lib/auth/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define ROOM 1024

static const struct {
    struct access_record records[ACCESS_RECORDS_MAX + 1]; /* up to one without type */
    const char *each;
    const char *merged;
} cases[] = {
    {{{NULL, NULL, NULL}}, "", ""},
    {{{"repository", "a/b", "pull"}}, "repository:a/b:pull", "repository:a/b:pull"},
    {{{"registry", "catalog", "*"}}, "registry:catalog:*", "registry:catalog:*"},
    {{{"repository", "a/b", "pull"}, {"repository", "a/b", "push"}},
     "repository:a/b:pull repository:a/b:push",
     "repository:a/b:pull,push"},
    {{{"repository", "a/b", "pull"}, {"repository", "a/b", "push"}, {"repository", "c/d", "pull"}},
     "repository:a/b:pull repository:a/b:push repository:c/d:pull",
     "repository:a/b:pull,push repository:c/d:pull"},
    {{{"repository", "a/b", "pull"}, {"repository", "a/b", "push"}, {"repository", "a/b", "pull"}},
     "repository:a/b:pull repository:a/b:push repository:a/b:pull",
     "repository:a/b:pull,push"},
    {{{"repository", "a", "pull"}, {"repository", "b", "pull"}, {"repository", "a", "push"}},
     "repository:a:pull repository:b:pull repository:a:push",
     "repository:a:pull,push repository:b:pull"},
    {{{"registry", "catalog", "*"}, {"repository", "catalog", "*"}},
     "registry:catalog:* repository:catalog:*",
     "registry:catalog:* repository:catalog:*"},
};

static void records_become_a_scope_each_alone_or_merged(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct access_request request = {.record_count = 0};
        auto_str each = STR_INIT(ROOM);
        auto_str merged = STR_INIT(ROOM);

        for (const struct access_record *record = cases[i].records; record->type != NULL; record++)
            access_request_add(&request, record->type, record->name, record->action);
        scope_append(&each, &request);
        scope_append_merged(&merged, &request);
        assert_string_equal(str_text(&each), cases[i].each);
        assert_string_equal(str_text(&merged), cases[i].merged);
    }
}

static void a_challenge_says_only_what_there_is(void **state)
{
    struct scope_challenge challenge = {.realm = SPAN("https://h/auth/token"),
                                        .service = SPAN("a\"b")};
    auto_str bare = STR_INIT(ROOM);
    auto_str whole = STR_INIT(ROOM);

    (void)state;
    scope_append_challenge(&bare, &challenge);
    assert_string_equal(str_text(&bare),
                        "Bearer realm=\"https://h/auth/token\",service=\"a\\\"b\"");
    challenge.scope = SPAN("repository:a/b:pull");
    challenge.error = SPAN("invalid_token");
    scope_append_challenge(&whole, &challenge);
    assert_string_equal(str_text(&whole),
                        "Bearer realm=\"https://h/auth/token\",service=\"a\\\"b\","
                        "scope=\"repository:a/b:pull\",error=\"invalid_token\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_a_scope_each_alone_or_merged),
        cmocka_unit_test(a_challenge_says_only_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
