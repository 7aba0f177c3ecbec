/* SPDX-License-Identifier: Apache-2.0
 *
 * content - bytes in chunks of a fixed size that only ever grow, shared by whoever holds a
 * reference. A reader that keeps to the size it saw sees the same bytes for ever.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct content {
    int64_t size;      /* bytes */
    bool is_writing;   /* a writer has it */
    unsigned refs;     /* content_ref, content_unref */
    char **chunks;     /* owned; each CONTENT_CHUNK bytes, but the first as long as it needs */
    size_t first_size; /* bytes allocated for the first chunk */
    size_t chunk_capacity;
};

#define CONTENT_CHUNK 65536

struct content *content_new(void); /* given: content_unref */
struct content *content_ref(struct content *content);
void content_unref(struct content *content); /* NULL is fine */

void content_append(struct content *content, const void *data, size_t len);

/* The bytes at @offset that lie together in memory, at most @max; lent until the next append. 0 at
 * the end. */
size_t content_peek(const struct content *content, int64_t offset, size_t max, const char **out);
