/* SPDX-License-Identifier: Apache-2.0
 *
 * sanitizer - tells AddressSanitizer, ThreadSanitizer and valgrind of switches between stacks.
 * Compiles to nothing in other builds.
 */
#pragma once

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER_ADDRESS 1
#endif
#if __has_feature(thread_sanitizer)
#define SANITIZER_THREAD 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZER_ADDRESS 1
#endif
#ifdef __SANITIZE_THREAD__
#define SANITIZER_THREAD 1
#endif

#ifdef SANITIZER_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SANITIZER_THREAD
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#if defined(SANITIZER_ADDRESS) || defined(SANITIZER_THREAD)
#define SANITIZER_IS_ON 1
#else
#define SANITIZER_IS_ON 0
#endif

/* One side of a switch: the loop's own stack, or a task's. */
struct sanitizer_fiber {
    void *fake_stack;
    const void *base;
    size_t size;
    void *tsan;
    unsigned valgrind_id;
};

static inline void sanitizer_fiber_init(struct sanitizer_fiber *fiber, void *base, size_t size)
{
    *fiber = (struct sanitizer_fiber){.base = base, .size = size};
#ifdef SANITIZER_THREAD
    fiber->tsan = __tsan_create_fiber(0);
#endif
#ifdef VALGRIND_STACK_REGISTER
    fiber->valgrind_id = VALGRIND_STACK_REGISTER(base, (char *)base + size);
#endif
}

static inline void sanitizer_fiber_fini(struct sanitizer_fiber *fiber)
{
#ifdef SANITIZER_THREAD
    __tsan_destroy_fiber(fiber->tsan);
#endif
#ifdef VALGRIND_STACK_DEREGISTER
    VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
#endif
    (void)fiber;
}

/* The loop's own stack, at the time of the first switch away from it. */
static inline void sanitizer_fiber_current(struct sanitizer_fiber *fiber)
{
    (void)fiber;
#ifdef SANITIZER_THREAD
    fiber->tsan = __tsan_get_current_fiber();
#endif
}

/* Before a switch. @is_last: the stack we leave will never be resumed. */
static inline void sanitizer_leave(struct sanitizer_fiber *from, struct sanitizer_fiber *to,
                                   int is_last)
{
    (void)from, (void)to, (void)is_last;
#ifdef SANITIZER_ADDRESS
    __sanitizer_start_switch_fiber(is_last ? NULL : &from->fake_stack, to->base, to->size);
#endif
#ifdef SANITIZER_THREAD
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* After a switch, on the stack that was switched to; @from is the one we come from. */
static inline void sanitizer_arrive(struct sanitizer_fiber *from, struct sanitizer_fiber *to)
{
    (void)from, (void)to;
#ifdef SANITIZER_ADDRESS
    __sanitizer_finish_switch_fiber(to->fake_stack, &from->base, &from->size);
#endif
}

/* A stack goes back to the pool: what its frames left poisoned is plain memory again. */
static inline void sanitizer_forget(void *base, size_t size)
{
    (void)base, (void)size;
#ifdef SANITIZER_ADDRESS
    __asan_unpoison_memory_region(base, size);
#endif
}
