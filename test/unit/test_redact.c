/* SPDX-License-Identifier: Apache-2.0
 *
 * What the logs show of a URL.
 */
#include "lib/base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void assert_shown(const char *url, const char *wanted)
{
    auto_str out = STR_INIT(4096);

    redact_url(&out, span_of(url));
    assert_string_equal(str_text(&out), wanted);
}

/* clang-format off */
static const struct {
    const char *url;
    const char *shown;
} hidden[] = {
    {"/v2/a/blobs/uploads/u?_state=abc", "/v2/a/blobs/uploads/u?_state=***"},
    {"/x?_state=a%3D%3D&digest=sha256%3Aaa", "/x?_state=***&digest=sha256%3Aaa"},
    {"/x?digest=sha256:aa&_state=abc", "/x?digest=sha256:aa&_state=***"},
    {"/x?%5Fstate=abc", "/x?%5Fstate=***"},
    {"/x?_%73tate=abc", "/x?_%73tate=***"},
    {"/x?_STATE=abc", "/x?_STATE=***"},
    {"/x?_state=a=b", "/x?_state=***"},
    {"/x?_state=a?b;c#d", "/x?_state=***"},
    {"/x?_state=a&_state=b", "/x?_state=***&_state=***"},
    {"/x?a?_state=b", "/x?a?_state=***"},
    {"/x?a;_state=b", "/x?a;_state=***"},
    {"/x#access_token=b", "/x#access_token=***"},
    {"/x?token=b", "/x?token=***"},
    {"/x?Access-Token=b&n=1", "/x?Access-Token=***&n=1"},
    {"/x?refresh_token=b", "/x?refresh_token=***"},
    {"/x?id_token=b", "/x?id_token=***"},
    {"/x?password=b", "/x?password=***"},
    {"/x?passwd=b", "/x?passwd=***"},
    {"/x?client_secret=b", "/x?client_secret=***"},
    {"/x?X-Amz-Signature=b", "/x?X-Amz-Signature=***"},
    {"/x?X-Amz-Credential=b", "/x?X-Amz-Credential=***"},
    {"/x?sig=b", "/x?sig=***"},
    {"/x?api_key=b", "/x?api_key=***"},
    {"/x?Authorization=Basic%20b", "/x?Authorization=***"},
    {"http://u:p@h/v2/", "http://***@h/v2/"},
    {"https://u@h:5000/v2/?_state=x", "https://***@h:5000/v2/?_state=***"},
    {"//u:p@h/", "//***@h/"},
    {"http://u:p@q@h/", "http://***@h/"},
    {"http://u:&p;\"q\\@h/", "http://***@h/"},
    {"u:p@h:443", "***@h:443"},
    {"http://u:p@h", "http://***@h"},
    {"http://u:p@h?a=b", "http://***@h?a=b"},
    {"/x?to=http://u:p@h/&n=1", "/x?to=http://***@h/&n=1"},
    {"///u:p@h/", "///***@h/"},
};

static const char *const untouched[] = {
    "", "/", "*", "/v2/", "/v2/_catalog?n=5&last=a", "/x?", "/x?&&", "/x?=a", "/x?a", "/x?_state",
    "/x?_state=", "/x?_state=&n=1", "/x?state=a", "/x?my_state=a", "/x?statement=a",
    "/v2/a/blobs/uploads/?mount=sha256:aa&from=b/c", "/x?digest=sha256:aa", "/x?account=a&service=b",
    "/x?scope=repository:a:pull,push", "/x%3F_state=a", "/_state=a", "/token=a", "/a@b", "/v2/a@b/c",
    "http://h/a@b", "http://h:80/?a=b@c", "http://h/?a=b&c=d@e", "//h/@", "//@h/", "\xff\xfe?\x01=%zz&%=a&a=%5",
};
/* clang-format on */

static void redact_hides_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(hidden); i++)
        assert_shown(hidden[i].url, hidden[i].shown);
}

static void redact_leaves_the_rest_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(untouched); i++)
        assert_shown(untouched[i], untouched[i]);
}

static void redact_takes_a_name_without_end_for_a_secret(void **state)
{
    char url[1024];

    (void)state;
    memset(url, 'n', sizeof(url));
    memcpy(url, "/?", 2);
    memcpy(url + 500, "=value", 7);
    {
        auto_str out = STR_INIT(4096);

        redact_url(&out, span_of(url));
        assert_int_equal(out.len, 504);
        assert_true(span_ends_with(str_span(&out), SPAN("n=***")));
    }
}

static void redact_is_the_same_the_second_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(hidden); i++)
        assert_shown(hidden[i].shown, hidden[i].shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redact_hides_secrets),
        cmocka_unit_test(redact_leaves_the_rest_as_it_is),
        cmocka_unit_test(redact_takes_a_name_without_end_for_a_secret),
        cmocka_unit_test(redact_is_the_same_the_second_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
