/* SPDX-License-Identifier: Apache-2.0
 *
 * bcrypt, with the vectors of its author's library and hashes of other makers.
 */
#include "auth/htpasswd/bcrypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* Openwall's test vectors of crypt_blowfish. */
#define U_U  "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define U_UX "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"

static bool matches(const char *hash, const char *password)
{
    return bcrypt_matches(span_of(hash), span_of(password));
}

static void known_hashes_match(void **state)
{
    static const struct {
        const char *hash;
        const char *password;
    } cases[] = {
        {U_U, "U*U"},
        {U_UX, "U*U*"},
        {"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
        {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        assert_true(matches(cases[i].hash, cases[i].password));
        assert_false(matches(cases[i].hash, "other"));
    }
}

static void the_version_means_nothing(void **state)
{
    static const char letters[] = "abxyz";
    char hash[] = U_U;

    (void)state;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        hash[2] = letters[i];
        assert_true(matches(hash, "U*U"));
        assert_false(matches(hash, "U*u"));
        assert_int_equal(bcrypt_cost(span_of(hash)), 5);
    }
    assert_true(matches("$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"));
}

/* $2a$ and $2x$ of libcrypt itself would differ here. */
static void bytes_above_ascii_are_hashed_alike_in_every_version(void **state)
{
    struct error err = ERROR_INIT;
    char hash[BCRYPT_SIZE];

    (void)state;
    assert_int_equal(
        bcrypt_make('a', 4, SPAN("\xff\xa3\x33\x34\xff\xff\xff\xa3\x33\x34\x35"), hash, &err), 0);
    for (const char *letter = "abxy"; *letter != '\0'; letter++) {
        hash[2] = *letter;
        assert_true(matches(hash, "\xff\xa3\x33\x34\xff\xff\xff\xa3\x33\x34\x35"));
        assert_false(matches(hash, "\xff\xa3\x34\x34\xff\xff\xff\xa3\x33\x34\x35"));
    }
}

static void what_follows_the_hash_is_ignored(void **state)
{
    (void)state;
    assert_true(matches(U_U ":more", "U*U"));
    assert_true(matches(U_U "x", "U*U"));
}

static void what_is_no_bcrypt_never_matches(void **state)
{
    static const char *const hashes[] = {
        "",
        "U*U",
        "*",
        "!",
        "{SHA}u7x1bA==",
        "$apr1$JP5oZryJ$PAd0rQ2WolPymqzByONmO1",
        "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0",
        "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGsh",
        "$6$x",
        "$2",
        "$2a",
        "$2a$",
        "$2a$05",
        "$2a$05$",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", /* one short */
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$18$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", /* too dear */
        "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx",
        "$2a$05$CCCCCCCCCC*CCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2ab$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$3a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    };

    (void)state;
    for (size_t i = 0; i < array_count(hashes); i++) {
        assert_int_equal(bcrypt_cost(span_of(hashes[i])), 0);
        assert_false(matches(hashes[i], "U*U"));
    }
}

static void bits_of_the_salt_that_do_not_count_do_no_harm(void **state)
{
    (void)state;
    assert_true(matches("$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"));
}

static void seventy_two_bytes_count(void **state)
{
    char password[1025];
    char hash[BCRYPT_SIZE];
    struct error err = ERROR_INIT;

    (void)state;
    memset(password, 'x', sizeof(password));
    assert_int_equal(bcrypt_make('y', 4, span_make(password, 72), hash, &err), 0);
    assert_true(bcrypt_matches(span_of(hash), span_make(password, 72)));
    assert_true(bcrypt_matches(span_of(hash), span_make(password, 73)));
    assert_true(bcrypt_matches(span_of(hash), span_make(password, 1024)));
    assert_false(bcrypt_matches(span_of(hash), span_make(password, 71)));
    assert_int_equal(bcrypt_make('y', 4, span_make(password, 1024), hash, &err), 0);
    assert_true(bcrypt_matches(span_of(hash), span_make(password, 72)));
}

static void a_hash_that_is_made_matches(void **state)
{
    char first[BCRYPT_SIZE];
    char second[BCRYPT_SIZE];
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(bcrypt_make('y', 4, SPAN("secret"), first, &err), 0);
    assert_int_equal(bcrypt_make('y', 4, SPAN("secret"), second, &err), 0);
    assert_int_equal(strlen(first), BCRYPT_LEN);
    assert_int_equal(strncmp(first, "$2y$04$", 7), 0);
    assert_string_not_equal(first, second);
    assert_true(matches(first, "secret") && matches(second, "secret"));
    assert_false(matches(first, "secret "));
    assert_int_equal(bcrypt_cost(span_of(first)), 4);
}

static void a_dummy_has_its_cost_and_no_password(void **state)
{
    char hash[BCRYPT_SIZE];

    (void)state;
    for (unsigned cost = BCRYPT_COST_MIN; cost <= BCRYPT_COST_MAX; cost++) {
        bcrypt_dummy(cost, hash);
        assert_int_equal(bcrypt_cost(span_of(hash)), cost);
    }
    bcrypt_dummy(4, hash);
    assert_false(matches(hash, ""));
    assert_false(matches(hash, "docker"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes_match),
        cmocka_unit_test(the_version_means_nothing),
        cmocka_unit_test(bytes_above_ascii_are_hashed_alike_in_every_version),
        cmocka_unit_test(what_follows_the_hash_is_ignored),
        cmocka_unit_test(what_is_no_bcrypt_never_matches),
        cmocka_unit_test(bits_of_the_salt_that_do_not_count_do_no_harm),
        cmocka_unit_test(seventy_two_bytes_count),
        cmocka_unit_test(a_hash_that_is_made_matches),
        cmocka_unit_test(a_dummy_has_its_cost_and_no_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
