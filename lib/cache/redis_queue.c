/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_queue - see redis_queue.h.
 */
#include "lib/cache/redis_queue.h"

#include "lib/base/lru.h"
#include "lib/base/memory.h"
#include "lib/cache/redis_keys.h"

#include <stdlib.h>

#include "lib/base/banned.h"

static const size_t job_max[REDIS_JOB_KIND_COUNT] = {
    [REDIS_JOB_PUT] = 1024,
    [REDIS_JOB_FORGET] = REDIS_QUEUE_FORGETS_MAX,
};

/* In the frame of who waits. */
struct redis_waiter {
    struct task_wait wait;
    struct redis_job *job; /* NULL: it was tried */
};

void redis_queue_init(struct redis_queue *queue)
{
    *queue = (struct redis_queue){.counts = {0}};
    TAILQ_INIT(&queue->jobs);
    queue->forgets = lru_new(&(struct lru_options){
        .value_size = sizeof(struct redis_job *),
        .count_max = REDIS_QUEUE_FORGETS_MAX,
    });
}

void redis_queue_fini(struct redis_queue *queue)
{
    while (!TAILQ_EMPTY(&queue->jobs))
        redis_queue_remove(queue, TAILQ_FIRST(&queue->jobs));
    lru_free(queue->forgets);
}

/* ---- waiting ---- */

static void wake_waiter(struct redis_job *job)
{
    if (job->waiter == NULL)
        return;
    job->waiter->job = NULL;
    task_wake(&job->waiter->wait);
    job->waiter = NULL;
}

void redis_queue_wait(struct redis_job *job, int ms)
{
    struct redis_waiter waiter = {TASK_WAIT_INIT, job};
    struct error why = ERROR_INIT;
    int rc;

    job->waiter = &waiter;
    task_shield();
    rc = task_wait(&waiter.wait, ms, &why);
    task_unshield();
    if (rc < 0 && waiter.job != NULL)
        waiter.job->waiter = NULL;
}

void redis_queue_release(struct redis_queue *queue)
{
    struct redis_job *job;

    TAILQ_FOREACH(job, &queue->jobs, entry)
    {
        wake_waiter(job);
        job->is_sent = false;
    }
}

/* ---- jobs ---- */

/* The deletion of a pair that waits, and may be moved; NULL without. */
static struct redis_job *find_idle(struct redis_queue *queue, struct span key)
{
    struct redis_job **found = lru_find(queue->forgets, key);

    return found != NULL && (*found)->waiter == NULL && !(*found)->is_sent ? *found : NULL;
}

static struct redis_job *job_new(struct redis_queue *queue, enum redis_job_kind kind,
                                 const char *repository, const struct digest *digest, int64_t size)
{
    struct redis_job *job = xcalloc(1, sizeof(*job));

    job->kind = kind;
    job->repository = xstrdup(repository);
    job->digest = *digest;
    job->size = size;
    queue->counts[kind]++;
    return job;
}

struct redis_job *redis_queue_add(struct redis_queue *queue, enum redis_job_kind kind,
                                  const char *repository, const struct digest *digest, int64_t size)
{
    struct digest buffer;
    struct span key = redis_keys_pair(repository, digest, &buffer);
    struct redis_job *job = kind == REDIS_JOB_FORGET ? find_idle(queue, key) : NULL;

    if (job != NULL)
        TAILQ_REMOVE(&queue->jobs, job, entry);
    else if (queue->counts[kind] == job_max[kind])
        return NULL;
    else
        job = job_new(queue, kind, repository, digest, size);
    TAILQ_INSERT_TAIL(&queue->jobs, job, entry);
    if (kind == REDIS_JOB_FORGET)
        lru_put(queue->forgets, key, &job);
    return job;
}

void redis_queue_remove(struct redis_queue *queue, struct redis_job *job)
{
    struct digest buffer;
    struct span key = redis_keys_pair(job->repository, &job->digest, &buffer);
    struct redis_job **last = lru_find(queue->forgets, key);

    if (last != NULL && *last == job)
        lru_remove(queue->forgets, key);
    wake_waiter(job);
    TAILQ_REMOVE(&queue->jobs, job, entry);
    queue->counts[job->kind]--;
    free(job->repository);
    free(job);
}

void redis_queue_drop_puts(struct redis_queue *queue)
{
    struct redis_job *next;

    for (struct redis_job *job = TAILQ_FIRST(&queue->jobs); job != NULL; job = next) {
        next = TAILQ_NEXT(job, entry);
        if (job->kind == REDIS_JOB_PUT && !job->is_sent)
            redis_queue_remove(queue, job);
    }
}
