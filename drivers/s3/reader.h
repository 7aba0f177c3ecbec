/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - an object as a stream; a lost connection is taken up again where it broke. Private to
 * the folder.
 */
#pragma once

#include "drivers/s3/s3_request.h"

/* The slots of the driver. */
int reader_open(struct storage *storage, const char *key, int64_t offset,
                struct storage_reader **out, struct error *err);
int reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max, struct error *err);
void reader_close(struct storage_reader *reader);
