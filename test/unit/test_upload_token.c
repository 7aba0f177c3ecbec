/* SPDX-License-Identifier: Apache-2.0
 *
 * The `_state` token: upstream's own, byte for byte, and what is not believed.
 */
#include "lib/api/upload_token.h"
#include "lib/base/clock.h"
#include "lib/base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define SECRET SPAN("asecretforlocaldevelopment")
#define UUID   "177690b1-48e3-4b48-b530-02f51bb66f3a"

#define SHA256_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Made by upstream 2.8 for the repository "vec". */
static const struct {
    int64_t offset;
    const char *started_at;
    const char *token;
} vectors[] = {
    {0, "2026-11-21T06:45:51.046786684Z",
     "0IXzb1H_itUgEbMkf2Ssd-e_zf9bbVASSaDA3L7mUAd7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhlMy00"
     "YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjowLCJTdGFydGVkQXQiOiIyMDI2LTExLTIxVDA2OjQ1OjUxLjA0"
     "Njc4NjY4NFoifQ=="},
    {22, "2026-11-21T06:45:51Z",
     "hXcdauPD59nxH-ML_TfFLKZvDgYZVtds9DvR7vUt69V7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhlMy00"
     "YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjoyMiwiU3RhcnRlZEF0IjoiMjAyNi0xMS0yMVQwNjo0NTo1MVoi"
     "fQ=="},
    {122, "2026-11-21T06:45:51Z",
     "Xt7L8QG0YxmDbR26vujohzvtkHADfq4htjQ9MN7C_UZ7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhlMy00"
     "YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjoxMjIsIlN0YXJ0ZWRBdCI6IjIwMjYtMTEtMjFUMDY6NDU6NTFa"
     "In0="},
};

static struct upload_token token_of(int64_t offset, const char *started_at)
{
    struct upload_token token = {.repository = "vec", .uuid = UUID, .offset = offset};

    assert_true(clock_parse_rfc3339(span_of(started_at), &token.started_at));
    return token;
}

static void upload_token_is_the_one_of_upstream(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(vectors); i++) {
        struct upload_token token = token_of(vectors[i].offset, vectors[i].started_at);
        auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);

        upload_token_format(&text, SECRET, &token);
        assert_string_equal(str_text(&text), vectors[i].token);
    }
}

static void upload_token_of_upstream_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(vectors); i++) {
        struct upload_token wanted = token_of(vectors[i].offset, vectors[i].started_at);
        struct error err = ERROR_INIT;
        struct upload_token token;

        assert_int_equal(upload_token_parse(span_of(vectors[i].token), SECRET, &token, &err), 0);
        assert_string_equal(token.repository, "vec");
        assert_string_equal(token.uuid, UUID);
        assert_int_equal(token.offset, wanted.offset);
        assert_int_equal(token.started_at.tv_sec, wanted.started_at.tv_sec);
        assert_int_equal(token.started_at.tv_nsec, wanted.started_at.tv_nsec);
    }
}

/* A genuine token around any message. */
static void seal(struct str *out, struct span message)
{
    auto_str bytes = STR_INIT(UPLOAD_TOKEN_MAX);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;
    struct span secret = SECRET;

    HMAC(EVP_sha256(), secret.data, (int)secret.len, (const unsigned char *)message.data,
         message.len, mac, &len);
    str_append(&bytes, span_make(mac, len));
    str_append(&bytes, message);
    encode_base64url(out, str_span(&bytes));
}

static const char *const fine[] = {
    "{\"Name\":\"vec\",\"UUID\":\"u\",\"Offset\":7,\"StartedAt\":\"2026-11-21T06:45:51+01:00\"}",
    "{\"offset\":7,\"NAME\":\"vec\",\"uUID\":\"u\"}",
    " { \"Offset\" : 7 , \"Name\" : \"vec\" , \"UUID\" : \"u\" , \"x\" : [{}, true] } \n",
    "{\"Name\":\"no\",\"UUID\":\"u\",\"Offset\":7,\"name\":\"vec\"}",
    "{\"Name\":\"vec\",\"UUID\":\"u\",\"Offset\":7,\"StartedAt\":null}",
    "{\"Name\":\"v\\u0065c\",\"UUID\":\"u\",\"Offset\":7,\"x\":\"1.5e3\"}",
};

static void upload_token_message_is_read_as_upstream_reads_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(fine); i++) {
        auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
        struct error err = ERROR_INIT;
        struct upload_token token;

        print_message("%s\n", fine[i]);
        seal(&text, span_of(fine[i]));
        assert_int_equal(upload_token_parse(str_span(&text), SECRET, &token, &err), 0);
        assert_string_equal(token.repository, "vec");
        assert_string_equal(token.uuid, "u");
        assert_int_equal(token.offset, 7);
    }
}

static const char *const broken[] = {
    "",
    "{",
    "[]",
    "7",
    "null",
    "{}x",
    "{\"Offset\":7.0}",
    "{\"Offset\":7e0}",
    "{\"Offset\":7E0}",
    "{\"Offset\":\"7\"}",
    "{\"Offset\":-1}",
    "{\"Offset\":9223372036854775808}",
    "{\"Offset\":true}",
    "{\"Name\":7}",
    "{\"UUID\":[]}",
    "{\"UUID\":\"177690b1-48e3-4b48-b530-02f51bb66f3a0\"}",
    "{\"StartedAt\":\"yesterday\"}",
    "{\"StartedAt\":\"2026-11-21T06:45:51Z \"}",
    "{\"x\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
};

static void upload_token_with_a_broken_message_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
        struct error err = ERROR_INIT;
        struct upload_token token;

        print_message("%s\n", broken[i]);
        seal(&text, span_of(broken[i]));
        assert_int_equal(upload_token_parse(str_span(&text), SECRET, &token, &err), -1);
        assert_int_equal(err.code, ERROR_UPLOAD_INVALID);
        assert_string_equal(err.detail, "{}");
    }
}

static void assert_refused(struct span text, struct span secret)
{
    struct error err = ERROR_INIT;
    struct upload_token token = {.offset = 77};

    assert_int_equal(upload_token_parse(text, secret, &token, &err), -1);
    assert_int_equal(err.code, ERROR_UPLOAD_INVALID);
    assert_int_equal(token.offset, 77);
}

static void upload_token_that_was_touched_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < strlen(vectors[1].token); i++) {
        auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);

        str_append_text(&text, vectors[1].token);
        text.data[i] = text.data[i] == 'A' ? 'B' : 'A';
        assert_refused(str_span(&text), SECRET);
        assert_refused(span_make(vectors[1].token, i), SECRET);
    }
}

static void upload_token_of_another_secret_is_refused(void **state)
{
    (void)state;
    assert_refused(span_of(vectors[0].token), SPAN("asecretforlocaldevelopmenT"));
    assert_refused(span_of(vectors[0].token), SPAN(""));
    assert_refused(SPAN(""), SECRET);
    assert_refused(SPAN("!!!!"), SECRET);
}

/* Another member, at the end: upstream passes over it. */
static void upload_token_has_a_seal_where_there_is_one(void **state)
{
    struct upload_token token = token_of(22, "2026-11-21T06:45:51Z");
    auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
    auto_str expected = STR_INIT(UPLOAD_TOKEN_MAX);
    struct error err = ERROR_INIT;
    struct upload_token again;

    (void)state;
    token.seal.is_there = true;
    digest_of(DIGEST_SHA256, SPAN("abc"), &token.seal.digest);
    upload_token_format(&text, SECRET, &token);
    seal(&expected, SPAN("{\"Name\":\"vec\",\"UUID\":\"" UUID "\",\"Offset\":22,"
                         "\"StartedAt\":\"2026-11-21T06:45:51Z\",\"Seal\":\"" SHA256_OF_ABC "\"}"));
    assert_string_equal(str_text(&text), str_text(&expected));
    assert_int_equal(upload_token_parse(str_span(&text), SECRET, &again, &err), 0);
    assert_int_equal(again.offset, 22);
    assert_true(upload_seal_equals(&again.seal, &token.seal));
}

static const char *const no_seals[] = {
    "{\"Offset\":7}",
    "{\"Offset\":7,\"Seal\":null}",
    "{\"Offset\":7,\"Seal\":7}",
    "{\"Offset\":7,\"Seal\":[\"" SHA256_OF_ABC "\"]}",
    "{\"Offset\":7,\"Seal\":\"\"}",
    "{\"Offset\":7,\"Seal\":\"" SHA256_OF_ABC "0\"}",
    "{\"Offset\":7,\"Seal\":\"" SHA256_OF_ABC SHA256_OF_ABC "\"}",
    "{\"Offset\":7,\"Seal\":\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\"}",
    "{\"Offset\":7,\"Seal\":\"sha256:" SHA256_OF_ABC "\"}",
    "{\"Offset\":7,\"Seal\":\"" SHA256_OF_ABC "\",\"Seal\":\"\"}",
};

/* Of another version of ours: the rest of the token is good. */
static void upload_token_with_a_seal_that_is_none_has_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(no_seals); i++) {
        auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
        struct error err = ERROR_INIT;
        struct upload_token token;

        print_message("%s\n", no_seals[i]);
        seal(&text, span_of(no_seals[i]));
        assert_int_equal(upload_token_parse(str_span(&text), SECRET, &token, &err), 0);
        assert_int_equal(token.offset, 7);
        assert_false(token.seal.is_there);
    }
}

static void upload_token_of_the_longest_name_fits(void **state)
{
    struct upload_token token = {.uuid = UUID, .offset = INT64_C(1) << 53};
    auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
    struct error err = ERROR_INIT;
    struct upload_token again;

    (void)state;
    memset(token.repository, 'x', REPOSITORY_LEN_MAX);
    token.seal.is_there = true;
    digest_of(DIGEST_SHA256, SPAN(""), &token.seal.digest);
    upload_token_format(&text, SPAN("\0\xff"), &token);
    assert_false(str_overflowed(&text));
    assert_int_equal(upload_token_parse(str_span(&text), SPAN("\0\xff"), &again, &err), 0);
    assert_string_equal(again.repository, token.repository);
    assert_int_equal(again.offset, token.offset);
    assert_true(again.seal.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upload_token_is_the_one_of_upstream),
        cmocka_unit_test(upload_token_of_upstream_is_read),
        cmocka_unit_test(upload_token_message_is_read_as_upstream_reads_it),
        cmocka_unit_test(upload_token_with_a_broken_message_is_refused),
        cmocka_unit_test(upload_token_that_was_touched_is_refused),
        cmocka_unit_test(upload_token_of_another_secret_is_refused),
        cmocka_unit_test(upload_token_has_a_seal_where_there_is_one),
        cmocka_unit_test(upload_token_with_a_seal_that_is_none_has_none),
        cmocka_unit_test(upload_token_of_the_longest_name_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
