/* SPDX-License-Identifier: Apache-2.0
 *
 * stack - stacks for tasks: mapped lazily, below each a page that faults on overflow, pooled.
 */
#pragma once

#include <stddef.h>

struct stack {
    void *base; /* lowest usable address */
    size_t size;
};

struct stack stack_new(void); /* given: stack_free */
void stack_free(struct stack stack);
void stack_pool_drain(void); /* unmaps the pooled ones */
