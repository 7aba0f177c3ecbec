/* SPDX-License-Identifier: Apache-2.0
 *
 * turns - see turns.h. A turn that ends is handed to whoever is next: nobody who comes meanwhile
 * can take it. How one waits and goes away is the business of gate.h; whose turn it is is ours.
 */
#include "auth/htpasswd/turns.h"

#include "lib/base/memory.h"
#include "lib/task/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

struct line {
    struct login_key address;
    struct gate_line waiters; /* never empty */
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
    gate_line_init(&line->waiters);
    TAILQ_INSERT_TAIL(lines_of(turns, is_suspect), line, link);
    return line;
}

/* One less waits in it; the line goes with its last waiter. */
static void shorten(struct turns *turns, struct line *line)
{
    turns->waiting--;
    if (line->waiters.count > 0)
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
    struct line *line = find_line(lines_of(turns, is_suspect), address);
    bool is_served;

    if (turns->free > 0) {
        turns->free--;
        return 0;
    }
    if (turns->waiting >= turns->max || (line != NULL && line->waiters.count >= turns->line_max))
        return error_set(err, ERROR_BUSY, "too many logins wait for their turn");
    if (line == NULL)
        line = add_line(turns, address, is_suspect);
    turns->waiting++;
    if (gate_line_wait(&line->waiters, &is_served, err) == 0)
        return 0;
    if (is_served)
        turns_end(turns); /* canceled just as the turn came */
    else
        shorten(turns, line);
    return -1;
}

void turns_end(struct turns *turns)
{
    struct line *line = next_line(turns);

    if (line == NULL) {
        turns->free++;
        return;
    }
    move_to_end(turns, line);
    gate_line_serve(&line->waiters);
    shorten(turns, line);
}
