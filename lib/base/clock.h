/* SPDX-License-Identifier: Apache-2.0
 *
 * clock - instants and their text.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_RFC3339_SIZE 40 /* bytes that hold any clock_format_rfc3339 text with its NUL */

/* Nanoseconds. */
#define CLOCK_MS_NS     INT64_C(1000000)
#define CLOCK_SECOND_NS INT64_C(1000000000)

/* Nanoseconds since an arbitrary start; never goes back. For durations. */
int64_t clock_monotonic_ns(void);
int64_t clock_monotonic_ms(void);

/*
 * clock_wait_ms - @ns as the milliseconds of a wait or a timeout.
 *
 * Rounded up: no wait is shorter than asked for, and 1 ns is 1 ms, not 0, which is "none" to many.
 * Nothing and less is 0, more than an int holds INT_MAX (24 days).
 */
int clock_wait_ms(int64_t ns);

struct timespec clock_now(void); /* wall clock, UTC */

/* "2026-11-21T06:45:51.046786684Z": up to nine digits of fraction, trailing zeros removed, no point
 * without a fraction. UTC. Source: RFC 3339, the form upstream prints. */
void clock_format_rfc3339(struct timespec at, char out[CLOCK_RFC3339_SIZE]);

/* Any RFC 3339 date-time, with fraction and offset; nothing may follow it. */
bool clock_parse_rfc3339(struct span text, struct timespec *out);

#define CLOCK_DURATION_SIZE 48

/* "1.5ms", "17µs", "1m2.003s", "24h0m0s", "0s": up to nine digits of fraction, trailing zeros
 * removed. Source: the form upstream prints. */
void clock_format_duration(int64_t ns, char out[CLOCK_DURATION_SIZE]);
