/* SPDX-License-Identifier: Apache-2.0
 *
 * admission - how many connections a server has at once, and who makes room when it is full.
 * Only lib/http includes this.
 *
 *      below the limit    the listeners accept
 *      at the limit       they rest; new clients wait in the backlog of the socket, and the first
 *                         of them makes the connection that has been idle for longest end
 *      no descriptors     likewise, and accepting is tried again every 100 ms
 *
 * A connection that waits for its next request may be closed at any time (RFC 9112 section 9.5).
 * One that has just become idle is left alone, since its client may be about to go on, and so is
 * one whose next bytes have come. Requests, heads and handshakes are never cut: those that stand
 * still end by their timeouts.
 */
#pragma once

#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define ADMISSION_LISTENERS_MAX 16

struct connection;

TAILQ_HEAD(admission_idle, connection);

/* One listener, and the event that tells of a client who waits at it. */
struct admission_door {
    struct evconnlistener *listener; /* lent */
    struct event *knock;
};

struct admission {
    size_t count;
    size_t limit;
    bool is_limit_ours; /* the configuration's; else open files are the limit */
    bool is_accepting;
    struct admission_door doors[ADMISSION_LISTENERS_MAX];
    size_t door_count;
    struct admission_idle idle; /* for longest first */
    struct event *look;         /* again, after a pause */
    int64_t told_full_at;       /* when the log was told that we are full; clock_monotonic_ns */
    int64_t told_pause_at;      /* ... that accepting fails */
};

void admission_init(struct admission *admission);
void admission_fini(struct admission *admission);

/* At most @max connections; 0, or more than open files allow: what those allow. */
void admission_set_max(struct admission *admission, size_t max);

/* A listener accepts from now on, while there is room. Lent until admission_stop. */
void admission_open(struct admission *admission, struct evconnlistener *listener);

/* Forgets the listeners; they are about to be freed. */
void admission_stop(struct admission *admission);

/* Accepting has failed, errno tells why: if anybody waits, tries again a little later. For want of
 * a descriptor an idle connection ends. */
void admission_pause(struct admission *admission);

/* ---- connections ---- */

void admission_enter(struct admission *admission);
void admission_leave(struct admission *admission);

/* Begins and ends to be idle. */
void admission_on_idle(struct admission *admission, struct connection *conn);
void admission_on_busy(struct admission *admission, struct connection *conn);
