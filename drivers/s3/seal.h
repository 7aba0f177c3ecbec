/* SPDX-License-Identifier: Apache-2.0
 *
 * seal - what an unfinished upload is made of, in a few bytes. Private to the folder.
 *
 * Two seals are equal if it is the same upload with the same parts: numbers, sizes and ETags. What
 * another process has put there in the meantime, under whatever number, makes another seal.
 */
#pragma once

#include "drivers/s3/s3_multipart.h"
#include "lib/oci/digest.h"

/* Of all @parts, and of @end behind them where it is not NULL. */
void seal_of(const char *id, const struct parts *parts, const struct part *end, struct digest *out);
