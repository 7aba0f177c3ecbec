/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_cache - see redis_cache.h.
 *
 *     get ----> one round trip, in the request's task
 *     put ----> queue ---\
 *                         teller: one task, in order, many at a time
 *     forget -> queue ---/
 *
 * What is to be put may be lost. What is to be forgotten is kept until Redis has heard of it: other
 * registries believe what they read there.
 */
#include "lib/cache/redis_cache.h"

#include "lib/base/log.h"
#include "lib/base/lru.h"
#include "lib/base/memory.h"
#include "lib/cache/redis_keys.h"
#include "lib/config/config.h"
#include "lib/task/task.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define PUTS_MAX    1024 /* jobs that wait */
#define FORGETS_MAX 10000
#define BATCH_MAX   16 /* jobs in one round trip */
#define REST_MS     500

enum job_kind { JOB_PUT, JOB_FORGET, JOB_KIND_COUNT };

struct job {
    enum job_kind kind;
    char *repository; /* owned */
    struct digest digest;
    int64_t size;
    struct task_wait *waiter; /* who wants to know that it was tried; NULL: nobody */
    TAILQ_ENTRY(job) entry;
};

struct redis_cache {
    struct redis *redis;
    struct lru *told; /* sizes by told_key; what Redis knows from us */
    TAILQ_HEAD(jobs, job) jobs;
    size_t counts[JOB_KIND_COUNT];
    struct task *teller; /* NULL: not started */
    struct task_wait due;
    struct task_wait ended;
    bool is_resting; /* the last try has failed: nobody waits for the next */
};

/* ---- jobs ---- */

/* One for each pair of repository and digest. @buffer holds what is lent. */
static struct span told_key(const char *repository, const struct digest *digest,
                            struct digest *buffer)
{
    char text[REPOSITORY_LEN_MAX + 2 + DIGEST_TEXT_SIZE];
    char digest_text[DIGEST_TEXT_SIZE];

    snprintf(text, sizeof(text), "%s %s", repository, digest_format(digest, digest_text));
    digest_of(DIGEST_SHA256, span_of(text), buffer);
    return span_make(buffer->bytes, digest_size(DIGEST_SHA256));
}

static void remove_job(struct redis_cache *cache, struct job *job)
{
    if (job->waiter != NULL)
        task_wake(job->waiter);
    TAILQ_REMOVE(&cache->jobs, job, entry);
    cache->counts[job->kind]--;
    free(job->repository);
    free(job);
}

static struct job *add_job(struct redis_cache *cache, enum job_kind kind, const char *repository,
                           const struct digest *digest, int64_t size)
{
    struct job *job = xcalloc(1, sizeof(*job));

    *job = (struct job){kind, xstrdup(repository), *digest, size, NULL, {0}};
    TAILQ_INSERT_TAIL(&cache->jobs, job, entry);
    cache->counts[kind]++;
    task_wake(&cache->due);
    return job;
}

/* What was to be put is dropped: it can be put another time. */
static void drop_puts(struct redis_cache *cache)
{
    struct job *next;

    for (struct job *job = TAILQ_FIRST(&cache->jobs); job != NULL; job = next) {
        next = TAILQ_NEXT(job, entry);
        if (job->kind == JOB_PUT)
            remove_job(cache, job);
    }
}

static void wake_waiters(struct redis_cache *cache)
{
    struct job *job;

    TAILQ_FOREACH(job, &cache->jobs, entry)
    {
        if (job->waiter != NULL)
            task_wake(job->waiter);
        job->waiter = NULL;
    }
}

/* ---- the teller ---- */

/* The first jobs, as one call. May suspend. @out_count: how many they were; jobs that come
 * meanwhile are behind them. */
static int tell_first(struct redis_cache *cache, size_t *out_count, struct error *err)
{
    struct redis_command commands[BATCH_MAX * REDIS_KEYS_PUT_COUNT];
    struct redis_keys *keys = xcalloc(BATCH_MAX, sizeof(*keys));
    struct redis_replies replies;
    struct job *job;
    size_t jobs = 0;
    size_t count = 0;
    int rc;

    TAILQ_FOREACH(job, &cache->jobs, entry)
    {
        if (jobs == BATCH_MAX)
            break;
        redis_keys_make(&keys[jobs], job->repository, &job->digest, job->size);
        if (job->kind == JOB_PUT)
            redis_keys_put(&keys[jobs], &commands[count]);
        else
            redis_keys_forget(&keys[jobs], &commands[count]);
        count += job->kind == JOB_PUT ? REDIS_KEYS_PUT_COUNT : REDIS_KEYS_FORGET_COUNT;
        jobs++;
    }
    *out_count = jobs;
    rc = redis_call(cache->redis, commands, count, &replies, err);
    if (rc == 0)
        redis_replies_fini(&replies);
    free(keys);
    return rc;
}

/* Everything there is to tell, until it is told or cannot be. May suspend. Nobody else removes
 * jobs. */
static int tell_all(struct redis_cache *cache, struct error *err)
{
    size_t count;

    while (!TAILQ_EMPTY(&cache->jobs)) {
        if (tell_first(cache, &count, err) < 0)
            return -1;
        while (count-- > 0)
            remove_job(cache, TAILQ_FIRST(&cache->jobs));
    }
    return 0;
}

/* After a failure: nobody waits, and what Redis knows is unknown. May suspend. */
static int rest(struct redis_cache *cache, struct error *err)
{
    int rc;

    lru_clear(cache->told);
    drop_puts(cache);
    wake_waiters(cache);
    if (TAILQ_EMPTY(&cache->jobs))
        return 0;
    cache->is_resting = true;
    rc = task_sleep(REST_MS, err);
    cache->is_resting = false;
    return rc;
}

/* Until it is canceled. */
static void teller_main(void *arg)
{
    struct redis_cache *cache = arg;
    struct error err = ERROR_INIT;
    int rc;

    do {
        if (TAILQ_EMPTY(&cache->jobs))
            rc = task_wait(&cache->due, TASK_NO_TIMEOUT, &err);
        else if ((rc = tell_all(cache, &err)) < 0 && err.code != ERROR_CANCELED)
            rc = rest(cache, &err);
    } while (rc == 0);
    cache->is_resting = true;
    wake_waiters(cache);
    task_wake(&cache->ended);
}

/* ---- what is asked of it ---- */

bool redis_cache_get(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t *out_size)
{
    struct digest buffer;
    struct span key = told_key(repository, canonical, &buffer);
    struct redis_keys keys;
    struct redis_command command;
    struct redis_replies replies;
    struct error err = ERROR_INIT;
    bool is_known;

    if (is_redis_away(cache->redis))
        return false;
    redis_keys_make(&keys, repository, canonical, 0);
    redis_keys_get(&keys, &command);
    if (redis_call(cache->redis, &command, 1, &replies, &err) < 0) {
        log_debug("descriptor cache: %s", err.message);
        return false;
    }
    is_known = redis_keys_read(&replies, canonical, out_size);
    redis_replies_fini(&replies);
    if (!is_known)
        lru_remove(cache->told, key); /* Redis has lost it, or never had it */
    return is_known;
}

void redis_cache_put(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t size)
{
    struct digest buffer;
    struct span key = told_key(repository, canonical, &buffer);
    const int64_t *told = lru_find(cache->told, key);

    if (is_redis_away(cache->redis) || cache->counts[JOB_PUT] == PUTS_MAX)
        return;
    if (told != NULL && *told == size)
        return;
    lru_put(cache->told, key, &size);
    add_job(cache, JOB_PUT, repository, canonical, size);
}

void redis_cache_forget(struct redis_cache *cache, const char *repository,
                        const struct digest *digest)
{
    struct digest buffer;
    struct span key = told_key(repository, digest, &buffer);
    struct task_wait tried = TASK_WAIT_INIT;
    struct error ignored = ERROR_INIT;
    struct job *job;

    lru_remove(cache->told, key);
    if (cache->counts[JOB_FORGET] == FORGETS_MAX) {
        log_warn("descriptor cache: %d deletions wait for redis already; that of %s is not kept",
                 FORGETS_MAX, repository);
        return;
    }
    job = add_job(cache, JOB_FORGET, repository, digest, 0);
    if (cache->teller == NULL || cache->is_resting || is_redis_away(cache->redis))
        return;
    job->waiter = &tried;
    task_shield();
    while (task_wait(&tried, TASK_NO_TIMEOUT, &ignored) < 0)
        continue;
    task_unshield();
}

/* ---- birth and death ---- */

static int milliseconds(int64_t ns)
{
    int64_t ms = ns / 1000000;

    return ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static size_t limit_of(int64_t number)
{
    return number > 0 ? (size_t)number : 0;
}

static struct redis_options options_of(const struct config *config)
{
    const struct config_texts *roots = &config->redis.tls.root_cas;

    return (struct redis_options){
        .addr = config->redis.server,
        .username = config->redis.username,
        .password = config->redis.password,
        .database = config->redis.database,
        .dial_ms = milliseconds(config->redis.dial_timeout_ns),
        .read_ms = milliseconds(config->redis.read_timeout_ns),
        .write_ms = milliseconds(config->redis.write_timeout_ns),
        .idle_max = limit_of(config->redis.pool.idle_max),
        .active_max = limit_of(config->redis.pool.active_max),
        .idle_ms = config->redis.pool.idle_timeout_ns > 0
                       ? milliseconds(config->redis.pool.idle_timeout_ns)
                       : 0,
        .tls.is_enabled = config->redis.tls.certificate[0] != '\0' ||
                          config->redis.tls.key[0] != '\0' || roots->count > 0,
        .tls.certificate = config->redis.tls.certificate,
        .tls.key = config->redis.tls.key,
        .tls.roots = (const char *const *)roots->items,
        .tls.root_count = roots->count,
    };
}

int redis_cache_open(const struct config *config, size_t entries, struct redis_cache **out,
                     struct error *err)
{
    struct redis_options options = options_of(config);
    struct redis_cache *cache = xcalloc(1, sizeof(*cache));

    if (redis_new(&options, &cache->redis, err) < 0) {
        free(cache);
        return -1;
    }
    cache->told =
        lru_new(&(struct lru_options){.value_size = sizeof(int64_t), .count_max = entries});
    TAILQ_INIT(&cache->jobs);
    *out = cache;
    return 0;
}

void redis_cache_close(struct redis_cache *cache)
{
    if (cache == NULL)
        return;
    while (!TAILQ_EMPTY(&cache->jobs))
        remove_job(cache, TAILQ_FIRST(&cache->jobs));
    lru_free(cache->told);
    redis_free(cache->redis);
    free(cache);
}

void redis_cache_start(struct redis_cache *cache)
{
    redis_start(cache->redis);
    cache->teller = task_spawn("descriptor-cache", teller_main, cache);
}

void redis_cache_stop(struct redis_cache *cache)
{
    struct error ignored = ERROR_INIT;

    if (cache->teller == NULL)
        return;
    task_cancel(cache->teller);
    task_shield();
    while (task_wait(&cache->ended, TASK_NO_TIMEOUT, &ignored) < 0)
        continue;
    task_unshield();
    cache->teller = NULL;
    redis_stop(cache->redis);
    if (cache->counts[JOB_FORGET] > 0)
        log_warn("descriptor cache: redis has not heard of %zu deletions; registries that believe "
                 "it may go on to see what was deleted",
                 cache->counts[JOB_FORGET]);
}
