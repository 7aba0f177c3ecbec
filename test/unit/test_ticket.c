/* SPDX-License-Identifier: Apache-2.0
 *
 * Tickets: what is sealed opens with the same secret, until it expires, and not otherwise.
 */
#include "auth/htpasswd/ticket.h"
#include "lib/base/cleanup.h"
#include "lib/base/encode.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define NOW 1800000000

static struct ticket_key key_of(const char *secret)
{
    struct ticket_key key;

    ticket_key_init(&key, span_of(secret));
    return key;
}

static struct ticket ticket_of(const struct ticket_key *key, const char *user, const char *entry)
{
    struct mac print;
    struct ticket ticket;

    print = ticket_print(key, span_of(user), span_of(entry));
    assert_true(ticket_make(&ticket, span_of(user), &print, NOW));
    return ticket;
}

static void a_ticket_opens_with_its_secret(void **state)
{
    static const char *const users[] = {"alice", "", "with blank", "caf\xc3\xa9", "1 2 3", "a.b"};
    struct ticket_key key = key_of("secret");
    struct ticket_key other_process = key_of("secret");

    (void)state;
    for (size_t i = 0; i < array_count(users); i++) {
        struct ticket ticket = ticket_of(&key, users[i], "$2y$05$x");
        struct ticket opened;
        auto_str text = STR_INIT(TICKET_MAX);

        ticket_seal(&key, &ticket, &text);
        assert_int_equal(ticket_open(&other_process, str_span(&text), NOW, &opened), TICKET_FINE);
        assert_string_equal(opened.user, users[i]);
        assert_int_equal(opened.issued_at, NOW);
        assert_int_equal(opened.expires_at, NOW + TICKET_LIFE_S);
        assert_true(is_mac(&opened.print, mac_span(&ticket.print)));
    }
}

static void a_ticket_ends_when_its_time_is_over(void **state)
{
    struct ticket_key key = key_of("secret");
    struct ticket ticket = ticket_of(&key, "alice", "x");
    struct ticket opened;
    auto_str text = STR_INIT(TICKET_MAX);

    (void)state;
    ticket_seal(&key, &ticket, &text);
    assert_int_equal(ticket_open(&key, str_span(&text), NOW + TICKET_LIFE_S - 1, &opened),
                     TICKET_FINE);
    assert_int_equal(ticket_open(&key, str_span(&text), NOW + TICKET_LIFE_S, &opened),
                     TICKET_EXPIRED);
}

static void another_secret_opens_nothing(void **state)
{
    struct ticket_key key = key_of("secret");
    struct ticket_key other = key_of("secrets");
    struct ticket_key none = key_of("");
    struct ticket ticket = ticket_of(&key, "alice", "x");
    struct ticket opened;
    auto_str text = STR_INIT(TICKET_MAX);

    (void)state;
    ticket_seal(&key, &ticket, &text);
    assert_int_equal(ticket_open(&other, str_span(&text), NOW, &opened), TICKET_MALFORMED);
    assert_int_equal(ticket_open(&none, str_span(&text), NOW, &opened), TICKET_MALFORMED);
}

static void no_changed_character_opens(void **state)
{
    struct ticket_key key = key_of("secret");
    struct ticket ticket = ticket_of(&key, "alice", "x");
    struct ticket opened;
    auto_str text = STR_INIT(TICKET_MAX);

    (void)state;
    ticket_seal(&key, &ticket, &text);
    /* The last character holds two bits that say nothing. */
    for (size_t i = 0; i + 1 < text.len; i++) {
        char kept = text.data[i];

        text.data[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ticket_open(&key, str_span(&text), NOW, &opened), TICKET_MALFORMED);
        text.data[i] = kept;
    }
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(ticket_open(&key, span_make(text.data, len), NOW, &opened),
                         TICKET_MALFORMED);
    assert_int_equal(ticket_open(&key, str_span(&text), NOW, &opened), TICKET_FINE);
}

static void what_is_no_ticket_does_not_open(void **state)
{
    static const char *const wrong[] = {"",  ".",     "..",    "a.b",
                                        "a", "AAAA.", ".AAAA", "eyJ0.eyJ1.AA"};
    struct ticket_key key = key_of("secret");
    struct ticket opened;

    (void)state;
    for (size_t i = 0; i < array_count(wrong); i++)
        assert_int_equal(ticket_open(&key, span_of(wrong[i]), NOW, &opened), TICKET_MALFORMED);
}

static void a_print_is_of_one_user_and_one_entry(void **state)
{
    struct ticket_key key = key_of("secret");
    struct ticket_key other = key_of("other");
    struct mac print;
    struct mac again;

    (void)state;
    print = ticket_print(&key, SPAN("alice"), SPAN("$2y$05$x"));
    again = ticket_print(&key, SPAN("alice"), SPAN("$2y$05$x"));
    assert_true(is_mac(&print, mac_span(&again)));
    again = ticket_print(&key, SPAN("alice"), SPAN("$2y$05$y"));
    assert_false(is_mac(&print, mac_span(&again)));
    again = ticket_print(&key, SPAN("bob"), SPAN("$2y$05$x"));
    assert_false(is_mac(&print, mac_span(&again)));
    again = ticket_print(&other, SPAN("alice"), SPAN("$2y$05$x"));
    assert_false(is_mac(&print, mac_span(&again)));
}

static void a_name_that_is_too_long_gets_none(void **state)
{
    char name[TICKET_USER_MAX + 1];
    struct ticket_key key = key_of("secret");
    struct ticket ticket;
    struct ticket opened;
    auto_str text = STR_INIT(TICKET_MAX);

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_false(ticket_make(&ticket, span_make(name, TICKET_USER_MAX + 1), NULL, NOW));
    assert_false(ticket_make(&ticket, SPAN("a\0b"), NULL, NOW));
    assert_true(ticket_make(&ticket, span_make(name, TICKET_USER_MAX), NULL, NOW));
    ticket_seal(&key, &ticket, &text);
    assert_false(str_overflowed(&text));
    assert_int_equal(ticket_open(&key, str_span(&text), NOW, &opened), TICKET_FINE);
    assert_int_equal(strlen(opened.user), TICKET_USER_MAX);
}

static void the_reply_says_the_token_twice_and_how_long_it_lasts(void **state)
{
    struct ticket_key key = key_of("secret");
    struct ticket ticket = ticket_of(&key, "alice", "x");
    auto_str text = STR_INIT(TICKET_MAX);
    auto_str json = STR_INIT(4 * TICKET_MAX);
    cJSON *reply;

    (void)state;
    ticket_seal(&key, &ticket, &text);
    ticket_append_reply(&key, &ticket, &json);
    reply = cJSON_Parse(str_text(&json));
    assert_non_null(reply);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(reply, "token")), str_text(&text));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(reply, "access_token")),
                        str_text(&text));
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(reply, "expires_in")), 300);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(reply, "issued_at")),
                        "2027-01-15T08:00:00Z");
    cJSON_Delete(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_opens_with_its_secret),
        cmocka_unit_test(a_ticket_ends_when_its_time_is_over),
        cmocka_unit_test(another_secret_opens_nothing),
        cmocka_unit_test(no_changed_character_opens),
        cmocka_unit_test(what_is_no_ticket_does_not_open),
        cmocka_unit_test(a_print_is_of_one_user_and_one_entry),
        cmocka_unit_test(a_name_that_is_too_long_gets_none),
        cmocka_unit_test(the_reply_says_the_token_twice_and_how_long_it_lasts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
