/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_jwk - any bytes as a JWKS or as a bundle of certificates: each key that is taken is found by
 * its names, and signs with something.
 *
 * Input: the first byte says which, 'p' for PEM; the rest is the file.
 */
#include "auth/token/keys.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const algorithms[] = {"RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"};

/* How many keys there are for all algorithms, by looking for @key_id. */
static size_t find(const struct keys *keys, const char *key_id)
{
    size_t count = 0;

    for (size_t i = 0; i < array_count(algorithms); i++) {
        const struct key *key = keys_find(keys, key_id, signature_find(algorithms[i]));

        if (key == NULL)
            continue;
        assert(signature_is_usable(key->public));
        assert(keys_find(keys, key->id.libtrust, signature_find(algorithms[i])) != NULL);
        assert(keys_find(keys, key->id.thumbprint, signature_find(algorithms[i])) != NULL);
        assert(strlen(key->id.libtrust) == KEY_ID_LIBTRUST_SIZE - 1);
        assert(strlen(key->id.thumbprint) == JWK_THUMBPRINT_SIZE - 1);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_str warnings = STR_INIT(KEYS_WARNINGS_MAX);
    auto_str json = STR_INIT(KEYS_FILE_MAX);
    auto_keys struct keys *keys = keys_new();
    struct error err = ERROR_INIT;
    int result;

    if (size == 0 || size > KEYS_FILE_MAX)
        return 0;
    if (data[0] == 'p') {
        result = keys_add_bundle(keys, span_make(data + 1, size - 1), &warnings, &err);
    } else {
        str_append(&json, span_make(data + 1, size - 1));
        result = keys_add_jwks(keys, &json, &warnings, &err);
    }
    assert(result == 0 || (err.code == ERROR_INVALID && err.message[0] != '\0'));
    assert(keys_count(keys) > 0 || find(keys, "k") == 0);
    assert(find(keys, "") == 0);
    (void)find(keys, "k");
    return 0;
}
