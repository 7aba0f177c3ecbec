/* SPDX-License-Identifier: Apache-2.0
 *
 * ip_filter - who is within Amazon's network: the published ranges, fetched again from time to
 * time.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>

struct config_storage_middleware;
struct ip_filter;

/* As ipfilteredby, awsregion, iprangesurl and updatefrequency say; @out is NULL where nobody is
 * filtered. Given: ip_filter_free. Errors: INVALID. NULL is fine for all below. */
must_check int ip_filter_new(const struct config_storage_middleware *config, struct ip_filter **out,
                             struct error *err);
void ip_filter_free(struct ip_filter *filter);

/* Begins and ends fetching. Until it has succeeded once, and if it fails, what was known holds.
 * stop may suspend. */
void ip_filter_start(struct ip_filter *filter);
void ip_filter_stop(struct ip_filter *filter);

/* Whether the address, as text, is in the ranges; does not suspend. */
bool ip_filter_has(const struct ip_filter *filter, struct span address);
