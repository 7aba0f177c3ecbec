/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve - see resolve.h.
 */
#include "lib/task/resolve.h"

#include "lib/base/memory.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

struct lookup {
    char *host; /* owned; NULL: this machine */
    char *port; /* owned */
    int flags;
    struct addrinfo *found;
};

/* ---- one at a time ---- */

struct waiter {
    struct task_wait wait;
    bool has_turn;
    TAILQ_ENTRY(waiter) link;
};

static TAILQ_HEAD(, waiter) waiters = TAILQ_HEAD_INITIALIZER(waiters);
static bool is_busy;

static void end_turn(void)
{
    struct waiter *next = TAILQ_FIRST(&waiters);

    is_busy = next != NULL;
    if (next == NULL)
        return;
    TAILQ_REMOVE(&waiters, next, link);
    next->has_turn = true;
    task_wake(&next->wait);
}

/* Waits until no other lookup runs. May suspend. Errors: CANCELED. */
static int begin_turn(struct error *err)
{
    struct waiter self = {.wait = TASK_WAIT_INIT};

    if (!is_busy) {
        is_busy = true;
        return 0;
    }
    TAILQ_INSERT_TAIL(&waiters, &self, link);
    if (task_wait(&self.wait, TASK_NO_TIMEOUT, err) == 0)
        return 0;
    if (self.has_turn)
        end_turn();
    else
        TAILQ_REMOVE(&waiters, &self, link);
    return -1;
}

/* ---- lookups ---- */

/* On a helper, or on the loop with flags that keep it from asking anybody. */
static int look_up(void *arg, struct error *err)
{
    struct lookup *lookup = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = lookup->flags};
    int rc = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);

    if (rc != 0)
        return error_set(err, ERROR_NOT_FOUND, "%s: %s", lookup->host != NULL ? lookup->host : "",
                         gai_strerror(rc));
    return 0;
}

static int look_up_names(struct lookup *lookup, struct error *err)
{
    int rc;

    if (begin_turn(err) < 0)
        return -1;
    lookup->flags = 0;
    rc = offload(look_up, lookup, err);
    end_turn();
    return rc;
}

/* The host without its brackets, and the port. */
static bool split(const char *address, struct lookup *out)
{
    const char *colon = strrchr(address, ':');
    struct span host;

    if (colon == NULL || colon[1] == '\0')
        return false;
    host = span_make(address, (size_t)(colon - address));
    if (span_starts_with(host, SPAN("[")) && span_ends_with(host, SPAN("]")))
        host = span_make(host.data + 1, host.len - 2);
    else if (memchr(host.data, ':', host.len) != NULL)
        return false;
    out->host = host.len > 0 ? xstrndup(host.data, host.len) : NULL;
    out->port = xstrdup(colon + 1);
    return true;
}

int resolve(const char *address, struct addrinfo **out, struct error *err)
{
    struct lookup lookup = {.flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct error ignored = ERROR_INIT;
    int rc = 0;

    if (!split(address, &lookup))
        return error_set(err, ERROR_INVALID, "%s: not an address with a port", address);
    if (look_up(&lookup, &ignored) < 0)
        rc = look_up_names(&lookup, err);
    if (rc == 0)
        *out = lookup.found;
    free(lookup.host);
    free(lookup.port);
    return rc;
}

char *resolve_host(const char *address)
{
    struct lookup lookup = {.host = NULL};

    if (split(address, &lookup))
        free(lookup.port);
    return lookup.host != NULL ? lookup.host : xstrdup("localhost");
}
