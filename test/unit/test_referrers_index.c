/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a repository's index of referrers: what is taken for one, and the passes over it.
 */
#include "lib/registry/referrers_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HEX_16  "0123456789abcdef"
#define HEX(a)  a HEX_16 HEX_16 HEX_16 "0123456789abcde"
#define SUBJECT "sha256:" HEX("5")
#define OTHER   "sha512:" HEX("6") HEX("7")

static void index_of(struct str *out, const char *lines)
{
    struct digest digest;
    char text[DIGEST_TEXT_SIZE];

    digest_of(DIGEST_SHA256, span_of(lines), &digest);
    str_append_format(out, "1 %s\n%s", digest_format(&digest, text), lines);
}

static void assert_opens(const char *lines, bool expected)
{
    auto_str text = STR_INIT(4096);
    struct span opened = SPAN("untouched");

    index_of(&text, lines);
    assert_int_equal(referrers_index_open(str_span(&text), &opened), expected);
    assert_true(span_is(opened, expected ? lines : "untouched"));
}

static void lines_are_revisions_in_order_with_or_without_a_subject(void **state)
{
    (void)state;
    assert_opens("", true);
    assert_opens(HEX("0") "\n", true);
    assert_opens(HEX("0") " " SUBJECT "\n" HEX("1") "\n" HEX("2") " " OTHER "\n", true);
}

static void what_is_not_well_formed_is_refused(void **state)
{
    static const char *const lines[] = {
        "\n",
        HEX("0"),
        HEX("0") "\n\n",
        HEX("0") " \n",
        HEX("0") "  " SUBJECT "\n",
        HEX("0") SUBJECT "\n",
        HEX("0") " " SUBJECT " \n",
        HEX("0") " sha256:0123\n",
        HEX("0") " md5:" HEX("1") "\n",
        HEX("0") "0\n",
        HEX("g") "\n",
        HEX("A") "\n",
        HEX_16 "\n",
        HEX("1") "\n" HEX("0") "\n",
        HEX("1") "\n" HEX("1") " " SUBJECT "\n",
    };

    (void)state;
    for (size_t i = 0; i < array_count(lines); i++) {
        print_message("%s", lines[i]);
        assert_opens(lines[i], false);
    }
}

/* Any byte changed, and any length cut. */
static void what_is_damaged_is_refused(void **state)
{
    auto_str text = STR_INIT(4096);
    struct span lines;

    (void)state;
    index_of(&text, HEX("0") " " SUBJECT "\n" HEX("1") "\n");
    assert_true(referrers_index_open(str_span(&text), &lines));
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] ^= 1;
        assert_false(referrers_index_open(str_span(&text), &lines));
        text.data[i] ^= 1;
        assert_false(referrers_index_open(span_make(text.data, i), &lines));
    }
    assert_true(referrers_index_open(str_span(&text), &lines));
}

static struct storage_list names_of(const char *const *names, size_t count)
{
    struct storage_list list = {0};

    for (size_t i = 0; i < count; i++)
        storage_list_add(&list, span_of(names[i]));
    return list;
}

static const char *const revisions[] = {".x", HEX("0"), HEX("1"), HEX("3"), HEX("4"), "link"};

static void select_finds_referrers_and_what_nobody_knows(void **state)
{
    auto_storage_list all = names_of(revisions, array_count(revisions));
    auto_storage_list found = {0};
    auto_storage_list unseen = {0};
    struct digest subject;

    (void)state;
    assert_true(digest_parse(SPAN(SUBJECT), &subject));
    referrers_index_select(&all,
                           SPAN(HEX("0") " " SUBJECT "\n" HEX("2") " " SUBJECT "\n" HEX(
                               "3") " " OTHER "\n" HEX("4") " " SUBJECT "\n" HEX("5") "\n"),
                           &subject, &found, &unseen);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.names[0], "sha256:" HEX("0"));
    assert_string_equal(found.names[1], "sha256:" HEX("4"));
    assert_int_equal(unseen.count, 1);
    assert_string_equal(unseen.names[0], HEX("1"));
}

static void write_keeps_what_is_there_and_drops_what_is_gone(void **state)
{
    auto_storage_list all = names_of(revisions, array_count(revisions));
    auto_str expected = STR_INIT(4096);
    auto_str out = STR_INIT(4096);

    (void)state;
    index_of(&expected, HEX("0") " " SUBJECT "\n" HEX("1") "\n" HEX("4") " " OTHER "\n");
    referrers_index_write(&all, SPAN(HEX("0") " " SUBJECT "\n" HEX("2") "\n"),
                          SPAN(HEX("1") "\n" HEX("4") " " OTHER "\n"), &out);
    assert_string_equal(str_text(&out), str_text(&expected));
}

static void write_says_when_there_is_no_room(void **state)
{
    auto_storage_list all = names_of(revisions, array_count(revisions));
    auto_str out = STR_INIT(100);

    (void)state;
    referrers_index_write(&all, SPAN(HEX("0") "\n"), SPAN(""), &out);
    assert_true(str_overflowed(&out));
}

static void add_makes_lines(void **state)
{
    auto_str out = STR_INIT(4096);
    struct digest subject;

    (void)state;
    assert_true(digest_parse(SPAN(OTHER), &subject));
    referrers_index_add(&out, SPAN(HEX("0")), &subject);
    referrers_index_add(&out, SPAN(HEX("1")), NULL);
    assert_string_equal(str_text(&out), HEX("0") " " OTHER "\n" HEX("1") "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_revisions_in_order_with_or_without_a_subject),
        cmocka_unit_test(what_is_not_well_formed_is_refused),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(select_finds_referrers_and_what_nobody_knows),
        cmocka_unit_test(write_keeps_what_is_there_and_drops_what_is_gone),
        cmocka_unit_test(write_says_when_there_is_no_room),
        cmocka_unit_test(add_makes_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
