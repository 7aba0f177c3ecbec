/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_ip_ranges - any bytes as published IP ranges: the first line are the regions, the second an
 * address; what no region limits holds whatever a limited list holds.
 */
#include "drivers/middleware/ip_ranges.h"

#include <assert.h>
#include <stdint.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ip_ranges *parse(struct span text, const char *regions)
{
    auto_str copy = STR_INIT(IP_RANGES_TEXT_MAX);
    struct ip_ranges *ranges = NULL;
    struct error err = ERROR_INIT;

    str_append(&copy, text);
    if (ip_ranges_parse(&copy, regions, &ranges, &err) < 0)
        assert(err.code == ERROR_INVALID && ranges == NULL);
    return ranges;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span regions = span_cut(&rest, '\n');
    struct span address = span_cut(&rest, '\n');
    auto_str names = STR_INIT(1024);
    struct ip_ranges *some;
    struct ip_ranges *all;

    str_append(&names, regions);
    some = parse(rest, str_text(&names));
    all = parse(rest, "");
    assert((some == NULL) == (all == NULL));
    if (all != NULL) {
        assert(names.len == 0 || ip_ranges_has(all, address) || !ip_ranges_has(some, address));
        ip_ranges_has(all, SPAN("10.1.2.3"));
    }
    ip_ranges_free(some);
    ip_ranges_free(all);
    return 0;
}
