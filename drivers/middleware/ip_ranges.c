/* SPDX-License-Identifier: Apache-2.0
 *
 * ip_ranges - see ip_ranges.h. All addresses are those of IPv6, IPv4's in the mapped form; ranges
 * are kept sorted and apart, so that one search finds what an address may be in.
 */
#include "drivers/middleware/ip_ranges.h"

#include "lib/base/encode.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define DEPTH_MAX   8
#define VALUES_MAX  500000 /* Amazon's has some 60000 */
#define ADDRESS_LEN 16
#define V4_BITS     96 /* of the mapped form, before those of IPv4 */

struct ip_range {
    uint8_t first[ADDRESS_LEN];
    uint8_t last[ADDRESS_LEN];
};

struct ip_ranges {
    struct ip_range *items; /* owned; sorted, none touches another */
    size_t count;
    size_t capacity;
};

/* ---- addresses ---- */

static bool parse_address(struct span text, uint8_t out[ADDRESS_LEN], bool *out_is_v4)
{
    static const uint8_t mapped[ADDRESS_LEN] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN + 1];

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    memcpy(out, mapped, ADDRESS_LEN);
    *out_is_v4 = inet_pton(AF_INET, copy, out + ADDRESS_LEN - 4) == 1;
    return *out_is_v4 || inet_pton(AF_INET6, copy, out) == 1;
}

static bool parse_prefix(const char *text, struct ip_range *out)
{
    struct span rest = span_of(text);
    struct span address = span_cut(&rest, '/');
    int64_t bits;
    bool is_v4;

    if (!parse_address(address, out->first, &is_v4) || !decode_decimal(rest, &bits) ||
        bits > (is_v4 ? 32 : 128))
        return false;
    bits += is_v4 ? V4_BITS : 0;
    for (int i = 0; i < ADDRESS_LEN; i++) {
        int64_t kept = bits - 8 * i;
        uint8_t host = (uint8_t)(kept >= 8 ? 0 : kept <= 0 ? 0xff : 0xff >> kept);

        out->last[i] = out->first[i] | host;
        out->first[i] = (uint8_t)(out->first[i] & ~host);
    }
    return true;
}

/* ---- the published text ---- */

/* Whether @region is one of @regions; all are, of "". */
static bool is_wanted(const char *regions, const cJSON *region)
{
    struct span rest = span_of(regions);

    if (rest.len == 0)
        return true;
    if (!cJSON_IsString(region))
        return false;
    while (rest.data != NULL) {
        if (span_equals_nocase(span_trim(span_cut(&rest, ',')), span_of(region->valuestring)))
            return true;
    }
    return false;
}

static void add(struct ip_ranges *ranges, const struct ip_range *range)
{
    if (ranges->count == ranges->capacity) {
        ranges->capacity = ranges->capacity > 0 ? 2 * ranges->capacity : 1024;
        ranges->items = xrealloc(ranges->items, ranges->capacity * sizeof(*ranges->items));
    }
    ranges->items[ranges->count++] = *range;
}

static void add_list(struct ip_ranges *ranges, const cJSON *list, const char *key,
                     const char *regions)
{
    const cJSON *item;
    struct ip_range range;

    cJSON_ArrayForEach(item, list)
    {
        const cJSON *prefix = cJSON_GetObjectItemCaseSensitive(item, key);

        if (cJSON_IsString(prefix) &&
            is_wanted(regions, cJSON_GetObjectItemCaseSensitive(item, "region")) &&
            parse_prefix(prefix->valuestring, &range))
            add(ranges, &range);
    }
}

static int compare_first(const void *a, const void *b)
{
    return memcmp(a, b, ADDRESS_LEN); /* first is first */
}

/* Ranges within others go, those that overlap become one. */
static void settle(struct ip_ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count == 0)
        return;
    qsort(ranges->items, ranges->count, sizeof(*ranges->items), compare_first);
    for (size_t i = 1; i < ranges->count; i++) {
        struct ip_range *before = &ranges->items[kept];

        if (memcmp(ranges->items[i].first, before->last, ADDRESS_LEN) > 0)
            ranges->items[++kept] = ranges->items[i];
        else if (memcmp(ranges->items[i].last, before->last, ADDRESS_LEN) > 0)
            memcpy(before->last, ranges->items[i].last, ADDRESS_LEN);
    }
    ranges->count = kept + 1;
}

int ip_ranges_parse(struct str *text, const char *regions, struct ip_ranges **out,
                    struct error *err)
{
    struct json_limits limits = {.depth = DEPTH_MAX, .values = VALUES_MAX};
    struct ip_ranges *ranges;
    size_t offset = 0;
    cJSON *json;

    if (text->len == 0)
        return error_set(err, ERROR_INVALID, "no IP ranges: nothing there");
    if (json_prepare(text->data, text->len, limits, &offset) != JSON_FINE)
        return error_set(err, ERROR_INVALID, "no IP ranges: invalid JSON at byte %zu", offset);
    json = cJSON_ParseWithLength(text->data, text->len);
    if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(json, "prefixes"))) {
        cJSON_Delete(json);
        return error_set(err, ERROR_INVALID, "no IP ranges: no list of prefixes");
    }
    ranges = xcalloc(1, sizeof(*ranges));
    add_list(ranges, cJSON_GetObjectItemCaseSensitive(json, "prefixes"), "ip_prefix", regions);
    add_list(ranges, cJSON_GetObjectItemCaseSensitive(json, "ipv6_prefixes"), "ipv6_prefix",
             regions);
    cJSON_Delete(json);
    settle(ranges);
    *out = ranges;
    return 0;
}

void ip_ranges_free(struct ip_ranges *ranges)
{
    if (ranges == NULL)
        return;
    free(ranges->items);
    free(ranges);
}

size_t ip_ranges_count(const struct ip_ranges *ranges)
{
    return ranges->count;
}

bool ip_ranges_has(const struct ip_ranges *ranges, struct span address)
{
    uint8_t wanted[ADDRESS_LEN];
    size_t low = 0;
    size_t high = ranges->count;
    bool is_v4;

    if (!parse_address(address, wanted, &is_v4))
        return false;
    while (low < high) { /* the first range that ends at @wanted or behind it */
        size_t middle = low + (high - low) / 2;

        if (memcmp(ranges->items[middle].last, wanted, ADDRESS_LEN) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && memcmp(ranges->items[low].first, wanted, ADDRESS_LEN) <= 0;
}
