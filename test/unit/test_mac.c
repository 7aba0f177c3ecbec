/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC-SHA256: the cases of RFC 4231.
 */
#include "lib/base/cleanup.h"
#include "lib/base/encode.h"
#include "lib/base/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void the_cases_of_the_rfc_come_out(void **state)
{
    char long_key[131];
    const struct {
        struct span key;
        struct span text;
        const char *mac;
    } cases[] = {
        {SPAN("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
         SPAN("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {SPAN("Jefe"), SPAN("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {span_make(long_key, sizeof(long_key)),
         SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };

    (void)state;
    memset(long_key, 0xaa, sizeof(long_key));
    for (size_t i = 0; i < array_count(cases); i++) {
        struct mac mac = mac_of(cases[i].key, cases[i].text);
        char hex[2 * MAC_LEN + 1];

        encode_hex(mac.bytes, MAC_LEN, hex);
        assert_string_equal(hex, cases[i].mac);
    }
}

static void an_empty_key_is_one(void **state)
{
    struct span none = {0};
    struct mac mac = mac_of(none, none);
    char hex[2 * MAC_LEN + 1];

    (void)state;
    encode_hex(mac.bytes, MAC_LEN, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void only_the_same_bytes_are_the_mac(void **state)
{
    struct mac mac = mac_of(SPAN("key"), SPAN("text"));
    struct mac other = mac;

    (void)state;
    assert_true(is_mac(&mac, mac_span(&other)));
    assert_false(is_mac(&mac, span_make(other.bytes, MAC_LEN - 1)));
    assert_false(is_mac(&mac, SPAN("")));
    other.bytes[MAC_LEN - 1] ^= 1;
    assert_false(is_mac(&mac, mac_span(&other)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cases_of_the_rfc_come_out),
        cmocka_unit_test(an_empty_key_is_one),
        cmocka_unit_test(only_the_same_bytes_are_the_mac),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
