/* SPDX-License-Identifier: Apache-2.0
 *
 * hash_state - the digest side of an upload: hashing what passes by, keeping the state of it in
 * storage between requests, and hashing stored content again when there is no state to trust.
 *
 * Private to lib/registry; read upload.h first.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

#include <stdbool.h>

struct evbuffer;

/* Bytes hashed or read at a time; what a session holds in memory. */
#define HASH_PIECE_MAX (256 << 10)

/* Feeds all of @data to @hasher and leaves @data as it is. Much of it goes to a helper thread, so
 * the caller keeps @data to itself. May suspend. CANCELED: nothing was fed. */
must_check int hash_evbuffer(struct hasher *hasher, struct evbuffer *data, struct error *err);

/* Feeds the content of @key to @hasher, and to @also unless that is NULL, piece by piece. It is
 * read once: both are of the same bytes. May suspend. */
must_check int hash_content(struct store *store, const char *key, struct hasher *hasher,
                            struct hasher *also, struct error *err);

/*
 * hash_state_load - a sha256 hasher of the first @size bytes of a session's data. May suspend.
 *
 * Goes on from the saved state where there is one to trust (well-formed, its own count equal to
 * its name), else reads the data again, which must hold exactly @size bytes. @out_is_saved tells
 * which. Given: hasher_free.
 */
must_check int hash_state_load(struct registry *registry, const char *repository, const char *uuid,
                               int64_t size, struct hasher **out, bool *out_is_saved,
                               struct error *err);

/* The same from the data alone. May suspend. Given: hasher_free. */
must_check int hash_state_rebuild(struct registry *registry, const char *repository,
                                  const char *uuid, int64_t size, struct hasher **out,
                                  struct error *err);

/* Saves the state of @hasher under the name of its count. May suspend. */
must_check int hash_state_save(struct registry *registry, const char *repository, const char *uuid,
                               const struct hasher *hasher, struct error *err);
