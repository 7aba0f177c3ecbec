/* SPDX-License-Identifier: Apache-2.0
 *
 * content - see content.h.
 */
#include "drivers/inmemory/content.h"

#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct content *content_new(void)
{
    struct content *content = xcalloc(1, sizeof(*content));

    content->refs = 1;
    return content;
}

struct content *content_ref(struct content *content)
{
    content->refs++;
    return content;
}

static size_t chunk_count(const struct content *content)
{
    return (size_t)((content->size + CONTENT_CHUNK - 1) / CONTENT_CHUNK);
}

void content_unref(struct content *content)
{
    if (content == NULL || --content->refs > 0)
        return;
    for (size_t i = 0; i < chunk_count(content); i++)
        free(content->chunks[i]);
    free(content->chunks);
    free(content);
}

/* Most content is a link of a few bytes: the first chunk grows by doubling. */
static void grow_first(struct content *content, size_t size)
{
    if (size <= content->first_size)
        return;
    if (size < 2 * content->first_size)
        size = 2 * content->first_size;
    if (size > CONTENT_CHUNK)
        size = CONTENT_CHUNK;
    content->chunks[0] = xrealloc(content->chunks[0], size);
    content->first_size = size;
}

/* Makes chunk @index hold at least @size bytes. */
static void reserve_chunk(struct content *content, size_t index, size_t size)
{
    if (index >= content->chunk_capacity) {
        size_t capacity = index > 0 ? 2 * index : 1;

        content->chunks = xrealloc(content->chunks, capacity * sizeof(*content->chunks));
        for (size_t i = content->chunk_capacity; i < capacity; i++)
            content->chunks[i] = NULL;
        content->chunk_capacity = capacity;
    }
    if (index == 0)
        grow_first(content, size);
    else if (content->chunks[index] == NULL)
        content->chunks[index] = xmalloc(CONTENT_CHUNK);
}

void content_append(struct content *content, const void *data, size_t len)
{
    const char *from = data;

    while (len > 0) {
        size_t index = (size_t)(content->size / CONTENT_CHUNK);
        size_t used = (size_t)(content->size % CONTENT_CHUNK);
        size_t part = len < CONTENT_CHUNK - used ? len : CONTENT_CHUNK - used;

        reserve_chunk(content, index, used + part);
        memcpy(content->chunks[index] + used, from, part);
        content->size += (int64_t)part;
        from += part;
        len -= part;
    }
}

size_t content_peek(const struct content *content, int64_t offset, size_t max, const char **out)
{
    size_t used = (size_t)(offset % CONTENT_CHUNK);
    size_t part = CONTENT_CHUNK - used;

    if (offset >= content->size)
        return 0;
    if ((uint64_t)(content->size - offset) < part)
        part = (size_t)(content->size - offset);
    *out = content->chunks[offset / CONTENT_CHUNK] + used;
    return part < max ? part : max;
}
