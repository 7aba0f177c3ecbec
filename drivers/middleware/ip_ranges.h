/* SPDX-License-Identifier: Apache-2.0
 *
 * ip_ranges - the IP addresses of Amazon's network, as Amazon publishes them. Pure.
 *
 *     {"prefixes":      [{"ip_prefix": "3.5.140.0/22", "region": "us-east-1", ...}, ...],
 *      "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "region": "us-east-1", ...}, ...]}
 *
 * Source: AWS General Reference, "AWS IP address ranges".
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define IP_RANGES_TEXT_MAX (16 << 20) /* bytes; Amazon's has 2 MiB */

struct ip_ranges;

/*
 * ip_ranges_parse - read the published text.
 *
 * @text     changed
 * @regions  names joined by commas, in any case of letters, blanks around them; "": all
 *
 * What is no prefix is left out. Given: ip_ranges_free. Errors: INVALID (no JSON of that form).
 */
must_check int ip_ranges_parse(struct str *text, const char *regions, struct ip_ranges **out,
                               struct error *err);
void ip_ranges_free(struct ip_ranges *ranges); /* NULL is fine */

/* How many separate ranges there are. */
size_t ip_ranges_count(const struct ip_ranges *ranges);

/* Whether @address, IPv4 or IPv6 as text, is in one of them; false for what is no address. */
bool ip_ranges_has(const struct ip_ranges *ranges, struct span address);
