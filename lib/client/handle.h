/* SPDX-License-Identifier: Apache-2.0
 *
 * handle - what libcurl is told of a request before it begins: all options but the callbacks.
 */
#pragma once

#include "lib/client/exchange.h"

/*
 * handle_set - the rules of @client and the head of @request, as options of @easy.
 *
 * @size  bytes of the body
 *
 * Returns the header lines, which live as long as the handle, the last of them about Expect. Given:
 * curl_slist_free_all.
 */
struct curl_slist *handle_set(CURL *easy, struct client *client,
                              const struct exchange_request *request, int64_t size);
