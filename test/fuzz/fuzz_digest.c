/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_digest - any bytes as a digest: what is accepted prints as it was; and as a hash state: what
 * is accepted goes on as if it had never been stored.
 */
#include "lib/base/memory.h"
#include "lib/oci/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct span text)
{
    struct digest digest;
    struct digest again;
    char printed[DIGEST_TEXT_SIZE];

    if (!digest_parse(text, &digest))
        return;
    assert(is_digest_shaped(text));
    assert(span_is(text, digest_format(&digest, printed)));
    assert(digest_parse(span_of(printed), &again) && digest_equals(&digest, &again));
}

static void check_state(struct span state)
{
    uint8_t exported[HASHER_STATE_SIZE];
    uint64_t count = 0;
    struct hasher *hasher;
    struct hasher *other;
    struct digest digest;
    struct digest again;

    for (size_t i = 100; i < 108 && i < state.len; i++)
        count = count << 8 | (uint8_t)state.data[i];
    hasher = hasher_import(state, (int64_t)count);
    assert(hasher_import(state, (int64_t)(count ^ 1)) == NULL);
    if (hasher == NULL)
        return;
    hasher_export(hasher, exported);
    assert(memcmp(exported, state.data, 36) == 0);
    other = hasher_import(span_make(exported, sizeof(exported)), (int64_t)count);
    assert(other != NULL);
    if (count < (uint64_t)1 << 59) {
        hasher_update(hasher, state.data, state.len);
        hasher_update(other, state.data, state.len);
    }
    hasher_digest(hasher, &digest);
    hasher_digest(other, &again);
    assert(digest_equals(&digest, &again));
    hasher_free(hasher);
    hasher_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(span_make(data, size));
    check_state(span_make(data, size));
    return 0;
}
