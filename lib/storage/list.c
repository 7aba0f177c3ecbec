/* SPDX-License-Identifier: Apache-2.0
 *
 * list - the names of a directory's children; see driver.h.
 */
#include "lib/base/memory.h"
#include "lib/storage/driver.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

void storage_list_add(struct storage_list *list, struct span name)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        list->names = xrealloc(list->names, list->capacity * sizeof(*list->names));
    }
    list->names[list->count++] = xstrndup(name.len > 0 ? name.data : "", name.len);
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

void storage_list_fini(struct storage_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct storage_list){0};
}
