/* SPDX-License-Identifier: Apache-2.0
 *
 * encode - see encode.h.
 */
#include "lib/base/encode.h"

#include "lib/base/ascii.h"

#include <openssl/evp.h>

#include "lib/base/banned.h"

static const char hex_digits[] = "0123456789abcdef";

void encode_hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digits[bytes[i] >> 4];
        *out++ = hex_digits[bytes[i] & 0xf];
    }
    *out = '\0';
}

static int lower_hex_value(char c)
{
    return is_ascii_upper(c) ? -1 : ascii_hex_value(c);
}

bool decode_hex(struct span text, uint8_t *out, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = lower_hex_value(text.data[2 * i]);
        int low = lower_hex_value(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void encode_base64url(struct str *str, struct span bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *room = str_reserve(str, len);

    if (room == NULL)
        return;
    EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)bytes.data, (int)bytes.len);
    for (size_t i = 0; i < len; i++) {
        if (room[i] == '+')
            room[i] = '-';
        else if (room[i] == '/')
            room[i] = '_';
    }
    str_grown(str, len);
}

void encode_base64url_bare(struct str *str, struct span bytes)
{
    size_t before = str->len;

    encode_base64url(str, bytes);
    while (str->len > before && str->data[str->len - 1] == '=')
        str->data[--str->len] = '\0';
}

/* In the standard alphabet, for OpenSSL's decoder, which would also take blanks and line ends;
 * '\0' for what is not in the alphabet. */
static char url_digit(char c)
{
    if (c == '-')
        return '+';
    if (c == '_')
        return '/';
    return is_ascii_alnum(c) ? c : '\0';
}

static char standard_digit(char c)
{
    return is_ascii_alnum_or(c, "+/") ? c : '\0';
}

/* @padding: how many characters at the end of @text, or missing there, are for filling up. */
static bool decode_digits(struct str *str, struct span text, size_t padding, char (*digit)(char c))
{
    size_t digit_count = (text.len + 3) / 4 * 4 - padding;
    auto_str standard = STR_INIT(text.len + 3);
    size_t len = (text.len + 3) / 4 * 3;
    char *room;

    if (text.len == 0)
        return true;
    for (size_t i = 0; i < digit_count + padding; i++) {
        char c = i < digit_count ? digit(text.data[i]) : '=';

        if (c == '\0')
            return false;
        str_append_char(&standard, c);
    }
    room = str_reserve(str, len);
    if (room == NULL || EVP_DecodeBlock((unsigned char *)room, (unsigned char *)standard.data,
                                        (int)standard.len) != (int)len)
        return false;
    str_grown(str, len - padding);
    return true;
}

static bool decode_padded(struct str *str, struct span text, char (*digit)(char c))
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return false;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;
    return decode_digits(str, text, padding, digit);
}

bool decode_base64url(struct str *str, struct span text)
{
    return decode_padded(str, text, url_digit);
}

bool decode_base64url_bare(struct str *str, struct span text)
{
    if (text.len % 4 == 1)
        return false;
    return decode_digits(str, text, (4 - text.len % 4) % 4, url_digit);
}

bool decode_base64(struct str *str, struct span text)
{
    return decode_padded(str, text, standard_digit);
}

bool decode_percent(struct str *str, struct span text, bool plus)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '%') {
            int high = i + 2 < text.len ? ascii_hex_value(text.data[i + 1]) : -1;
            int low = high >= 0 ? ascii_hex_value(text.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        str_append_char(str, c);
    }
    return !str_overflowed(str);
}

static bool is_unreserved(char c)
{
    return is_ascii_alnum_or(c, "-._~");
}

void encode_query(struct str *str, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (is_unreserved(c))
            str_append_char(str, c);
        else if (c == ' ')
            str_append_char(str, '+');
        else
            str_append_format(str, "%%%02X", (unsigned)(unsigned char)c);
    }
}

bool decode_decimal(struct span text, int64_t *out)
{
    int64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = text.data[i] - '0';

        if (!is_ascii_digit(text.data[i]) || value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (text.len == 0)
        return false;
    *out = value;
    return true;
}
