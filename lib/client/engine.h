/* SPDX-License-Identifier: Apache-2.0
 *
 * engine - libcurl's multi handle on the loop. The only caller of curl_multi_*.
 *
 * curl runs on the loop's own stack and nowhere else: a task notes what it wants of a job, and an
 * event does it at the loop's next turn. What curl calls back notes and wakes; it never runs a
 * task's code and never calls curl.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/client/sockets.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct engine_job;

TAILQ_HEAD(engine_jobs, engine_job);

/* One transfer, embedded in whoever knows more of it. */
struct engine_job {
    CURL *easy; /* its CURLOPT_PRIVATE is the job; freed by @on_release */
    void (*on_done)(struct engine_job *job, CURLcode result);
    void (*on_release)(struct engine_job *job); /* after engine_abandon: curl holds it no more */
    bool is_running;                            /* in the multi handle */
    bool is_done;
    bool is_abandoned;
    int paused; /* the CURLPAUSE_ bits that are to hold from now on */
    bool is_listed;
    TAILQ_ENTRY(engine_job) link;
};

struct engine {
    CURLM *multi;
    struct event *timer;
    struct event *work;
    struct sockets sockets;
    struct engine_jobs listed; /* jobs with something to do at the next turn */
};

/* Caller's storage. @connections_max: per host, and how many idle ones are kept in all. */
must_check int engine_init(struct engine *engine, size_t connections_max, struct error *err);

/* Every job is done or abandoned. Closes the pooled connections. */
void engine_fini(struct engine *engine);

void engine_start(struct engine *engine, struct engine_job *job);

/* Makes @job->paused hold. */
void engine_resume(struct engine *engine, struct engine_job *job);

/* The job ends now, done or not; on_release is called at the loop's next turn. Its other callbacks
 * may still be called until then. */
void engine_abandon(struct engine *engine, struct engine_job *job);
