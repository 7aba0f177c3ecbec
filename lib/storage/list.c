/* SPDX-License-Identifier: Apache-2.0
 *
 * list - the names of a directory's children; see driver.h. There may be a hundred thousand of
 * them: the texts share blocks, so that to free them takes the loop no time.
 */
#include "lib/base/memory.h"
#include "lib/storage/driver.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define BLOCK_MIN 256
#define BLOCK_MAX (64 * 1024)

struct storage_list_block {
    struct storage_list_block *next;
    size_t used;
    size_t size;
    char text[];
};

/* A block with room for @len bytes, twice as large as the one before. */
static struct storage_list_block *block_with_room(struct storage_list *list, size_t len)
{
    struct storage_list_block *block = list->blocks;
    size_t size = BLOCK_MIN;

    if (block != NULL && block->size - block->used >= len)
        return block;
    if (block != NULL)
        size = block->size < BLOCK_MAX ? block->size * 2 : block->size;
    if (size < len)
        size = len;
    block = xmalloc(sizeof(*block) + size);
    *block = (struct storage_list_block){.next = list->blocks, .size = size};
    list->blocks = block;
    return block;
}

static char *add_text(struct storage_list *list, struct span name)
{
    struct storage_list_block *block = block_with_room(list, name.len + 1);
    char *text = block->text + block->used;

    if (name.len > 0)
        memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    block->used += name.len + 1;
    return text;
}

void storage_list_add(struct storage_list *list, struct span name)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        list->names = xrealloc(list->names, list->capacity * sizeof(*list->names));
    }
    list->names[list->count++] = add_text(list, name);
}

/* strcmp compares as unsigned char: bytewise, whatever the locale. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void storage_list_sort(struct storage_list *list)
{
    if (list->count > 1)
        qsort(list->names, list->count, sizeof(*list->names), compare_names);
}

size_t storage_list_position(const struct storage_list *list, struct span name)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (span_compare(span_of(list->names[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void storage_list_filter(struct storage_list *list, bool (*is_kept)(struct span name))
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (is_kept(span_of(list->names[i])))
            list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

void storage_list_fini(struct storage_list *list)
{
    struct storage_list_block *next;

    for (struct storage_list_block *block = list->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(list->names);
    *list = (struct storage_list){0};
}

void storage_sweep_fini(struct storage_sweep *sweep)
{
    storage_list_fini(&sweep->litter);
    storage_list_fini(&sweep->directories);
}
