/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_ticket - any bytes as a token of ours, as Basic credentials and as a payload that is sealed:
 * what opens seals to a text that opens to the same.
 */
#include "auth/htpasswd/ticket.h"
#include "lib/auth/access.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/banned.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sealed(const struct ticket_key *key, struct span user)
{
    auto_str text = STR_INIT(TICKET_MAX);
    struct ticket ticket;
    struct ticket opened;

    if (!ticket_make(&ticket, user, NULL, NOW))
        return;
    ticket_seal(key, &ticket, &text);
    assert(!str_overflowed(&text));
    assert(ticket_open(key, str_span(&text), NOW, &opened) == TICKET_FINE);
    assert(strcmp(opened.user, ticket.user) == 0 && opened.expires_at == ticket.expires_at);
}

static void check_basic(struct span text)
{
    auto_str user = STR_INIT(text.len);
    auto_str password = STR_INIT(text.len);

    if (!access_basic(text, &user, &password))
        return;
    assert(strlen(str_text(&user)) == user.len && strchr(str_text(&user), ':') == NULL);
    assert(strlen(str_text(&password)) == password.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct ticket_key key;
    struct ticket ticket;

    ticket_key_init(&key, SPAN("secret"));
    if (ticket_open(&key, text, NOW, &ticket) == TICKET_FINE)
        check_sealed(&key, span_of(ticket.user));
    check_sealed(&key, text);
    check_basic(text);
    return 0;
}
