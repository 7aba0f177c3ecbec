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

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/lru.h"
#include "lib/base/memory.h"
#include "lib/cache/redis_keys.h"
#include "lib/cache/redis_queue.h"
#include "lib/config/config.h"
#include "lib/task/background.h"

#include "lib/base/banned.h"

#define BATCH_MAX 16 /* jobs in one round trip */

#define REST_MS     500 /* after a failure; doubled while deletions are refused */
#define REST_MAX_MS 60000
#define BUSY_MS     20    /* until a connection may be free */
#define REFUSED_MS  10000 /* nothing is put after Redis has refused something */
#define PATIENCE_MS 3000  /* of a deletion, for Redis to hear of it */
#define FAREWELL_MS 2500  /* ... of all that wait when the server stops */

struct redis_cache {
    struct redis *redis;
    struct lru *told; /* sizes by redis_keys_pair; what Redis knows from us */
    struct redis_queue queue;
    int64_t puts_again_at; /* monotonic, ms */
    int rest_ms;           /* the next rest */
    struct background teller;
    struct task_wait due;
    struct task_wait hurry; /* the teller shall rest no longer */
    struct task_wait tried; /* all is told, or cannot be */
    bool is_resting;        /* the last try has failed: nobody waits for the next */
    bool is_stopping;
};

/* ---- the teller ---- */

/* The first jobs, as commands. Returns how many jobs. */
static size_t write_first(struct redis_cache *cache, struct redis_keys *keys,
                          struct redis_command *commands, size_t *out_count)
{
    struct redis_job *job;
    size_t jobs = 0;
    size_t count = 0;

    TAILQ_FOREACH(job, &cache->queue.jobs, entry)
    {
        if (jobs == BATCH_MAX)
            break;
        redis_keys_make(&keys[jobs], job->repository, &job->digest, job->size);
        if (job->kind == REDIS_JOB_PUT)
            redis_keys_put(&keys[jobs], &commands[count]);
        else
            redis_keys_forget(&keys[jobs], &commands[count]);
        count += job->kind == REDIS_JOB_PUT ? REDIS_KEYS_PUT_COUNT : REDIS_KEYS_FORGET_COUNT;
        job->is_sent = true;
        jobs++;
    }
    *out_count = count;
    return jobs;
}

/* They are told as one call. May suspend. @out_jobs: how many they were; jobs that come meanwhile
 * are behind them. */
static int tell_first(struct redis_cache *cache, size_t *out_jobs, struct error *err)
{
    struct redis_command commands[BATCH_MAX * REDIS_KEYS_PUT_COUNT];
    struct redis_keys *keys = xcalloc(BATCH_MAX, sizeof(*keys));
    struct redis_replies replies;
    size_t count;
    int rc;

    *out_jobs = write_first(cache, keys, commands, &count);
    while ((rc = redis_call(cache->redis, commands, count, &replies, err)) < 0 &&
           err->code == ERROR_BUSY) {
        if (task_sleep(BUSY_MS, err) < 0)
            break;
    }
    if (rc == 0)
        redis_replies_fini(&replies);
    free(keys);
    return rc;
}

/* Everything there is to tell, until it is told or cannot be. May suspend. Nobody else removes
 * jobs that are sent. */
static int tell_all(struct redis_cache *cache, struct error *err)
{
    size_t jobs;

    while (!TAILQ_EMPTY(&cache->queue.jobs)) {
        if (tell_first(cache, &jobs, err) < 0)
            return -1;
        while (jobs-- > 0)
            redis_queue_remove(&cache->queue, TAILQ_FIRST(&cache->queue.jobs));
        cache->rest_ms = REST_MS;
    }
    task_wake(&cache->tried);
    return 0;
}

/* What was refused is tried less and less often: it is no use, and no good to others who ask. */
static int next_rest(struct redis_cache *cache, enum error_code code)
{
    int ms = cache->rest_ms;

    if (code != ERROR_DENIED)
        return REST_MS;
    cache->rest_ms = 2 * ms < REST_MAX_MS ? 2 * ms : REST_MAX_MS;
    return ms;
}

/* After a failure: nobody waits, and what Redis knows is unknown. May suspend. */
static int rest(struct redis_cache *cache, enum error_code code, struct error *err)
{
    struct error why = ERROR_INIT;
    int rc;

    if (code == ERROR_DENIED)
        cache->puts_again_at = clock_monotonic_ms() + REFUSED_MS;
    lru_clear(cache->told);
    redis_queue_release(&cache->queue);
    redis_queue_drop_puts(&cache->queue);
    if (TAILQ_EMPTY(&cache->queue.jobs))
        return 0;
    cache->is_resting = true;
    task_wake(&cache->tried);
    rc = task_wait(&cache->hurry, next_rest(cache, code), &why);
    cache->is_resting = false;
    if (rc == 0 || why.code == ERROR_TIMEOUT)
        return 0;
    *err = why;
    return -1;
}

/* Until it is canceled. */
static void teller_main(void *arg)
{
    struct redis_cache *cache = arg;
    struct error err = ERROR_INIT;
    int rc;

    do {
        if (TAILQ_EMPTY(&cache->queue.jobs))
            rc = task_wait(&cache->due, TASK_NO_TIMEOUT, &err);
        else if ((rc = tell_all(cache, &err)) < 0 && err.code != ERROR_CANCELED)
            rc = rest(cache, err.code, &err);
    } while (rc == 0);
    cache->is_resting = true;
    redis_queue_release(&cache->queue);
}

/* ---- what is asked of it ---- */

bool redis_cache_get(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t *out_size)
{
    struct digest buffer;
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
    if (!is_known) /* Redis has lost it, or never had it */
        lru_remove(cache->told, redis_keys_pair(repository, canonical, &buffer));
    return is_known;
}

/* Nothing is put that would be refused, or not be told any more. */
static bool takes_puts(const struct redis_cache *cache)
{
    return !is_redis_away(cache->redis) && !cache->is_stopping &&
           clock_monotonic_ms() >= cache->puts_again_at;
}

void redis_cache_put(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t size)
{
    struct digest buffer;
    struct span key = redis_keys_pair(repository, canonical, &buffer);
    const int64_t *told = lru_find(cache->told, key);

    if (!takes_puts(cache) || (told != NULL && *told == size))
        return;
    if (redis_queue_add(&cache->queue, REDIS_JOB_PUT, repository, canonical, size) == NULL)
        return;
    lru_put(cache->told, key, &size);
    task_wake(&cache->due);
}

void redis_cache_forget(struct redis_cache *cache, const char *repository,
                        const struct digest *digest)
{
    struct digest buffer;
    struct redis_job *job;

    lru_remove(cache->told, redis_keys_pair(repository, digest, &buffer));
    job = redis_queue_add(&cache->queue, REDIS_JOB_FORGET, repository, digest, 0);
    if (job == NULL) {
        log_warn("descriptor cache: %d deletions wait for redis already; that of %s is not kept",
                 REDIS_QUEUE_FORGETS_MAX, repository);
        return;
    }
    task_wake(&cache->due);
    if (is_background_running(&cache->teller) && !cache->is_resting && !is_redis_away(cache->redis))
        redis_queue_wait(job, PATIENCE_MS);
}

/* ---- birth and death ---- */

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
        .dial_ms = clock_wait_ms(config->redis.dial_timeout_ns),
        .read_ms = clock_wait_ms(config->redis.read_timeout_ns),
        .write_ms = clock_wait_ms(config->redis.write_timeout_ns),
        .idle_max = limit_of(config->redis.pool.idle_max),
        .active_max = limit_of(config->redis.pool.active_max),
        .idle_ms = clock_wait_ms(config->redis.pool.idle_timeout_ns),
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
    cache->rest_ms = REST_MS;
    redis_queue_init(&cache->queue);
    *out = cache;
    return 0;
}

void redis_cache_close(struct redis_cache *cache)
{
    if (cache == NULL)
        return;
    redis_queue_fini(&cache->queue);
    lru_free(cache->told);
    redis_free(cache->redis);
    free(cache);
}

void redis_cache_start(struct redis_cache *cache)
{
    redis_start(cache->redis);
    background_start(&cache->teller, "descriptor-cache", teller_main, cache);
}

/* Deletions that Redis has not heard of make others see what is gone, and after us nobody tells
 * them: one more look, one more try, of a bounded time. May suspend. */
static void say_farewell(struct redis_cache *cache)
{
    struct error ignored = ERROR_INIT;

    cache->is_stopping = true;
    redis_queue_drop_puts(&cache->queue);
    if (cache->queue.counts[REDIS_JOB_FORGET] == 0 || !redis_look(cache->redis, FAREWELL_MS))
        return;
    cache->tried = TASK_WAIT_INIT;
    task_wake(&cache->hurry);
    if (task_wait(&cache->tried, FAREWELL_MS, &ignored) < 0)
        log_debug("descriptor cache: redis is too slow for what is left to tell");
}

void redis_cache_stop(struct redis_cache *cache)
{
    if (!is_background_running(&cache->teller))
        return;
    task_shield();
    say_farewell(cache);
    task_unshield();
    background_stop(&cache->teller);
    redis_stop(cache->redis);
    if (cache->queue.counts[REDIS_JOB_FORGET] > 0)
        log_warn("descriptor cache: redis has not heard of %zu deletions; registries that believe "
                 "it may go on to see what was deleted",
                 cache->queue.counts[REDIS_JOB_FORGET]);
}
