/* SPDX-License-Identifier: Apache-2.0
 *
 * hasher - digests in the making, see digest.h.
 *
 * OpenSSL's old SHA256_CTX rather than EVP: only there can the state be taken out and put back.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/base/memory.h"
#include "lib/oci/digest.h"

#include <openssl/sha.h>
#include <string.h>

#include "lib/base/banned.h"

#define MAGIC      "sha\x03"
#define BLOCK_SIZE 64

struct hasher {
    enum digest_algorithm algorithm;
    int64_t count;
    union {
        SHA256_CTX sha256;
        SHA512_CTX sha512; /* sha384 too */
    } context;
};

struct hasher *hasher_new(enum digest_algorithm algorithm)
{
    struct hasher *hasher = xcalloc(1, sizeof(*hasher));

    hasher->algorithm = algorithm;
    if (algorithm == DIGEST_SHA256)
        SHA256_Init(&hasher->context.sha256);
    else if (algorithm == DIGEST_SHA384)
        SHA384_Init(&hasher->context.sha512);
    else
        SHA512_Init(&hasher->context.sha512);
    return hasher;
}

void hasher_free(struct hasher *hasher)
{
    free(hasher);
}

void hasher_update(struct hasher *hasher, const void *data, size_t len)
{
    if (hasher->algorithm == DIGEST_SHA256)
        SHA256_Update(&hasher->context.sha256, data, len);
    else
        SHA512_Update(&hasher->context.sha512, data,
                      len); /* sha384 differs in start and end only */
    hasher->count += (int64_t)len;
}

int64_t hasher_count(const struct hasher *hasher)
{
    return hasher->count;
}

void hasher_digest(const struct hasher *hasher, struct digest *out)
{
    struct hasher copy = *hasher; /* finishing pads: the original goes on */
    struct digest digest = {.algorithm = hasher->algorithm};

    if (hasher->algorithm == DIGEST_SHA256)
        SHA256_Final(digest.bytes, &copy.context.sha256);
    else if (hasher->algorithm == DIGEST_SHA384)
        SHA384_Final(digest.bytes, &copy.context.sha512);
    else
        SHA512_Final(digest.bytes, &copy.context.sha512);
    *out = digest;
}

static void put_big_endian(uint8_t *out, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static uint64_t get_big_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

void hasher_export(const struct hasher *hasher, uint8_t out[HASHER_STATE_SIZE])
{
    const SHA256_CTX *context = &hasher->context.sha256;

    memset(out, 0, HASHER_STATE_SIZE);
    memcpy(out, MAGIC, 4);
    for (size_t i = 0; i < 8; i++)
        put_big_endian(out + 4 + 4 * i, context->h[i], 4);
    memcpy(out + 36, context->data, context->num);
    put_big_endian(out + 100, (uint64_t)hasher->count, 8);
}

struct hasher *hasher_import(struct span state, int64_t count)
{
    const uint8_t *bytes = (const uint8_t *)state.data;
    struct hasher *hasher;
    SHA256_CTX *context;
    uint64_t bits;

    if (count < 0 || count > INT64_MAX / 8 || state.len != HASHER_STATE_SIZE ||
        memcmp(bytes, MAGIC, 4) != 0 || get_big_endian(bytes + 100, 8) != (uint64_t)count)
        return NULL;
    hasher = hasher_new(DIGEST_SHA256);
    hasher->count = count;
    context = &hasher->context.sha256;
    for (size_t i = 0; i < 8; i++)
        context->h[i] = (SHA_LONG)get_big_endian(bytes + 4 + 4 * i, 4);
    context->num = (unsigned)(count % BLOCK_SIZE);
    memcpy(context->data, bytes + 36, context->num);
    bits = (uint64_t)count * 8;
    context->Nl = (SHA_LONG)bits;
    context->Nh = (SHA_LONG)(bits >> 32);
    return hasher;
}

void digest_of(enum digest_algorithm algorithm, struct span content, struct digest *out)
{
    struct hasher *hasher = hasher_new(algorithm);

    hasher_update(hasher, content.data, content.len);
    hasher_digest(hasher, out);
    hasher_free(hasher);
}
