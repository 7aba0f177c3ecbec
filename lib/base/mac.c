/* SPDX-License-Identifier: Apache-2.0
 *
 * mac - see mac.h.
 */
#include "lib/base/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "lib/base/banned.h"

struct mac mac_of(struct span key, struct span text)
{
    struct mac mac;

    if (HMAC(EVP_sha256(), key.len > 0 ? key.data : "", (int)key.len,
             (const unsigned char *)text.data, text.len, mac.bytes, NULL) == NULL)
        abort(); /* no memory */
    return mac;
}

bool is_mac(const struct mac *mac, struct span bytes)
{
    return bytes.len == MAC_LEN && CRYPTO_memcmp(mac->bytes, bytes.data, MAC_LEN) == 0;
}
