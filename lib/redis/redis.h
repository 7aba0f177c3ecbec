/* SPDX-License-Identifier: Apache-2.0
 *
 * redis - a client of one Redis server: commands in one round trip, over pooled connections.
 *
 * For what can be done without: after a failure the server is away, and calls fail at once. A task
 * in the background tries again each second, looks the name up, connects, logs in; until it
 * succeeds nobody waits for the server. The log says once that it is away, and once, when a call
 * has succeeded again, that it is back.
 *
 *     new --> start --> (away <--> here) --> stop --> free
 */
#pragma once

#include "lib/base/error.h"
#include "lib/redis/redis_reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis;

/* Copied, its texts lent until redis_free; none may be NULL, "" is "none". */
struct redis_options {
    const char *addr;     /* "host:port" */
    const char *username; /* of an ACL */
    const char *password; /* sent as AUTH */
    int64_t database;
    int dial_ms; /* connecting, with TLS */
    int read_ms; /* until all answers to a call are there */
    int write_ms;
    size_t idle_max;   /* connections kept for later */
    size_t active_max; /* connections at all; 0: no limit. One more fails at once */
    int idle_ms;       /* how long one is kept; 0: as long as it lasts */
    struct {
        bool is_enabled;
        const char *certificate; /* PEM files */
        const char *key;
        const char *const *roots; /* none: what the system trusts */
        size_t root_count;
    } tls;
};

/* Reads the PEM files (blocks: at the start), and connects to nobody. Given: redis_free. Errors:
 * INVALID, with the name of the file. */
must_check int redis_new(const struct redis_options *options, struct redis **out,
                         struct error *err);
void redis_free(struct redis *redis); /* NULL is fine */

/* Begins to look for the server; until it is found it is away. */
void redis_start(struct redis *redis);

/* Ends the looking and closes what is kept; calls fail from now on. None may be running. May
 * suspend; for long, if a name is being looked up. */
void redis_stop(struct redis *redis);

#define REDIS_ARGUMENTS_MAX 12

struct redis_command {
    struct span arguments[REDIS_ARGUMENTS_MAX]; /* the first is the command's name; lent */
    size_t count;
};

/*
 * redis_call - send @commands and wait for all their answers. May suspend.
 *
 * The commands must bear being sent twice: a connection that was kept may turn out to be dead.
 *
 * @out  given: redis_replies_fini; one reply a command. One that says WRONGTYPE is a nil: other
 *       people's keys are not ours to read
 *
 * Errors: UNAVAILABLE: the server is away, or breaks the protocol; DENIED: it refuses a command;
 * TIMEOUT; CANCELED; BUSY: no connection is free.
 */
must_check int redis_call(struct redis *redis, const struct redis_command *commands, size_t count,
                          struct redis_replies *out, struct error *err);

bool is_redis_away(const struct redis *redis); /* a call would fail at once */

/* Looks for a server that is away now, instead of within a second, for @ms at most: whether it is
 * there. One task at a time. May suspend. */
bool redis_look(struct redis *redis, int ms);
