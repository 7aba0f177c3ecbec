/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_head - any bytes as a request head: the end is found whatever the pieces, what is accepted
 * is well-formed, what is renamed is all that evhttp must not see.
 */
#include "lib/base/memory.h"
#include "lib/http/head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size);
    size_t from = 0;
    size_t whole_from = 0;
    size_t len = 0;
    size_t whole_len = 0;
    enum head_end end = HEAD_INCOMPLETE;
    struct head head;

    if (size > 0)
        memcpy(text, data, size);
    for (size_t at = 0; at < size && end == HEAD_INCOMPLETE; at++)
        end = head_find_end(span_make(text, at + 1), &from, &len);
    assert(size == 0 || end == head_find_end(span_make(text, size), &whole_from, &whole_len));
    if (end == HEAD_COMPLETE) {
        assert(len == whole_len && len <= size);
        head_parse(text, len, &head);
        assert((head.status == 0) == (head.reason == NULL));
        assert(head.body_length >= HEAD_BODY_CHUNKED);
        assert(head.line_len <= len);
        if (head.status == 0) {
            assert(head.method.len > 0 && head.method.data == text);
            assert(head.target.len > 0 && head.target.data + head.target.len <= text + len);
            assert(memchr(text, '\0', len) == NULL);
        }
    }
    free(text);
    return 0;
}
