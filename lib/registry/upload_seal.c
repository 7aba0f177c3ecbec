/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_seal - see upload_seal.h.
 */
#include "lib/registry/upload_seal.h"

#include "lib/base/banned.h"

struct upload_seal upload_seal_of(const struct storage_writer *writer, const struct hasher *hasher)
{
    struct upload_seal seal = {.is_there = false};
    uint8_t state[HASHER_STATE_SIZE];
    struct digest data;
    struct hasher *both;

    if (!store_writer_seal(writer, &data))
        return seal;
    hasher_export(hasher, state);
    both = hasher_new(DIGEST_SHA256);
    hasher_update(both, data.bytes, digest_size(data.algorithm));
    hasher_update(both, state, sizeof(state));
    hasher_digest(both, &seal.digest);
    hasher_free(both);
    seal.is_there = true;
    return seal;
}

bool upload_seal_equals(const struct upload_seal *a, const struct upload_seal *b)
{
    return a->is_there && b->is_there && digest_equals(&a->digest, &b->digest);
}
