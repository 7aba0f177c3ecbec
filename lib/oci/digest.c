/* SPDX-License-Identifier: Apache-2.0
 *
 * digest - digests as text. The computation is in hasher.c.
 */
#include "lib/oci/digest.h"

#include "lib/base/ascii.h"
#include "lib/base/encode.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

static const struct {
    const char *name;
    size_t size;
} algorithms[] = {
    [DIGEST_SHA256] = {"sha256", 32},
    [DIGEST_SHA384] = {"sha384", 48},
    [DIGEST_SHA512] = {"sha512", 64},
};

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

size_t digest_size(enum digest_algorithm algorithm)
{
    return algorithms[algorithm].size;
}

bool digest_parse(struct span text, struct digest *out)
{
    struct span hex = text;
    struct span name = span_cut(&hex, ':');

    for (size_t i = 0; i < array_count(algorithms); i++) {
        struct digest digest = {.algorithm = (enum digest_algorithm)i};

        if (!span_is(name, algorithms[i].name))
            continue;
        if (hex.data == NULL || !decode_hex(hex, digest.bytes, algorithms[i].size))
            return false;
        *out = digest;
        return true;
    }
    return false;
}

static bool is_lower_or_digit(char c)
{
    return is_ascii_lower(c) || is_ascii_digit(c);
}

/* [a-z0-9]+([.+_-][a-z0-9]+)* */
static bool is_algorithm(struct span text)
{
    bool is_separator = true; /* nothing, like a separator, must be followed by a character */

    for (size_t i = 0; i < text.len; i++) {
        bool was_separator = is_separator;
        char c = text.data[i];

        is_separator = c == '.' || c == '+' || c == '_' || c == '-';
        if (!is_lower_or_digit(c) && (!is_separator || was_separator))
            return false;
    }
    return !is_separator;
}

static bool is_encoded(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '=' && c != '_' && c != '-')
            return false;
    }
    return text.len > 0;
}

bool is_digest_shaped(struct span text)
{
    struct span encoded = text;
    struct span algorithm = span_cut(&encoded, ':');

    return encoded.data != NULL && is_algorithm(algorithm) && is_encoded(encoded);
}

char *digest_format_hex(const struct digest *digest, char *out)
{
    encode_hex(digest->bytes, digest_size(digest->algorithm), out);
    return out;
}

char *digest_format(const struct digest *digest, char *out)
{
    int len = snprintf(out, DIGEST_TEXT_SIZE, "%s:", digest_algorithm_name(digest->algorithm));

    digest_format_hex(digest, out + len);
    return out;
}

bool digest_equals(const struct digest *a, const struct digest *b)
{
    return a->algorithm == b->algorithm &&
           memcmp(a->bytes, b->bytes, digest_size(a->algorithm)) == 0;
}
