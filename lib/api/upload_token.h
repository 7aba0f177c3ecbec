/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_token - the `_state` of an upload's Location: what any process with the same secret needs
 * to believe a client. Pure; fuzzed.
 *
 *     token   = base64url(mac || message), padded
 *     mac     = HMAC-SHA256(secret, message), 32 bytes
 *     message = {"Name":"<repository>","UUID":"<uuid>","Offset":<size>,"StartedAt":"<RFC 3339>"}
 *
 * Byte for byte upstream's, so that upstream and we continue each other's uploads. On a store
 * without locks the message has one member more, which upstream passes over: ,"Seal":"<64
 * hexadecimal digits>" (upload_seal.h). A token of upstream's has none, and a seal that does not
 * read as one is none.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"
#include "lib/base/uuid.h"
#include "lib/oci/reference.h"
#include "lib/registry/upload_seal.h"

#include <stdint.h>
#include <time.h>

#define UPLOAD_TOKEN_MAX 2048 /* bytes of text; ours are below 800 */

struct upload_token {
    char repository[REPOSITORY_LEN_MAX + 1];
    char uuid[UUID_LEN + 1];
    int64_t offset;             /* bytes the session has */
    struct timespec started_at; /* nothing compares it; zero when absent */
    struct upload_seal seal;
};

/* Appends the token's text. */
void upload_token_format(struct str *out, struct span secret, const struct upload_token *token);

/* Reads a token made with @secret. UPLOAD_INVALID, with upstream's detail. */
must_check int upload_token_parse(struct span text, struct span secret, struct upload_token *out,
                                  struct error *err);
