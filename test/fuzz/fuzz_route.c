/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_route - any bytes as a request target, up to the route and the Location made from a request
 * full of them: clean paths stay clean, what matches is well-formed, no header line is broken.
 */
#include "lib/api/etag.h"
#include "lib/api/location.h"
#include "lib/api/routes.h"
#include "lib/base/encode.h"
#include "lib/base/query.h"
#include "lib/oci/reference.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_match(struct span path)
{
    struct route_match match;

    if (!route_match(path, SPAN("/"), &match))
        return;
    assert(match.route > ROUTE_NONE && match.route < ROUTE_COUNT);
    if (match.repository.len > 0)
        assert(is_repository_shaped(match.repository));
    if (match.reference.len > 0 && !match.is_slash_wrong)
        assert(match.reference.data + match.reference.len == path.data + path.len);
    assert((match.reference.len > 0) == (match.route == ROUTE_MANIFEST ||
                                         match.route == ROUTE_BLOB || match.route == ROUTE_UPLOAD ||
                                         match.route == ROUTE_REFERRERS));
    assert(match.reference.len == 0 ||
           memchr(match.reference.data, '\0', match.reference.len) == NULL);
}

static void check_path(struct span path)
{
    auto_str clean = STR_INIT(path.len + 2);
    auto_str again = STR_INIT(path.len + 2);
    auto_str encoded = STR_INIT(4 * path.len + 8);

    path_clean(&clean, path);
    assert(!str_overflowed(&clean) && clean.data[0] == '/');
    path_clean(&again, str_span(&clean));
    assert(span_equals(str_span(&clean), str_span(&again)));
    path_encode(&encoded, str_span(&clean));
    for (size_t i = 0; i < encoded.len; i++)
        assert(encoded.data[i] > ' ' && encoded.data[i] < 0x7f);
    check_match(str_span(&clean));
}

static void check_location(struct span text)
{
    struct location_rules rules = {text, SPAN("/"), false};
    struct location_request request = {.host = text, .has_forwarded = true, .forwarded = text};
    auto_str base = STR_INIT(16 * text.len + 64);

    rules.host = (struct span){NULL, 0};
    location_base(&base, &rules, &request);
    request = (struct location_request){.forwarded_proto = text, .forwarded_host = text};
    location_base(&base, &rules, &request);
    for (size_t i = 0; i < base.len; i++)
        assert(base.data[i] >= ' ' && base.data[i] < 0x7f);
    rules.host = text;
    location_base(&base, &rules, &request);
    assert(!str_overflowed(&base));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    auto_str path = STR_INIT(size);
    auto_str value = STR_INIT(size);
    struct target target;

    target_parse(text, &target);
    if (decode_percent(&path, target.path, false))
        check_path(str_span(&path));
    if (query_get(target.query, "n", &value))
        assert(value.len <= size);
    check_location(text);
    (void)etag_list_has(text, SPAN("x"), ETAG_LOOSE);
    (void)etag_list_has(text, SPAN("x"), ETAG_STRONG);
    (void)etag_is(text, SPAN("x"));
    return 0;
}
