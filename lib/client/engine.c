/* SPDX-License-Identifier: Apache-2.0
 *
 * engine - see engine.h. curl tells which sockets and which timer it waits for; events of the loop
 * tell curl when they are due.
 */
#include "lib/client/engine.h"

#include "lib/base/memory.h"
#include "lib/task/loop.h"

#include <assert.h>

#include "lib/base/banned.h"

/* What curl waits for on one socket. */
struct watch {
    struct event *event;
    short events;
};

/* ---- what is finished ---- */

static struct engine_job *job_of(CURL *easy)
{
    struct engine_job *job = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job);
    return job;
}

static void stop(struct engine *engine, struct engine_job *job)
{
    if (job->is_running)
        curl_multi_remove_handle(engine->multi, job->easy);
    job->is_running = false;
}

static void collect(struct engine *engine)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
        struct engine_job *job = job_of(message->easy_handle);
        CURLcode result = message->data.result;

        stop(engine, job); /* ends the life of @message */
        job->is_done = true;
        job->on_done(job, result);
    }
}

/* ---- curl's events ---- */

static void act(struct engine *engine, curl_socket_t socket, int what)
{
    int running;
    CURLMcode rc = curl_multi_socket_action(engine->multi, socket, what, &running);

    assert(rc == CURLM_OK);
    (void)rc;
    collect(engine);
}

static void on_socket(evutil_socket_t fd, short events, void *arg)
{
    int what =
        (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

    act(arg, fd, what);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void unwatch(struct engine *engine, curl_socket_t socket, struct watch *watch)
{
    curl_multi_assign(engine->multi, socket, NULL);
    if (watch == NULL)
        return;
    event_free(watch->event);
    free(watch);
}

static void rewatch(struct engine *engine, curl_socket_t socket, struct watch *watch, short events)
{
    if (watch == NULL) {
        watch = xcalloc(1, sizeof(*watch));
        curl_multi_assign(engine->multi, socket, watch);
    } else if (watch->events == events) {
        return;
    } else {
        event_free(watch->event);
    }
    watch->events = events;
    watch->event = event_new(loop_base(), socket, events, on_socket, engine);
    if (watch->event == NULL || event_add(watch->event, NULL) < 0)
        abort();
}

/* curl: from now on @what is to be watched on @socket. */
static int on_watch(CURL *easy, curl_socket_t socket, int what, void *arg, void *watch)
{
    short events = EV_PERSIST;

    (void)easy;
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    if (what == CURL_POLL_REMOVE)
        unwatch(arg, socket, watch);
    else
        rewatch(arg, socket, watch, events);
    return 0;
}

/* curl: one timer for all it waits for; negative: none. */
static int on_timer_set(CURLM *multi, long ms, void *arg)
{
    struct engine *engine = arg;
    struct timeval after = {ms / 1000, ms % 1000 * 1000};

    (void)multi;
    if (ms < 0)
        evtimer_del(engine->timer);
    else
        evtimer_add(engine->timer, &after);
    return 0;
}

/* ---- what tasks ask for ---- */

static void run_job(struct engine *engine, struct engine_job *job)
{
    if (job->is_abandoned) {
        stop(engine, job);
        job->on_release(job);
    } else if (job->is_running) {
        curl_easy_pause(job->easy, job->paused);
    } else if (!job->is_done) {
        if (curl_multi_add_handle(engine->multi, job->easy) != CURLM_OK)
            abort(); /* no memory */
        job->is_running = true;
    }
}

static void run_listed(struct engine *engine)
{
    struct engine_job *job;

    while ((job = TAILQ_FIRST(&engine->listed)) != NULL) {
        TAILQ_REMOVE(&engine->listed, job, link);
        job->is_listed = false;
        run_job(engine, job);
    }
    collect(engine);
}

static void on_work(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events;
    run_listed(arg);
}

static void list(struct engine *engine, struct engine_job *job)
{
    if (job->is_listed)
        return;
    job->is_listed = true;
    TAILQ_INSERT_TAIL(&engine->listed, job, link);
    event_active(engine->work, EV_TIMEOUT, 0);
}

void engine_start(struct engine *engine, struct engine_job *job)
{
    curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
    sockets_attach(job->easy, &engine->sockets);
    list(engine, job);
}

void engine_resume(struct engine *engine, struct engine_job *job)
{
    if (!job->is_done)
        list(engine, job);
}

void engine_abandon(struct engine *engine, struct engine_job *job)
{
    job->is_abandoned = true;
    list(engine, job);
}

/* ---- birth and death ---- */

int engine_init(struct engine *engine, size_t connections_max, struct error *err)
{
    *engine = (struct engine){.multi = curl_multi_init()};
    if (engine->multi == NULL)
        return error_set(err, ERROR_INTERNAL, "libcurl: no multi handle");
    TAILQ_INIT(&engine->listed);
    engine->timer = evtimer_new(loop_base(), on_timer, engine);
    engine->work = event_new(loop_base(), -1, 0, on_work, engine);
    if (engine->timer == NULL || engine->work == NULL)
        abort();
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer_set);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(engine->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections_max);
    curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    return 0;
}

void engine_fini(struct engine *engine)
{
    run_listed(engine);
    curl_multi_cleanup(engine->multi);
    sockets_fini(&engine->sockets);
    event_free(engine->timer);
    event_free(engine->work);
}
