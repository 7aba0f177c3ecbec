/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_queue - what Redis is to be told, in order. Private to lib/cache.
 *
 *     put ---> put ---> forget ---> put        the first go out together: is_sent
 *
 * What is to be put may be dropped. What is to be forgotten stays until Redis has heard of it;
 * while nobody waits for it, it is there once for each pair of repository and digest.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/task/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define REDIS_QUEUE_FORGETS_MAX 10000

struct lru;

enum redis_job_kind { REDIS_JOB_PUT, REDIS_JOB_FORGET, REDIS_JOB_KIND_COUNT };

struct redis_job {
    enum redis_job_kind kind;
    char *repository; /* owned */
    struct digest digest;
    int64_t size;
    bool is_sent;                /* it may have reached Redis already */
    struct redis_waiter *waiter; /* who wants to know that it was tried; NULL: nobody */
    TAILQ_ENTRY(redis_job) entry;
};

struct redis_queue {
    TAILQ_HEAD(redis_jobs, redis_job) jobs;
    size_t counts[REDIS_JOB_KIND_COUNT];
    struct lru *forgets; /* the last job to forget a pair */
};

void redis_queue_init(struct redis_queue *queue);
void redis_queue_fini(struct redis_queue *queue);

/* At the end of the queue; lent until it is removed. NULL: it is full of this kind. A deletion that
 * waits already, with nobody waiting for it, is moved to the end. */
struct redis_job *redis_queue_add(struct redis_queue *queue, enum redis_job_kind kind,
                                  const char *repository, const struct digest *digest,
                                  int64_t size);
void redis_queue_remove(struct redis_queue *queue, struct redis_job *job); /* wakes its waiter */

/* What was to be put and is not sent: it can be put another time. */
void redis_queue_drop_puts(struct redis_queue *queue);

/* Nobody waits any longer, and nothing counts as sent. */
void redis_queue_release(struct redis_queue *queue);

/* Until @job was tried, @ms at most; nobody else waits for it. May suspend; is not canceled. */
void redis_queue_wait(struct redis_job *job, int ms);
