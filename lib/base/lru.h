/* SPDX-License-Identifier: Apache-2.0
 *
 * lru - a bounded table: a value of fixed size for each key, and the keys used last stay.
 *
 *     key --> chain --> entry        entries in the order of use:  newest ... oldest --> goes first
 *
 * Keys are any bytes, of any length. Nobody outside can choose keys that share a chain. Looking up
 * allocates nothing. It knows no time: what expires says so in its value, and whoever finds it too
 * old removes it. One thread at a time.
 */
#pragma once

#include "lib/base/span.h"

#include <stddef.h>

struct lru;

/* Told of each value that goes: replaced, removed, pushed out by newer ones, or cleared away. Must
 * not use the table. */
typedef void lru_drop_cb(void *value, void *arg);

struct lru_options {
    size_t value_size;    /* bytes; 0: keys alone */
    size_t count_max;     /* at least 1 */
    lru_drop_cb *on_drop; /* NULL: there is nothing to tell */
    void *arg;            /* lent to on_drop; outlives the table */
};

struct lru *lru_new(const struct lru_options *options); /* given: lru_free */
void lru_free(struct lru *lru);                         /* NULL is fine */

/* The value of @key, which now is the key used last; aligned for any type; lent until the next call
 * that changes the table. NULL: it is not known. */
void *lru_find(struct lru *lru, struct span key);

/* Copies @value (value_size bytes) in under a copy of @key, which now is the key used last; a full
 * table drops the key whose last use is longest ago. */
void lru_put(struct lru *lru, struct span key, const void *value);

void lru_remove(struct lru *lru, struct span key); /* a key that is not known is fine */
void lru_remove_oldest(struct lru *lru);           /* so is an empty table */
void lru_clear(struct lru *lru);
