/* SPDX-License-Identifier: Apache-2.0
 *
 * ticket - see ticket.h. The payload is text: "1 <issued> <expires> <print in hex> <user>".
 */
#include "auth/htpasswd/ticket.h"

#include "lib/base/clock.h"
#include "lib/base/encode.h"
#include "lib/base/json.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/banned.h"

#define VERSION   "1"
#define KEY_LABEL "registry token endpoint, version " VERSION

/* A key of its own: what signs upload sessions with the same secret cannot be taken for a ticket.
 * Source: the "extract" of RFC 5869, with the label as the salt. */
void ticket_key_init(struct ticket_key *key, struct span secret)
{
    key->mac = mac_of(SPAN(KEY_LABEL), secret);
}

struct mac ticket_print(const struct ticket_key *key, struct span user, struct span entry)
{
    auto_str text = STR_INIT(user.len + entry.len + 8);

    str_append_text(&text, "entry:");
    str_append(&text, user);
    str_append_char(&text, ':');
    str_append(&text, entry);
    return mac_of(mac_span(&key->mac), str_span(&text));
}

bool ticket_make(struct ticket *out, struct span user, const struct mac *print, int64_t now)
{
    struct ticket ticket = {.issued_at = now, .expires_at = now + TICKET_LIFE_S};

    if (user.len > TICKET_USER_MAX || (user.len > 0 && memchr(user.data, '\0', user.len) != NULL))
        return false;
    if (user.len > 0)
        memcpy(ticket.user, user.data, user.len);
    if (print != NULL)
        ticket.print = *print;
    *out = ticket;
    return true;
}

void ticket_seal(const struct ticket_key *key, const struct ticket *ticket, struct str *out)
{
    auto_str payload = STR_INIT(TICKET_MAX);
    struct mac signature;
    char print[2 * MAC_LEN + 1];

    encode_hex(ticket->print.bytes, MAC_LEN, print);
    str_append_format(&payload, VERSION " %" PRId64 " %" PRId64 " %s %s", ticket->issued_at,
                      ticket->expires_at, print, ticket->user);
    signature = mac_of(mac_span(&key->mac), str_span(&payload));
    encode_base64url_bare(out, str_span(&payload));
    str_append_char(out, '.');
    encode_base64url_bare(out, mac_span(&signature));
}

/* The payload, if the signature is ours. */
static bool verify(const struct ticket_key *key, struct span text, struct str *out_payload)
{
    auto_str signature = STR_INIT(TICKET_MAX);
    struct mac expected;
    struct span rest = text;
    struct span payload = span_cut(&rest, '.');

    if (text.len > TICKET_MAX || !decode_base64url_bare(out_payload, payload) ||
        !decode_base64url_bare(&signature, rest))
        return false;
    expected = mac_of(mac_span(&key->mac), str_span(out_payload));
    return is_mac(&expected, str_span(&signature));
}

static bool parse(struct span rest, struct ticket *out)
{
    if (!span_is(span_cut(&rest, ' '), VERSION) ||
        !decode_decimal(span_cut(&rest, ' '), &out->issued_at) ||
        !decode_decimal(span_cut(&rest, ' '), &out->expires_at) ||
        !decode_hex(span_cut(&rest, ' '), out->print.bytes, MAC_LEN))
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
