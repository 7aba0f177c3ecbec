/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials of a header, and quoting.
 */
#include "lib/auth/access.h"
#include "lib/base/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define ROOM 256

static const struct {
    const char *header;
    const char *user; /* NULL: refused */
    const char *password;
} basics[] = {
    {"Basic YWxpY2U6c2VjcmV0", "alice", "secret"},
    {"basic YWxpY2U6c2VjcmV0", "alice", "secret"},
    {"BASIC YWxpY2U6c2VjcmV0", "alice", "secret"},
    {"Basic YTpiOmM=", "a", "b:c"},
    {"Basic Og==", "", ""},
    {"Basic YTo=", "a", ""},
    {"Basic OmI=", "", "b"},
    {"Basic w6k6w7w=", "\xc3\xa9", "\xc3\xbc"},
    {"Basic Pz8/Oj8+fn4=", "???", "?>~~"},
    {"", NULL, NULL},
    {"Basic", NULL, NULL},
    {"Basic ", NULL, NULL},
    {"Basic  YWxpY2U6c2VjcmV0", NULL, NULL},
    {"Basic YWxpY2U6c2VjcmV0 ", NULL, NULL},
    {"Basic\tYWxpY2U6c2VjcmV0", NULL, NULL},
    {"BasicYWxpY2U6c2VjcmV0", NULL, NULL},
    {"Bearer YWxpY2U6c2VjcmV0", NULL, NULL},
    {" Basic YWxpY2U6c2VjcmV0", NULL, NULL},
    {"Basic YWxpY2U", NULL, NULL},              /* no padding */
    {"Basic YWxpY2U=", NULL, NULL},             /* no colon */
    {"Basic YWxp*2U6", NULL, NULL},             /* not base64 */
    {"Basic Pz8_Oj8-fn4=", NULL, NULL},         /* the URL's alphabet */
    {"Basic YWxpY2UAOnNlY3JldA==", NULL, NULL}, /* a NUL */
    {"Basic YTpiAGM=", NULL, NULL},
};

static void access_basic_takes_well_formed_credentials_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(basics); i++) {
        auto_str user = STR_INIT(ROOM);
        auto_str password = STR_INIT(ROOM);
        bool is_taken = access_basic(span_of(basics[i].header), &user, &password);

        if (is_taken != (basics[i].user != NULL))
            fail_msg("%s: %s", is_taken ? "taken" : "refused", basics[i].header);
        if (!is_taken)
            continue;
        assert_string_equal(str_text(&user), basics[i].user);
        assert_string_equal(str_text(&password), basics[i].password);
    }
}

static void access_basic_refuses_what_has_no_room(void **state)
{
    auto_str user = STR_INIT(4);
    auto_str password = STR_INIT(ROOM);
    auto_str whole = STR_INIT(ROOM);
    auto_str little = STR_INIT(5);

    (void)state;
    assert_false(access_basic(SPAN("Basic YWxpY2U6c2VjcmV0"), &user, &password));
    assert_false(access_basic(SPAN("Basic YWxpY2U6c2VjcmV0"), &whole, &little));
    assert_false(access_basic((struct span){NULL, 0}, &whole, &little));
}

static const struct {
    const char *header;
    const char *token; /* NULL: none */
} bearers[] = {
    {"Bearer a.b.c", "a.b.c"},
    {"bearer a.b.c", "a.b.c"},
    {"Bearer ", ""},
    {"Bearer", NULL},
    {"", NULL},
    {"Bearer  a", NULL},
    {"Bearer a b", NULL},
    {"Bearer a ", NULL},
    {"Basic a", NULL},
    {" Bearer a", NULL},
    {"Bearer\ta", NULL},
};

static void access_bearer_splits_as_upstream_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(bearers); i++) {
        struct span token = SPAN("untouched");
        bool is_taken = access_bearer(span_of(bearers[i].header), &token);

        if (is_taken != (bearers[i].token != NULL))
            fail_msg("%s: %s", is_taken ? "taken" : "refused", bearers[i].header);
        assert_true(span_is(token, is_taken ? bearers[i].token : "untouched"));
    }
}

static const struct {
    const char *value;
    const char *quoted;
} quotes[] = {
    {"", "\"\""},
    {"Registry Realm", "\"Registry Realm\""},
    {"a\"b\\c", "\"a\\\"b\\\\c\""},
    {"a\r\nb", "\"a\\r\\nb\""},
    {"\x01\x7f", "\"\\x01\\x7f\""},
    {"\xc3\xa9", "\"\xc3\xa9\""},
    {"\xc2\x85", "\"\\u0085\""},
    {"\xff", "\"\\xff\""},
};

static void a_quoted_value_ends_neither_the_quotes_nor_the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(quotes); i++) {
        auto_str out = STR_INIT(ROOM);

        access_append_quoted(&out, span_of(quotes[i].value));
        assert_string_equal(str_text(&out), quotes[i].quoted);
    }
}

static void an_answer_grants_until_told_otherwise(void **state)
{
    auto_access_answer answer;

    (void)state;
    access_answer_init(&answer);
    assert_int_equal(answer.verdict, ACCESS_GRANTED);
    assert_int_equal(answer.challenge.len + answer.reason.len + answer.user.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_basic_takes_well_formed_credentials_only),
        cmocka_unit_test(access_basic_refuses_what_has_no_room),
        cmocka_unit_test(access_bearer_splits_as_upstream_does),
        cmocka_unit_test(a_quoted_value_ends_neither_the_quotes_nor_the_line),
        cmocka_unit_test(an_answer_grants_until_told_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
