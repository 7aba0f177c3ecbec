/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens taken apart, and what their claims say.
 */
#include "auth/token/jwt.h"
#include "auth/token/object.h"
#include "lib/base/encode.h"
#include "lib/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k\"}"
#define CLAIMS "{\"iss\":\"i\",\"aud\":\"s\",\"exp\":1000}"

static void append_part(struct str *out, const char *text)
{
    encode_base64url_bare(out, span_of(text));
}

/* header.claims.c2ln */
static void assemble(struct str *out, const char *header, const char *claims)
{
    append_part(out, header);
    str_append_char(out, '.');
    append_part(out, claims);
    str_append_text(out, ".c2ln");
    assert_false(str_overflowed(out));
}

static bool is_accepted(const char *header, const char *claims)
{
    auto_str token = STR_INIT(256 << 10);
    auto_jwt jwt;
    struct error err = ERROR_INIT;

    assemble(&token, header, claims);
    if (jwt_parse(str_span(&token), &jwt, &err) == 0)
        return true;
    assert_int_equal(err.code, ERROR_INVALID);
    assert_true(err.message[0] != '\0');
    return false;
}

static bool is_text_accepted(const char *text)
{
    auto_jwt jwt;
    struct error err = ERROR_INIT;

    return jwt_parse(span_of(text), &jwt, &err) == 0;
}

static void jwt_parse_tells_the_parts(void **state)
{
    auto_str token = STR_INIT(4096);
    auto_jwt jwt;
    struct error err = ERROR_INIT;

    (void)state;
    assemble(&token,
             "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"AB:CD\",\"x5c\":[\"a\",\"b\"],"
             "\"jwk\":{\"kty\":\"EC\"},\"other\":[1,{}]}",
             CLAIMS);
    assert_int_equal(jwt_parse(str_span(&token), &jwt, &err), 0);
    assert_string_equal(jwt.algorithm, "RS256");
    assert_string_equal(jwt.key_id, "AB:CD");
    assert_int_equal(cJSON_GetArraySize(jwt.chain), 2);
    assert_non_null(jwt.key);
    assert_true(span_is(str_span(&jwt.signature), "sig"));
    assert_int_equal(jwt.signed_part.len, token.len - strlen(".c2ln"));
    assert_string_equal(jwt.claims->issuer, "i");
}

static void jwt_parse_takes_absent_and_null_alike(void **state)
{
    auto_str token = STR_INIT(4096);
    auto_jwt jwt;
    struct error err = ERROR_INIT;

    (void)state;
    assemble(&token, "{\"kid\":null,\"x5c\":null,\"jwk\":null,\"crit\":null}",
             "{\"aud\":null,\"access\":null,\"nbf\":null}");
    assert_int_equal(jwt_parse(str_span(&token), &jwt, &err), 0);
    assert_string_equal(jwt.algorithm, "");
    assert_string_equal(jwt.key_id, "");
    assert_null(jwt.chain);
    assert_null(jwt.key);
    assert_string_equal(jwt.claims->subject, "");
    assert_int_equal(jwt.claims->audience_count, 0);
    assert_int_equal(jwt.claims->grant_count, 0);
}

static void jwt_parse_wants_three_parts(void **state)
{
    auto_str token = STR_INIT(4096);
    const char *text;

    (void)state;
    assemble(&token, HEADER, CLAIMS);
    text = str_text(&token);
    assert_true(is_text_accepted(text));
    str_append_char(&token, '.');
    assert_false(is_text_accepted(str_text(&token)));
    assert_false(is_text_accepted(""));
    assert_false(is_text_accepted("."));
    assert_false(is_text_accepted(".."));
    assert_false(is_text_accepted("x.y.z"));
    assert_false(is_text_accepted("e30.e30"));
    assert_true(is_text_accepted("e30.e30."));
    assert_true(is_text_accepted("e30=.e30=.YQ=="));
    assert_true(is_text_accepted("e30.e30.YQ="));
}

static void jwt_parse_refuses_what_is_no_base64url(void **state)
{
    (void)state;
    assert_false(is_text_accepted("e30.e30.a"));
    assert_false(is_text_accepted("e30.e30.aa+a"));
    assert_false(is_text_accepted("e30.e30.aa/a"));
    assert_false(is_text_accepted("e30.e30.a==="));
    assert_false(is_text_accepted("e30.e30.YQ==YQ=="));
    assert_false(is_text_accepted("e30.e30.YQ YQ"));
    assert_false(is_text_accepted("e30.e3 0.YQ"));
    assert_false(is_text_accepted("e30====.e30.YQ"));
}

static void jwt_parse_refuses_headers_of_other_shapes(void **state)
{
    static const char *const headers[] = {
        "",
        "[]",
        "\"text\"",
        "{} {}",
        "{\"alg\":1}",
        "{\"alg\":[\"ES256\"]}",
        "{\"kid\":{}}",
        "{\"typ\":true}",
        "{\"x5c\":\"text\"}",
        "{\"x5c\":[1]}",
        "{\"x5c\":[null]}",
        "{\"crit\":[\"exp\"]}",
        "{\"crit\":[]}",
        "{\"alg\":\"ES256\",\"alg\":\"none\"}",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"alg\":\"ES256\",}",
        "{'alg':'ES256'}",
    };

    (void)state;
    assert_true(is_accepted(HEADER, CLAIMS));
    for (size_t i = 0; i < array_count(headers); i++) {
        if (is_accepted(headers[i], CLAIMS))
            fail_msg("accepted: %s", headers[i]);
    }
}

static void jwt_parse_refuses_claims_of_other_types(void **state)
{
    static const char *const claims[] = {
        "[]",
        "{\"iss\":1}",
        "{\"sub\":[]}",
        "{\"jti\":7}",
        "{\"aud\":1}",
        "{\"aud\":{}}",
        "{\"aud\":[\"s\",1]}",
        "{\"aud\":[null]}",
        "{\"exp\":\"1000\"}",
        "{\"exp\":1.5}",
        "{\"exp\":1e9}",
        "{\"exp\":1.0}",
        "{\"exp\":true}",
        "{\"exp\":99999999999999999999}",
        "{\"nbf\":1.5}",
        "{\"iat\":1.5}",
        "{\"exp\":1,\"exp\":2}",
        "{\"access\":{}}",
        "{\"access\":[1]}",
        "{\"access\":[null]}",
        "{\"access\":[[]]}",
        "{\"access\":[{\"type\":1}]}",
        "{\"access\":[{\"class\":1}]}",
        "{\"access\":[{\"name\":1}]}",
        "{\"access\":[{\"actions\":\"pull\"}]}",
        "{\"access\":[{\"actions\":{\"0\":\"pull\"}}]}",
        "{\"access\":[{\"actions\":[\"pull\",1]}]}",
        "{\"access\":[{\"name\":\"a\",\"name\":\"b\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < array_count(claims); i++) {
        if (is_accepted(HEADER, claims[i]))
            fail_msg("accepted: %s", claims[i]);
    }
}

static void jwt_parse_bounds_what_it_reads(void **state)
{
    auto_str deep = STR_INIT(4096);
    auto_str wide = STR_INIT(64 << 10);
    auto_str members = STR_INIT(64 << 10);

    (void)state;
    str_append_text(&deep, "{\"a\":");
    for (int i = 0; i < 40; i++)
        str_append_char(&deep, '[');
    for (int i = 0; i < 40; i++)
        str_append_char(&deep, ']');
    str_append_char(&deep, '}');
    assert_false(is_accepted(HEADER, str_text(&deep)));

    str_append_text(&wide, "{\"a\":[0");
    for (int i = 0; i < 20000; i++)
        str_append_text(&wide, ",0");
    str_append_text(&wide, "]}");
    assert_false(is_accepted(HEADER, str_text(&wide)));

    str_append_text(&members, "{\"a\":0");
    for (int i = 0; i < 200; i++)
        str_append_format(&members, ",\"a%d\":0", i);
    str_append_char(&members, '}');
    assert_false(is_accepted(HEADER, str_text(&members)));
}

static void jwt_parse_refuses_more_than_64_KiB(void **state)
{
    auto_str text = STR_INIT(80 << 10);

    (void)state;
    str_append_text(&text, "e30.e30.");
    while (text.len < JWT_MAX - 4)
        str_append_text(&text, "AAAA");
    assert_true(is_text_accepted(str_text(&text)));
    str_append_text(&text, "AAAAAAAA");
    assert_false(is_text_accepted(str_text(&text)));
}

/* ---- claims ---- */

static struct claims *claims_of(const char *json)
{
    auto_str text = STR_INIT(64 << 10);
    auto_object cJSON *tree = NULL;
    struct claims *claims = NULL;
    struct error err = ERROR_INIT;

    str_append_text(&text, json);
    assert_int_equal(object_parse(&text, &tree, &err), 0);
    if (claims_parse(tree, text.len, &claims, &err) < 0)
        fail_msg("%s", err.message);
    return claims;
}

static const char *complaint(const char *json, int64_t now_s)
{
    static struct error err;
    auto_claims struct claims *claims = claims_of(json);

    err = ERROR_INIT;
    return claims_check(claims, "i", "s", now_s, &err) == 0 ? "" : err.message;
}

static void claims_check_tells_what_is_wrong_in_upstreams_order(void **state)
{
    (void)state;
    assert_string_equal(complaint(CLAIMS, 500), "");
    assert_string_equal(complaint("{\"iss\":\"x\\\"y\",\"aud\":\"t\",\"exp\":1}", 500),
                        "token from untrusted issuer: \"x\"y\"");
    assert_string_equal(complaint("{\"iss\":\"i\",\"aud\":\"t\",\"exp\":1}", 500),
                        "token intended for another audience: \"t\"");
    assert_string_equal(complaint("{\"iss\":\"i\",\"exp\":1}", 500),
                        "token intended for another audience: \"\"");
    assert_string_equal(complaint("{\"iss\":\"i\",\"aud\":\"s\"}", 500),
                        "token not to be used after 1970-01-01T00:01:00Z - currently "
                        "1970-01-01T00:08:20Z");
    assert_string_equal(complaint("{\"iss\":\"i\",\"aud\":\"s\",\"exp\":1000,\"nbf\":600}", 500),
                        "token not to be used before 1970-01-01T00:09:00Z - currently "
                        "1970-01-01T00:08:20Z");
}

static void claims_check_allows_clocks_a_minute_apart(void **state)
{
    const char *json = "{\"iss\":\"i\",\"aud\":\"s\",\"exp\":1000,\"nbf\":600}";

    (void)state;
    assert_string_equal(complaint(json, 540), "");
    assert_string_not_equal(complaint(json, 539), "");
    assert_string_equal(complaint(json, 1060), "");
    assert_string_not_equal(complaint(json, 1061), "");
}

static void claims_check_takes_a_list_of_audiences(void **state)
{
    (void)state;
    assert_string_equal(complaint("{\"iss\":\"i\",\"aud\":[\"t\",\"s\"],\"exp\":1000}", 500), "");
    assert_string_not_equal(complaint("{\"iss\":\"i\",\"aud\":[\"t\",\"S\"],\"exp\":1000}", 500),
                            "");
    assert_string_not_equal(complaint("{\"iss\":\"i\",\"aud\":[],\"exp\":1000}", 500), "");
}

static bool allows(const struct claims *claims, const char *type, const char *name,
                   const char *action)
{
    struct access_request request = {0};

    access_request_add(&request, type, name, action);
    return claims_allow(claims, &request);
}

static void claims_allow_only_what_is_granted(void **state)
{
    auto_claims struct claims *claims =
        claims_of("{\"access\":[{\"type\":\"repository\",\"class\":\"plugin\",\"name\":\"a/b\","
                  "\"actions\":[\"pull\",\"push\"]},{\"type\":\"repository\",\"name\":\"a/b\","
                  "\"actions\":[\"delete\"]},{\"type\":\"repository\",\"name\":\"all\","
                  "\"actions\":[\"*\"]},{\"type\":\"repository(plugin)\",\"name\":\"p\","
                  "\"actions\":[\"pull\"]},{\"type\":\"registry\",\"name\":\"catalog\","
                  "\"actions\":[\"*\"]},{\"name\":\"n\"},{}]}");

    (void)state;
    assert_true(allows(claims, "repository", "a/b", "pull"));
    assert_true(allows(claims, "repository", "a/b", "push"));
    assert_true(allows(claims, "repository", "a/b", "delete"));
    assert_true(allows(claims, "repository", "all", "delete"));
    assert_true(allows(claims, "registry", "catalog", "*"));
    assert_false(allows(claims, "repository", "a/b", "*"));
    assert_false(allows(claims, "repository", "a", "pull"));
    assert_false(allows(claims, "repository", "a/b/c", "pull"));
    assert_false(allows(claims, "repository", "A/b", "pull"));
    assert_false(allows(claims, "repository", "p", "pull"));
    assert_false(allows(claims, "repository", "catalog", "*"));
    assert_false(allows(claims, "repository", "n", "pull"));
}

static void claims_allow_needs_every_record(void **state)
{
    auto_claims struct claims *claims =
        claims_of("{\"access\":[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\"]}]}");
    struct access_request request = {0};

    (void)state;
    assert_true(claims_allow(claims, &request));
    access_request_add(&request, "repository", "a", "pull");
    assert_true(claims_allow(claims, &request));
    access_request_add(&request, "repository", "a", "push");
    assert_false(claims_allow(claims, &request));
}

static void claims_keep_many_grants_and_short_texts(void **state)
{
    auto_str json = STR_INIT(64 << 10);
    struct claims *claims;

    (void)state;
    str_append_text(&json, "{\"access\":[{\"actions\":[\"\"]}");
    for (int i = 0; i < 1000; i++)
        str_append_format(&json, ",{\"type\":\"r\",\"name\":\"n%d\",\"actions\":[\"p\",\"\"]}", i);
    str_append_text(&json, "],\"aud\":[\"\",\"s\"]}");
    claims = claims_of(str_text(&json));
    assert_int_equal(claims->grant_count, 2001);
    assert_true(allows(claims, "r", "n999", "p"));
    assert_false(allows(claims, "r", "n1000", "p"));
    claims_free(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwt_parse_tells_the_parts),
        cmocka_unit_test(jwt_parse_takes_absent_and_null_alike),
        cmocka_unit_test(jwt_parse_wants_three_parts),
        cmocka_unit_test(jwt_parse_refuses_what_is_no_base64url),
        cmocka_unit_test(jwt_parse_refuses_headers_of_other_shapes),
        cmocka_unit_test(jwt_parse_refuses_claims_of_other_types),
        cmocka_unit_test(jwt_parse_bounds_what_it_reads),
        cmocka_unit_test(jwt_parse_refuses_more_than_64_KiB),
        cmocka_unit_test(claims_check_tells_what_is_wrong_in_upstreams_order),
        cmocka_unit_test(claims_check_allows_clocks_a_minute_apart),
        cmocka_unit_test(claims_check_takes_a_list_of_audiences),
        cmocka_unit_test(claims_allow_only_what_is_granted),
        cmocka_unit_test(claims_allow_needs_every_record),
        cmocka_unit_test(claims_keep_many_grants_and_short_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
