/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_referrers_index - any bytes as an index of referrers, and as its lines behind a header that
 * fits them: what opens is found again, line by line, and written as it was.
 */
#include "lib/registry/referrers_index.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

#define HEX_LEN 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The revisions of all lines, and one before and one after them. */
static void list_revisions(struct span lines, struct storage_list *out)
{
    storage_list_add(out, SPAN(""));
    while (lines.len > 0)
        storage_list_add(out, span_make(span_cut(&lines, '\n').data, HEX_LEN));
    storage_list_add(out, SPAN("link"));
}

static size_t count_subject(struct span lines, const char *subject)
{
    size_t count = 0;

    while (lines.len > 0)
        count += span_is(span_from(span_cut(&lines, '\n'), HEX_LEN + 1), subject);
    return count;
}

static void check_lines(struct span text, struct span lines)
{
    auto_storage_list revisions = {0};
    auto_storage_list found = {0};
    auto_storage_list unseen = {0};
    auto_str out = STR_INIT(text.len);
    char subject_text[DIGEST_TEXT_SIZE];
    struct digest subject = {.algorithm = DIGEST_SHA256};
    struct span rest = span_from(lines, HEX_LEN + 1);

    if (lines.len > HEX_LEN && digest_parse(span_cut(&rest, '\n'), &subject))
        assert(rest.data != NULL);
    list_revisions(lines, &revisions);
    referrers_index_select(&revisions, lines, &subject, &found, &unseen);
    assert(unseen.count == 0);
    assert(found.count == count_subject(lines, digest_format(&subject, subject_text)));
    referrers_index_write(&revisions, SPAN(""), lines, &out);
    assert(span_equals(str_span(&out), text));
    str_reset(&out);
    referrers_index_write(&revisions, lines, lines, &out);
    assert(span_equals(str_span(&out), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span raw = span_make(data, size);
    auto_str text = STR_INIT(size + 128);
    char digest_text[DIGEST_TEXT_SIZE];
    struct digest digest;
    struct span lines;

    if (referrers_index_open(raw, &lines))
        check_lines(raw, lines);
    digest_of(DIGEST_SHA256, raw, &digest);
    str_append_format(&text, "1 %s\n", digest_format(&digest, digest_text));
    str_append(&text, raw);
    if (referrers_index_open(str_span(&text), &lines))
        check_lines(str_span(&text), lines);
    return 0;
}
