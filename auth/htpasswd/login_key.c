/* SPDX-License-Identifier: Apache-2.0
 *
 * login_key - see login_key.h.
 */
#include "auth/htpasswd/login_key.h"

#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define INLINE_SIZE 512 /* bytes that are hashed without a copy on the heap */

static size_t put_part(uint8_t *to, struct span part)
{
    uint64_t len = part.len;

    memcpy(to, &len, sizeof(len));
    if (part.len > 0)
        memcpy(to + sizeof(len), part.data, part.len);
    return sizeof(len) + part.len;
}

struct login_key login_key_of(const struct login_key_secret *secret, const struct span *parts,
                              size_t count)
{
    uint8_t small[INLINE_SIZE];
    uint8_t *text = small;
    struct mac mac;
    size_t room = 0;
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        room += sizeof(uint64_t) + parts[i].len;
    if (room > sizeof(small))
        text = xmalloc(room);
    for (size_t i = 0; i < count; i++)
        len += put_part(text + len, parts[i]);
    mac = mac_of(mac_span(&secret->mac), span_make(text, len));
    explicit_bzero(text, len);
    if (text != small)
        free(text);
    return (struct login_key){.mac = mac};
}
