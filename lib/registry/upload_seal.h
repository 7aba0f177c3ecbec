/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_seal - what makes a saved hash state worth believing on a store without locks.
 *
 * There, two processes that write one session at once may leave the data of one and the state of
 * the other. A seal is of both: of what the store says the data is made of (store_writer_seal) and
 * of the state. Whoever has hashed all of the data gives it to the client, in the token of the
 * session, which only processes with the same secret can make. The next one, wherever it runs,
 * believes the state it finds if the seal of what it finds is that of the token. So an old token,
 * or one of another request at the same time, is no danger: it is of other data, or another state.
 *
 *     seal = SHA-256(seal of the data, 32 bytes || state, 108 bytes)
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/storage/store.h"

#include <stdbool.h>

struct upload_seal {
    bool is_there; /* else nobody vouches for the state */
    struct digest digest;
};

/* Of what a writer has flushed and @hasher, of as many bytes. Not there where the store has locks
 * or cannot tell. Does not suspend. */
struct upload_seal upload_seal_of(const struct storage_writer *writer, const struct hasher *hasher);

/* Whether both are there and the same. */
bool upload_seal_equals(const struct upload_seal *a, const struct upload_seal *b);
