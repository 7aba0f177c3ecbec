/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_answer - the head of another server's answer, line by line, and what the client does with
 * its values: nothing is taken that was not clean, a redirect leads to http or https only.
 */
#include "lib/client/answer.h"
#include "lib/client/retry.h"
#include "lib/client/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_location(const char *location)
{
    char shown[TARGET_SHOWN_SIZE];
    struct error err = ERROR_INIT;
    char *url;

    if (target_resolve("https://user:pass@host/a/b?c", location, &url, &err) < 0)
        return;
    assert(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
    assert(target_check(url, &err) == 0);
    target_show(url, shown);
    assert(strlen(shown) < sizeof(shown) && strchr(shown, '?') == NULL);
    free(url);
}

static void check_values(const struct answer *answer)
{
    const char *value;
    size_t cursor = 0;

    while ((value = answer_header(answer, "Location", &cursor)) != NULL)
        check_location(value);
    cursor = 0;
    while ((value = answer_header(answer, "Retry-After", &cursor)) != NULL) {
        int64_t ms = retry_parse_after(span_of(value), 1763706000);

        assert(ms >= -1 && ms <= (int64_t)INT32_MAX * 1000);
    }
    cursor = 0;
    while ((value = answer_header(answer, "X", &cursor)) != NULL)
        assert(strpbrk(value, "\r\n\x7f") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct answer answer;

    answer_init(&answer);
    while (rest.data != NULL && rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        enum answer_verdict verdict;

        if (rest.data != NULL)
            line.len++; /* its end is a part of it */
        verdict = answer_line(&answer, line);
        assert(answer.total <= ANSWER_HEAD_MAX || verdict == ANSWER_TOO_LARGE);
        if (verdict == ANSWER_TOO_LARGE || verdict == ANSWER_BROKEN)
            break;
        assert(verdict != ANSWER_COMPLETE || answer.status >= 200);
        assert(!str_overflowed(&answer.headers) && answer.length >= -1);
    }
    check_values(&answer);
    answer_fini(&answer);
    return 0;
}
