/* SPDX-License-Identifier: Apache-2.0
 *
 * turns - see turns.h. A turn that ends is handed to whoever is next: nobody who comes meanwhile
 * can take it.
 */
#include "auth/htpasswd/turns.h"

#include "lib/base/memory.h"
#include "lib/task/task.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

struct waiter {
    struct task_wait wait;
    struct line *line; /* NULL: its turn has come */
    TAILQ_ENTRY(waiter) link;
};

struct line {
    struct login_key address;
    TAILQ_HEAD(, waiter) waiters; /* never empty */
    size_t count;
    bool is_suspect;
    TAILQ_ENTRY(line) link;
};

TAILQ_HEAD(lines, line);

struct turns {
    size_t free;
    size_t line_max;
    size_t max;
    size_t waiting;
    unsigned since_suspect; /* turns given to others while suspects waited */
    struct lines clean;
    struct lines suspects;
};

struct turns *turns_new(size_t width, size_t line_max, size_t max)
{
    struct turns *turns = xcalloc(1, sizeof(*turns));

    turns->free = width;
    turns->line_max = line_max;
    turns->max = max;
    TAILQ_INIT(&turns->clean);
    TAILQ_INIT(&turns->suspects);
    return turns;
}

void turns_free(struct turns *turns)
{
    assert(turns == NULL || turns->waiting == 0);
    free(turns);
}

/* ---- lines ---- */

static struct lines *lines_of(struct turns *turns, bool is_suspect)
{
    return is_suspect ? &turns->suspects : &turns->clean;
}

static struct line *find_line(struct lines *lines, const struct login_key *address)
{
    struct line *line;

    TAILQ_FOREACH(line, lines, link)
    {
        if (login_key_equals(&line->address, address))
            return line;
    }
    return NULL;
}

static struct line *add_line(struct turns *turns, const struct login_key *address, bool is_suspect)
{
    struct line *line = xcalloc(1, sizeof(*line));

    line->address = *address;
    line->is_suspect = is_suspect;
    TAILQ_INIT(&line->waiters);
    TAILQ_INSERT_TAIL(lines_of(turns, is_suspect), line, link);
    return line;
}

static void join(struct turns *turns, struct line *line, struct waiter *waiter)
{
    waiter->line = line;
    TAILQ_INSERT_TAIL(&line->waiters, waiter, link);
    line->count++;
    turns->waiting++;
}

/* The line goes with its last waiter. */
static void leave(struct turns *turns, struct waiter *waiter)
{
    struct line *line = waiter->line;

    TAILQ_REMOVE(&line->waiters, waiter, link);
    waiter->line = NULL;
    line->count--;
    turns->waiting--;
    if (line->count > 0)
        return;
    TAILQ_REMOVE(lines_of(turns, line->is_suspect), line, link);
    free(line);
}

static void move_to_end(struct turns *turns, struct line *line)
{
    struct lines *lines = lines_of(turns, line->is_suspect);

    TAILQ_REMOVE(lines, line, link);
    TAILQ_INSERT_TAIL(lines, line, link);
}

static struct line *next_line(struct turns *turns)
{
    struct line *clean = TAILQ_FIRST(&turns->clean);
    struct line *suspect = TAILQ_FIRST(&turns->suspects);

    if (suspect == NULL || (clean != NULL && turns->since_suspect < TURNS_SUSPECT_SHARE - 1)) {
        turns->since_suspect += suspect != NULL;
        return clean;
    }
    turns->since_suspect = 0;
    return suspect;
}

/* ---- turns ---- */

int turns_begin(struct turns *turns, const struct login_key *address, bool is_suspect,
                struct error *err)
{
    struct waiter waiter = {.wait = TASK_WAIT_INIT};
    struct line *line = find_line(lines_of(turns, is_suspect), address);

    if (turns->free > 0) {
        turns->free--;
        return 0;
    }
    if (turns->waiting >= turns->max || (line != NULL && line->count >= turns->line_max))
        return error_set(err, ERROR_BUSY, "too many logins wait for their turn");
    join(turns, line != NULL ? line : add_line(turns, address, is_suspect), &waiter);
    if (task_wait(&waiter.wait, TASK_NO_TIMEOUT, err) == 0)
        return 0;
    if (waiter.line != NULL)
        leave(turns, &waiter);
    else
        turns_end(turns); /* canceled just as the turn came */
    return -1;
}

void turns_end(struct turns *turns)
{
    struct line *line = next_line(turns);
    struct waiter *waiter;

    if (line == NULL) {
        turns->free++;
        return;
    }
    waiter = TAILQ_FIRST(&line->waiters);
    move_to_end(turns, line);
    leave(turns, waiter);
    task_wake(&waiter->wait);
}
