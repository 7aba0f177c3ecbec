/* SPDX-License-Identifier: Apache-2.0
 *
 * names - a JSON array of names as an answer, however many they are.
 */
#pragma once

#include "lib/api/exchange.h"

/*
 * names_send - answer 200 with @head, the array, and "}". May suspend.
 *
 * @head  the object's text as far as the array: "{\"repositories\":"
 *
 * A long answer is built and sent in pieces, with other tasks in between. Errors as those of
 * http_reply_write.
 */
must_check int names_send(struct exchange *ex, struct span head, const struct storage_list *names,
                          size_t first, size_t count, struct error *err);
