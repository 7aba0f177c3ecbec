/* SPDX-License-Identifier: Apache-2.0
 *
 * ticket - the token that our own token endpoint gives: who somebody is, signed. Pure; fuzzed.
 *
 *     base64url(payload) "." base64url(HMAC-SHA256(key, payload))
 *
 * It grants nothing by itself: rights are looked up when it is used. The key comes from
 * http.secret, so registries with one secret take each other's tickets. The print of the user's
 * password entry is part of it, so that a changed password or a removed user ends it at once.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/mac.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define TICKET_LIFE_S   300
#define TICKET_USER_MAX 255  /* bytes; who has a longer name gets no ticket */
#define TICKET_MAX      1024 /* bytes of a ticket's text */

struct ticket_key {
    struct mac mac;
};

/* @secret: http.secret, of any length. */
void ticket_key_init(struct ticket_key *key, struct span secret);

struct ticket {
    char user[TICKET_USER_MAX + 1]; /* "" = anonymous */
    int64_t issued_at;              /* seconds since 1970 */
    int64_t expires_at;
    struct mac print; /* ticket_print of the user's entry; zeros for anonymous */
};

/* Keyed hash of a user's entry in the password file, as it stands there ("$2y$05$..."). */
struct mac ticket_print(const struct ticket_key *key, struct span user, struct span entry);

/* Fills a ticket that is good from @now (seconds since 1970) for TICKET_LIFE_S. @user "" and @print
 * NULL: anonymous. False: the name is too long, or holds a NUL. */
must_check bool ticket_make(struct ticket *out, struct span user, const struct mac *print,
                            int64_t now);

/* Appends the text. */
void ticket_seal(const struct ticket_key *key, const struct ticket *ticket, struct str *out);

enum ticket_fault {
    TICKET_FINE,
    TICKET_MALFORMED, /* not a ticket, or not made with this key */
    TICKET_EXPIRED,
};

/* Reads a client's text. @out is filled when FINE only; its print is still to be compared. */
must_check enum ticket_fault ticket_open(const struct ticket_key *key, struct span text,
                                         int64_t now, struct ticket *out);

/* Appends the token endpoint's reply: {"token":...,"access_token":...,"expires_in":300,
 * "issued_at":"..."}. Source: upstream's token specification, "Token Response Fields". */
void ticket_append_reply(const struct ticket_key *key, const struct ticket *ticket,
                         struct str *out);
