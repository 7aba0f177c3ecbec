/* SPDX-License-Identifier: Apache-2.0
 *
 * redact - what the logs may show of a URL: everything but what lets its reader act for its sender.
 *
 *     /v2/a/blobs/uploads/<uuid>?_state=***&digest=sha256:...
 *     //registry.example/v2/?access_token=***&n=5
 *
 * Pure.
 */
#pragma once

#include "lib/base/str.h"

/*
 * redact_url - append @url, a request target of any form or a Referer, without its secrets.
 *
 * Hidden are the values of query and fragment parameters whose names say so (`_state`, and all that
 * speak of tokens, passwords, secrets, signatures ...; any case, also written with %XX), up to the
 * next `&`, and the userinfo of every `//userinfo@host`. All else stays byte for byte. The text
 * gets longer by half and two bytes at most.
 */
void redact_url(struct str *out, struct span url);

/* The same as a text of its own; also of a sentence that holds a URL. Given: str_fini. */
struct str redact_copy(const char *text);
