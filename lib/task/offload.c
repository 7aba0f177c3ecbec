/* SPDX-License-Identifier: Apache-2.0
 *
 * offload - see offload.h. Jobs live in the frames of the tasks that wait for them; a mutex guards
 * the two lists, an eventfd tells the loop of finished ones.
 */
#include "lib/task/offload.h"

#include "lib/base/memory.h"
#include "lib/task/run.h"
#include "lib/task/task.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define HELPER_STACK_SIZE (256 * 1024)

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
    offload_cb *fn;
    void *arg;
    int result;
    struct error err;
    enum job_state state; /* guarded by the mutex */
    struct task_wait wait;
    TAILQ_ENTRY(job) link;
};

TAILQ_HEAD(job_list, job);

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct job_list queued; /* guarded */
    struct job_list done;   /* guarded */
    size_t queued_count;    /* guarded */
    size_t busy_count;      /* guarded */
    bool is_closing;        /* guarded */
    pthread_t *helpers;
    unsigned helper_count;
    size_t pending; /* loop thread only */
    int eventfd;
    struct event *event;
} pool;

/* Runs one job without the mutex; the task keeps @job still until it is done. */
static void run_job(struct job *job)
{
    job->state = JOB_RUNNING;
    pool.queued_count--;
    pool.busy_count++;
    pthread_mutex_unlock(&pool.mutex);
    job->result = job->fn(job->arg, &job->err);
    pthread_mutex_lock(&pool.mutex);
    pool.busy_count--;
    job->state = JOB_DONE;
    if (TAILQ_EMPTY(&pool.done)) {
        uint64_t one = 1;
        ssize_t written = write(pool.eventfd, &one, sizeof(one));

        assert(written == sizeof(one));
        (void)written;
    }
    TAILQ_INSERT_TAIL(&pool.done, job, link);
}

static void *helper_main(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&pool.mutex);
    for (;;) {
        struct job *job = TAILQ_FIRST(&pool.queued);

        if (job != NULL) {
            TAILQ_REMOVE(&pool.queued, job, link);
            run_job(job);
        } else if (pool.is_closing) {
            break;
        } else {
            pthread_cond_wait(&pool.arrived, &pool.mutex);
        }
    }
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

static void on_done(int fd, short events, void *arg)
{
    struct job_list done = TAILQ_HEAD_INITIALIZER(done);
    uint64_t count;

    (void)events, (void)arg;
    if (read(fd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&pool.mutex);
    TAILQ_CONCAT(&done, &pool.done, link);
    pthread_mutex_unlock(&pool.mutex);
    while (!TAILQ_EMPTY(&done)) {
        struct job *job = TAILQ_FIRST(&done);

        TAILQ_REMOVE(&done, job, link);
        pool.pending--;
        task_wake(&job->wait);
    }
}

void offload_stats(struct offload_stats *out)
{
    pthread_mutex_lock(&pool.mutex);
    *out = (struct offload_stats){
        .helpers = pool.helper_count,
        .busy = pool.busy_count,
        .queued = pool.queued_count,
    };
    pthread_mutex_unlock(&pool.mutex);
}

size_t offload_pending(void)
{
    return pool.pending;
}

/* Helpers take no signals: those are the loop's. */
static int start_helper(pthread_t *out)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, HELPER_STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(out, &attr, helper_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

int offload_pool_open(struct event_base *base, unsigned helper_count, struct error *err)
{
    assert(helper_count > 0);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.arrived, NULL);
    TAILQ_INIT(&pool.queued);
    TAILQ_INIT(&pool.done);
    pool.is_closing = false;
    pool.queued_count = pool.busy_count = 0;
    pool.pending = 0;
    pool.helper_count = 0;
    pool.helpers = xcalloc(helper_count, sizeof(*pool.helpers));
    pool.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool.eventfd < 0)
        return error_set_sys(err, errno, "helper pool: eventfd");
    pool.event = event_new(base, pool.eventfd, EV_READ | EV_PERSIST, on_done, NULL);
    event_add(pool.event, NULL);
    for (; pool.helper_count < helper_count; pool.helper_count++) {
        int rc = start_helper(&pool.helpers[pool.helper_count]);

        if (rc != 0) {
            offload_pool_close();
            return error_set_sys(err, rc, "helper pool: starting a thread");
        }
    }
    return 0;
}

void offload_pool_close(void)
{
    pthread_mutex_lock(&pool.mutex);
    pool.is_closing = true;
    pthread_cond_broadcast(&pool.arrived);
    pthread_mutex_unlock(&pool.mutex);
    for (unsigned i = 0; i < pool.helper_count; i++)
        pthread_join(pool.helpers[i], NULL);
    free(pool.helpers);
    event_free(pool.event);
    close(pool.eventfd);
    pthread_cond_destroy(&pool.arrived);
    pthread_mutex_destroy(&pool.mutex);
}

/* Takes back a job no helper has begun. */
static bool take_back(struct job *job)
{
    bool is_queued;

    pthread_mutex_lock(&pool.mutex);
    is_queued = job->state == JOB_QUEUED;
    if (is_queued) {
        TAILQ_REMOVE(&pool.queued, job, link);
        pool.queued_count--;
    }
    pthread_mutex_unlock(&pool.mutex);
    if (is_queued)
        pool.pending--;
    return is_queued;
}

/* A job that runs uses its task's frame: it is waited for whatever happens. */
static void wait_out(struct job *job)
{
    struct error ignored = ERROR_INIT;
    int rc;

    task_shield();
    rc = task_wait(&job->wait, TASK_NO_TIMEOUT, &ignored);
    task_unshield();
    assert(rc == 0);
    (void)rc;
}

int offload(offload_cb *fn, void *arg, struct error *err)
{
    struct job job = {.fn = fn, .arg = arg, .state = JOB_QUEUED};

    if (is_task_canceled())
        return error_set(err, ERROR_CANCELED, "canceled before a helper was asked");
    pool.pending++;
    pthread_mutex_lock(&pool.mutex);
    TAILQ_INSERT_TAIL(&pool.queued, &job, link);
    pool.queued_count++;
    pthread_cond_signal(&pool.arrived);
    pthread_mutex_unlock(&pool.mutex);
    if (task_wait(&job.wait, TASK_NO_TIMEOUT, err) < 0) {
        if (take_back(&job))
            return -1;
        wait_out(&job);
    }
    if (job.result < 0)
        *err = job.err;
    return job.result;
}
