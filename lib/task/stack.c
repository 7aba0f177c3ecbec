/* SPDX-License-Identifier: Apache-2.0
 *
 * stack - see stack.h.
 */
#include "lib/task/stack.h"

#include "lib/task/sanitizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define POOL_MAX 32

/* Sanitizers put red zones around every variable. */
#define STACK_SIZE (SANITIZER_IS_ON ? 1024 * 1024 : 256 * 1024)

static struct stack pool[POOL_MAX];
static size_t pool_count;

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

struct stack stack_new(void)
{
    size_t guard = page_size();
    char *map;

    if (pool_count > 0)
        return pool[--pool_count];
    map = mmap(NULL, guard + STACK_SIZE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED || mprotect(map, guard, PROT_NONE) < 0) {
        perror("mapping a task's stack");
        abort();
    }
    return (struct stack){map + guard, STACK_SIZE};
}

static void unmap(struct stack stack)
{
    size_t guard = page_size();

    munmap((char *)stack.base - guard, guard + stack.size);
}

void stack_free(struct stack stack)
{
    if (pool_count == POOL_MAX) {
        unmap(stack);
        return;
    }
    sanitizer_forget(stack.base, stack.size);
    pool[pool_count++] = stack;
}

void stack_pool_drain(void)
{
    while (pool_count > 0)
        unmap(pool[--pool_count]);
}
