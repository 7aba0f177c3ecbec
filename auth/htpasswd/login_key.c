/* SPDX-License-Identifier: Apache-2.0
 *
 * login_key - see login_key.h.
 */
#include "auth/htpasswd/login_key.h"

#include "lib/base/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
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
    struct login_key key;
    unsigned key_len = 0;
    size_t room = 0;
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        room += sizeof(uint64_t) + parts[i].len;
    if (room > sizeof(small))
        text = xmalloc(room);
    for (size_t i = 0; i < count; i++)
        len += put_part(text + len, parts[i]);
    if (HMAC(EVP_sha256(), secret->bytes, sizeof(secret->bytes), text, len, key.bytes, &key_len) ==
            NULL ||
        key_len != LOGIN_KEY_LEN)
        abort();
    explicit_bzero(text, len);
    if (text != small)
        free(text);
    return key;
}
