/* SPDX-License-Identifier: Apache-2.0
 *
 * ticket - see ticket.h. The payload is text: "1 <issued> <expires> <print in hex> <user>".
 */
#include "auth/htpasswd/ticket.h"

#include "lib/base/clock.h"
#include "lib/base/encode.h"
#include "lib/base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/base/banned.h"

#define VERSION   "1"
#define KEY_LABEL "registry token endpoint, version " VERSION

static void hmac(const uint8_t *key, size_t key_len, struct span text, uint8_t out[TICKET_HASH_LEN])
{
    unsigned len = 0;

    if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.data, text.len, out,
             &len) == NULL ||
        len != TICKET_HASH_LEN)
        abort();
}

/* A key of its own: what signs upload sessions with the same secret cannot be taken for a ticket.
 * Source: the "extract" of RFC 5869, with the label as the salt. */
void ticket_key_init(struct ticket_key *key, struct span secret)
{
    static_assert(TICKET_KEY_LEN == TICKET_HASH_LEN, "a key is a hash");
    hmac((const uint8_t *)KEY_LABEL, sizeof(KEY_LABEL) - 1, secret, key->bytes);
}

void ticket_print(const struct ticket_key *key, struct span user, struct span entry,
                  uint8_t out[TICKET_HASH_LEN])
{
    auto_str text = STR_INIT(user.len + entry.len + 8);

    str_append_text(&text, "entry:");
    str_append(&text, user);
    str_append_char(&text, ':');
    str_append(&text, entry);
    hmac(key->bytes, TICKET_KEY_LEN, str_span(&text), out);
}

bool is_ticket_print(const uint8_t a[TICKET_HASH_LEN], const uint8_t b[TICKET_HASH_LEN])
{
    return CRYPTO_memcmp(a, b, TICKET_HASH_LEN) == 0;
}

bool ticket_make(struct ticket *out, struct span user, const uint8_t *print, int64_t now)
{
    struct ticket ticket = {.issued_at = now, .expires_at = now + TICKET_LIFE_S};

    if (user.len > TICKET_USER_MAX || (user.len > 0 && memchr(user.data, '\0', user.len) != NULL))
        return false;
    if (user.len > 0)
        memcpy(ticket.user, user.data, user.len);
    if (print != NULL)
        memcpy(ticket.print, print, TICKET_HASH_LEN);
    *out = ticket;
    return true;
}

void ticket_seal(const struct ticket_key *key, const struct ticket *ticket, struct str *out)
{
    auto_str payload = STR_INIT(TICKET_MAX);
    uint8_t signature[TICKET_HASH_LEN];
    char print[2 * TICKET_HASH_LEN + 1];

    encode_hex(ticket->print, TICKET_HASH_LEN, print);
    str_append_format(&payload, VERSION " %" PRId64 " %" PRId64 " %s %s", ticket->issued_at,
                      ticket->expires_at, print, ticket->user);
    hmac(key->bytes, TICKET_KEY_LEN, str_span(&payload), signature);
    encode_base64url_bare(out, str_span(&payload));
    str_append_char(out, '.');
    encode_base64url_bare(out, span_make(signature, TICKET_HASH_LEN));
}

/* The payload, if the signature is ours. */
static bool verify(const struct ticket_key *key, struct span text, struct str *out_payload)
{
    auto_str signature = STR_INIT(TICKET_MAX);
    uint8_t expected[TICKET_HASH_LEN];
    struct span rest = text;
    struct span payload = span_cut(&rest, '.');

    if (text.len > TICKET_MAX || !decode_base64url_bare(out_payload, payload) ||
        !decode_base64url_bare(&signature, rest) || signature.len != TICKET_HASH_LEN)
        return false;
    hmac(key->bytes, TICKET_KEY_LEN, str_span(out_payload), expected);
    return CRYPTO_memcmp(expected, signature.data, TICKET_HASH_LEN) == 0;
}

static bool parse(struct span rest, struct ticket *out)
{
    if (!span_is(span_cut(&rest, ' '), VERSION) ||
        !decode_decimal(span_cut(&rest, ' '), &out->issued_at) ||
        !decode_decimal(span_cut(&rest, ' '), &out->expires_at) ||
        !decode_hex(span_cut(&rest, ' '), out->print, TICKET_HASH_LEN))
        return false;
    if (rest.data == NULL || rest.len > TICKET_USER_MAX)
        return false;
    memcpy(out->user, rest.data, rest.len);
    return true;
}

enum ticket_fault ticket_open(const struct ticket_key *key, struct span text, int64_t now,
                              struct ticket *out)
{
    auto_str payload = STR_INIT(TICKET_MAX);
    struct ticket ticket = {.user = ""};

    if (!verify(key, text, &payload) || !parse(str_span(&payload), &ticket))
        return TICKET_MALFORMED;
    if (now >= ticket.expires_at)
        return TICKET_EXPIRED;
    *out = ticket;
    return TICKET_FINE;
}

void ticket_append_reply(const struct ticket_key *key, const struct ticket *ticket, struct str *out)
{
    auto_str token = STR_INIT(TICKET_MAX);
    char issued_at[CLOCK_RFC3339_SIZE];

    ticket_seal(key, ticket, &token);
    clock_format_rfc3339((struct timespec){.tv_sec = ticket->issued_at}, issued_at);
    str_append_text(out, "{\"token\":");
    json_append_string(out, str_span(&token));
    str_append_text(out, ",\"access_token\":");
    json_append_string(out, str_span(&token));
    str_append_format(out, ",\"expires_in\":%" PRId64 ",\"issued_at\":\"%s\"}\n",
                      ticket->expires_at - ticket->issued_at, issued_at);
}
