/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_range - eight bytes of size, then a Range header (and the same text as the Content-Range of
 * a piece): whatever is accepted lies within the content.
 */
#include "lib/api/content_range.h"
#include "lib/http/range.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(const struct range_set *set, int64_t size)
{
    int64_t wanted = 0;

    assert(set->count >= 1 && set->count <= RANGE_COUNT_MAX);
    for (size_t i = 0; i < set->count; i++) {
        const struct range *range = &set->items[i];

        assert(range->first >= 0 && range->len >= 0);
        assert(range->first <= size && range->len <= size - range->first);
        assert(range->len <= size - wanted);
        wanted += range->len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t bits = 0;
    int64_t content_size;
    struct span header;
    struct range_set set;
    int64_t first = -1;
    int64_t last = -1;

    if (size < sizeof(bits))
        return 0;
    memcpy(&bits, data, sizeof(bits));
    content_size = (int64_t)(bits & INT64_MAX);
    header = span_make(data + sizeof(bits), size - sizeof(bits));
    if (range_parse(header, content_size, &set) == RANGE_PARTS)
        check_parts(&set, content_size);
    if (content_range_parse(header, &first, &last))
        assert(first >= 0 && last >= 0);
    return 0;
}
