/* SPDX-License-Identifier: Apache-2.0
 *
 * uuid - see uuid.h.
 */
#include "lib/base/uuid.h"

#include "lib/base/ascii.h"
#include "lib/base/encode.h"
#include "lib/base/random.h"

#include "lib/base/banned.h"

struct uuid uuid_new(void)
{
    struct uuid uuid;
    uint8_t bytes[16];
    char hex[33];
    size_t at = 0;

    random_fill(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    encode_hex(bytes, sizeof(bytes), hex);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            uuid.text[at++] = '-';
        uuid.text[at++] = hex[i];
    }
    uuid.text[at] = '\0';
    return uuid;
}

bool is_uuid(struct span text)
{
    if (text.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text.data[i] != '-' : ascii_hex_value(text.data[i]) < 0)
            return false;
    }
    return true;
}
