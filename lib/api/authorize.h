/* SPDX-License-Identifier: Apache-2.0
 *
 * authorize - asks the access controller before anything else is looked at: what a request wants is
 * turned into records, and what the controller says into an answer.
 *
 *     GET, HEAD         pull               of the repository
 *     POST, PUT, PATCH  pull and push
 *     DELETE            delete
 *     OPTIONS, others   nothing, but a controller may want to know who it is
 *     ?from=<name>      pull of that one too, on each of these
 *     /v2/_catalog      registry:catalog:*
 *
 * Source: upstream's behaviour, but that `from` is taken from the query alone.
 */
#pragma once

#include "lib/api/exchange.h"
#include "lib/auth/access.h"

/* Whether the matched route may be worked on; false when the request has been answered: 401, 403,
 * 429, or 400 when the controller cannot decide. Notes the user in the exchange. May suspend. */
must_check bool authorize(struct exchange *ex);

/* What every controller is told of a request, without records. @base_url gets the text that
 * @out->base_url is lent from. */
void authorize_describe(const struct exchange *ex, struct str *base_url,
                        struct access_request *out);

/* Answers what was not granted, or could not be decided, and logs it. */
void authorize_refuse(struct exchange *ex, const struct access_request *request,
                      const struct access_answer *answer);
void authorize_fail(struct exchange *ex, const struct error *err);
