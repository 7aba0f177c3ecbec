/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_htpasswd - any bytes as a password file: what is accepted is found again, line by line.
 */
#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/passwords.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last line of a user is what counts. */
static void check_line(const struct passwords *passwords, struct span line, struct span rest)
{
    struct span user;
    struct span entry;
    struct span found;
    struct span other;
    struct span ignored;

    if (passwords_split(line, &user, &entry) != PASSWORDS_ENTRY)
        return;
    assert(user.len + entry.len < line.len);
    assert(passwords_find(passwords, user, &found));
    while (rest.len > 0) {
        struct span next = span_cut(&rest, '\n');

        if (passwords_split(next, &other, &ignored) == PASSWORDS_ENTRY && span_equals(other, user))
            return;
    }
    assert(span_equals(found, entry));
}

static void check_all(const struct passwords *passwords, struct span text)
{
    unsigned cost = passwords_usual_cost(passwords);

    assert(cost >= BCRYPT_COST_MIN && cost <= BCRYPT_COST_MAX);
    assert(passwords_only_gained(passwords, passwords));
    for (int lines = 0; text.len > 0 && lines < 200; lines++) {
        struct span line = span_cut(&text, '\n');

        check_line(passwords, line, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct passwords *passwords = NULL;
    struct error err = ERROR_INIT;

    (void)bcrypt_cost(text);
    if (passwords_parse(text, &passwords, &err) < 0) {
        assert(passwords == NULL && err.code == ERROR_INVALID);
        return 0;
    }
    check_all(passwords, text);
    passwords_free(passwords);
    return 0;
}
