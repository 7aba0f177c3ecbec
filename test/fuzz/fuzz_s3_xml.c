/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_s3_xml - answers of an object store: whatever comes, rows and numbers are within bounds, and
 * where the next page begins is said only when there is one. Escaped text reads back as it was.
 */
#include "drivers/s3/s3_object.h"
#include "drivers/s3/verdict.h"
#include "drivers/s3/xml.h"

#include <assert.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(struct span text)
{
    struct s3_answer answer = {.status = 200};
    struct error err = ERROR_INIT;

    if (xml_parse(text, &answer.xml, &err) < 0)
        return;
    assert(answer.xml.root != NULL && answer.xml.count <= XML_ROWS_MAX);
    for (size_t i = 0; i < answer.xml.count; i++)
        assert(answer.xml.rows[i].size >= -1);
    assert(answer.xml.is_truncated || s3_object_list_next(&answer.xml) == NULL);
    if (verdict_of(&answer, &err) < 0)
        assert(err.code != ERROR_NONE);
    s3_answer_fini(&answer);
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    }
    return text.len < 1000;
}

static void check_escapes(struct span text)
{
    auto_str document = STR_INIT(10000);
    auto_xml_answer answer = {0};
    struct error err = ERROR_INIT;

    if (!is_plain(text))
        return;
    str_append_text(&document, "<Error><Code>");
    xml_append_escaped(&document, text);
    str_append_text(&document, "</Code></Error>");
    assert(xml_parse(str_span(&document), &answer, &err) == 0);
    assert(span_is(text, answer.code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);

    check_answer(text);
    check_escapes(text);
    (void)verdict_total(text);
    return 0;
}
