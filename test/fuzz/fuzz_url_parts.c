/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_url_parts - any bytes as a URL: its parts are parts of it, in their order, and fit into a
 * header line.
 */
#include "drivers/middleware/url_parts.h"

#include <assert.h>
#include <stdint.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct span whole, struct span part)
{
    for (size_t i = 0; i < part.len; i++)
        assert(part.data[i] > 0x20 && part.data[i] < 0x7f);
    assert(part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span whole = span_make(data, size);
    auto_str encoded = STR_INIT(3 * size);
    struct url_parts parts;

    url_parts_encode(&encoded, whole);
    assert(!str_overflowed(&encoded));
    check_part(str_span(&encoded), str_span(&encoded));
    if (!url_parts_cut(whole, &parts))
        return 0;
    check_part(whole, parts.scheme);
    check_part(whole, parts.host);
    check_part(whole, parts.path);
    check_part(whole, parts.rest);
    assert(memchr(parts.host.data, '/', parts.host.len) == NULL);
    assert(parts.scheme.len + parts.host.len + parts.path.len + parts.rest.len <= size);
    return 0;
}
