/* SPDX-License-Identifier: Apache-2.0
 *
 * The keyed hash of tables: the vector of its paper, and what OpenSSL says.
 */
#include "lib/base/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)i;
}

static void it_is_what_the_paper_says(void **state)
{
    uint8_t key[SIPHASH_KEY_LEN];
    uint8_t text[15];

    (void)state;
    fill(key, sizeof(key));
    fill(text, sizeof(text));
    assert_true(siphash(key, span_make(text, sizeof(text))) == 0xa129ca6149be45e5);
}

static uint64_t by_openssl(const uint8_t *key, struct span text)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    size_t size = sizeof(uint64_t);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                           OSSL_PARAM_construct_end()};
    uint8_t bytes[sizeof(uint64_t)];
    uint64_t hash = 0;

    assert_int_equal(EVP_MAC_init(ctx, key, SIPHASH_KEY_LEN, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, (const uint8_t *)text.data, text.len), 1);
    assert_int_equal(EVP_MAC_final(ctx, bytes, NULL, sizeof(bytes)), 1);
    for (size_t i = 0; i < sizeof(bytes); i++)
        hash |= (uint64_t)bytes[i] << (8 * i);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return hash;
}

static void every_length_is_hashed_as_openssl_does(void **state)
{
    uint8_t key[SIPHASH_KEY_LEN];
    uint8_t text[300];

    (void)state;
    fill(key, sizeof(key));
    fill(text, sizeof(text));
    key[3] = 0xfe;
    for (size_t len = 0; len <= sizeof(text); len++)
        assert_true(siphash(key, span_make(text, len)) == by_openssl(key, span_make(text, len)));
}

static void another_key_gives_another_hash(void **state)
{
    const uint8_t one[SIPHASH_KEY_LEN] = {1};
    const uint8_t other[SIPHASH_KEY_LEN] = {2};

    (void)state;
    assert_true(siphash(one, SPAN("text")) != siphash(other, SPAN("text")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_the_paper_says),
        cmocka_unit_test(every_length_is_hashed_as_openssl_does),
        cmocka_unit_test(another_key_gives_another_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
