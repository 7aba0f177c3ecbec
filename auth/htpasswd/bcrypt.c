/* SPDX-License-Identifier: Apache-2.0
 *
 * bcrypt - see bcrypt.h.
 */
#include "auth/htpasswd/bcrypt.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#include <assert.h>
#include <crypt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define SALT_LEN   22 /* characters */
#define SALT_BYTES 16
#define HASH_LEN   31 /* characters */

/* A hash in its parts. */
struct parts {
    unsigned cost;
    struct span salt;
    struct span hash;
};

static bool is_salt(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], "./"))
            return false;
    }
    return true;
}

/* `$2$`, or `$2` with any letter. Returns what follows; data NULL if it does not begin so. */
static struct span after_version(struct span text)
{
    if (text.len < 4 || text.data[0] != '$' || text.data[1] != '2')
        return (struct span){0};
    if (text.data[2] == '$')
        return span_from(text, 3);
    return text.data[3] == '$' ? span_from(text, 4) : (struct span){0};
}

static bool split(struct span text, struct parts *out)
{
    struct span rest = after_version(text);

    if (rest.len < 3 + SALT_LEN + HASH_LEN || !is_ascii_digit(rest.data[0]) ||
        !is_ascii_digit(rest.data[1]) || rest.data[2] != '$')
        return false;
    out->cost = (unsigned)(rest.data[0] - '0') * 10 + (unsigned)(rest.data[1] - '0');
    out->salt = span_make(rest.data + 3, SALT_LEN);
    out->hash = span_make(rest.data + 3 + SALT_LEN, HASH_LEN);
    return out->cost >= BCRYPT_COST_MIN && out->cost <= BCRYPT_COST_MAX && is_salt(out->salt);
}

unsigned bcrypt_cost(struct span hash)
{
    struct parts parts;

    return split(hash, &parts) ? parts.cost : 0;
}

/* libcrypt takes no password of more than 511 bytes, and bcrypt uses 72. */
static void copy_password(struct span password, char out[BCRYPT_PASSWORD_MAX + 1])
{
    size_t len = password.len < BCRYPT_PASSWORD_MAX ? password.len : BCRYPT_PASSWORD_MAX;

    assert(len == 0 || memchr(password.data, '\0', len) == NULL);
    if (len > 0)
        memcpy(out, password.data, len);
    out[len] = '\0';
}

/* @setting begins a hash. libcrypt treats the letters differently ($2a$ and $2x$ are old mistakes
 * to it), so the setting always says b. */
static bool compute(const char *setting, struct span password, char out[BCRYPT_SIZE])
{
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    char text[BCRYPT_PASSWORD_MAX + 1];
    const char *result;
    bool ok;

    copy_password(password, text);
    result = crypt_r(text, setting, data);
    ok = result != NULL && strlen(result) == BCRYPT_LEN && result[0] == '$';
    if (ok)
        memcpy(out, result, BCRYPT_SIZE);
    explicit_bzero(text, sizeof(text));
    explicit_bzero(data, sizeof(*data));
    free(data);
    return ok;
}

static bool is_same(const char *a, const char *b, size_t len)
{
    unsigned char difference = 0;

    for (size_t i = 0; i < len; i++)
        difference = (unsigned char)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

bool bcrypt_matches(struct span hash, struct span password)
{
    struct parts parts;
    char setting[BCRYPT_SIZE];
    char computed[BCRYPT_SIZE];

    if (!split(hash, &parts))
        return false;
    snprintf(setting, sizeof(setting), "$2b$%02u$%.*s", parts.cost, SPAN_ARGS(parts.salt));
    if (!compute(setting, password, computed))
        return false;
    return is_same(computed + BCRYPT_LEN - HASH_LEN, parts.hash.data, HASH_LEN);
}

int bcrypt_make(char letter, unsigned cost, struct span password, char out[BCRYPT_SIZE],
                struct error *err)
{
    uint8_t salt[SALT_BYTES];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    assert(cost >= BCRYPT_COST_MIN && cost <= BCRYPT_COST_MAX);
    random_fill(salt, sizeof(salt));
    if (crypt_gensalt_rn("$2b$", cost, (const char *)salt, sizeof(salt), setting,
                         sizeof(setting)) == NULL ||
        !compute(setting, password, out))
        return error_set(err, ERROR_INTERNAL, "libcrypt does not compute bcrypt");
    out[2] = letter;
    return 0;
}

void bcrypt_dummy(unsigned cost, char out[BCRYPT_SIZE])
{
    int len = snprintf(out, BCRYPT_SIZE, "$2b$%02u$......................%s", cost,
                       "0000000000000000000000000000000");

    assert(len == BCRYPT_LEN);
    (void)len;
}
