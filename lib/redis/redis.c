/* SPDX-License-Identifier: Apache-2.0
 *
 * redis - see redis.h. The log never shows what a server says to AUTH beyond the first word: some
 * answers repeat what they refuse.
 */
#include "lib/redis/redis.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/redis/redis_pool.h"
#include "lib/redis/redis_tls.h"
#include "lib/task/background.h"
#include "lib/task/resolve.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define RETRY_MS     1000 /* between two attempts to reach a server that is away */
#define WORD_MAX     120  /* bytes of an answer shown in a message */
#define COMMAND_SIZE 16   /* of a command's name, as far as it is compared */

struct redis {
    struct redis_options options;
    SSL_CTX *tls; /* NULL: none */
    struct redis_pool pool;
    struct redis_address address; /* where it was found last */
    bool is_away;
    bool is_looking;
    unsigned outages;           /* how often it went */
    bool is_told;               /* that it is away is in the log */
    char refused[COMMAND_SIZE]; /* ... as it refuses this command; "": for another reason */
    struct background seeker;
    struct task_wait due;    /* where the seeker rests while the server is there */
    struct task_wait hurry;  /* ... between two looks for it */
    struct task_wait looked; /* a look is over */
};

/* ---- commands ---- */

static void append_command(struct evbuffer *out, const struct redis_command *command)
{
    const char *texts[REDIS_ARGUMENTS_MAX];
    size_t lengths[REDIS_ARGUMENTS_MAX];
    char *line = NULL;
    int len;

    assert(command->count > 0 && command->count <= REDIS_ARGUMENTS_MAX);
    for (size_t i = 0; i < command->count; i++) {
        texts[i] = command->arguments[i].data != NULL ? command->arguments[i].data : "";
        lengths[i] = command->arguments[i].len;
    }
    len = redisFormatCommandArgv(&line, (int)command->count, texts, lengths);
    if (len < 0 || evbuffer_add(out, line, (size_t)len) < 0)
        abort();
    redisFreeCommand(line);
}

/* One round trip: what is asked, and what came of it. */
struct call {
    const struct redis_command *commands; /* lent */
    size_t count;
    struct redis_replies *out;
    struct span refused; /* DENIED: the name of the command */
};

/* Whether all replies will do; an error is one for the whole call. */
static int check_replies(const struct redis_replies *replies, struct call *call, struct error *err)
{
    struct span text;

    for (size_t i = 0; i < replies->count; i++) {
        if (!redis_reply_error(replies, i, &text) || span_starts_with(text, SPAN("WRONGTYPE ")))
            continue;
        call->refused = call->commands[i].arguments[0];
        if (span_equals(call->refused, SPAN("AUTH")))
            text = span_cut(&text, ' ');
        if (text.len > WORD_MAX)
            text.len = WORD_MAX;
        return error_set(err, ERROR_DENIED, "%.*s refused: %.*s", SPAN_ARGS(call->refused),
                         SPAN_ARGS(text));
    }
    return 0;
}

/* One round trip. May suspend. The replies are untouched on failure. */
static int exchange(struct redis_link *link, struct call *call, struct error *err)
{
    struct evbuffer *bytes = evbuffer_new();
    struct redis_replies replies;
    int rc;

    for (size_t i = 0; i < call->count; i++)
        append_command(bytes, &call->commands[i]);
    redis_replies_init(&replies, call->count);
    rc = redis_link_exchange(link, bytes, &replies, err);
    evbuffer_free(bytes);
    if (rc == 0)
        rc = check_replies(&replies, call, err);
    if (rc < 0)
        redis_replies_fini(&replies);
    else
        *call->out = replies;
    return rc;
}

/* ---- connections ---- */

/* AUTH and SELECT, as far as they are wanted, and a PING. May suspend. */
static int log_in(const struct redis *redis, struct redis_link *link, struct error *err)
{
    const struct redis_options *options = &redis->options;
    struct redis_command commands[3] = {0};
    struct redis_replies replies;
    struct call call = {.commands = commands, .out = &replies};
    char database[24];

    if (options->password[0] != '\0') {
        struct redis_command *auth = &commands[call.count++];

        auth->arguments[auth->count++] = SPAN("AUTH");
        if (options->username[0] != '\0')
            auth->arguments[auth->count++] = span_of(options->username);
        auth->arguments[auth->count++] = span_of(options->password);
    }
    if (options->database != 0) {
        snprintf(database, sizeof(database), "%" PRId64, options->database);
        commands[call.count++] = (struct redis_command){{SPAN("SELECT"), span_of(database)}, 2};
    }
    commands[call.count++] = (struct redis_command){{SPAN("PING")}, 1};
    if (exchange(link, &call, err) < 0)
        return err->code == ERROR_DENIED ? error_translate(err, ERROR_UNAVAILABLE) : -1;
    redis_replies_fini(&replies);
    return 0;
}

/* A connection that counts in the pool. May suspend. */
static int open_link(struct redis *redis, const struct redis_address *address,
                     struct redis_link **out, struct error *err)
{
    struct redis_link *link = NULL;

    if (!redis_pool_reserve(&redis->pool))
        return error_set(err, ERROR_BUSY, "all %zu connections are in use",
                         redis->options.active_max);
    if (redis_link_open(&redis->options, redis->tls, address, &link, err) < 0 ||
        log_in(redis, link, err) < 0) {
        redis_pool_drop(&redis->pool, link);
        return -1;
    }
    *out = link;
    return 0;
}

/* ---- away and back ---- */

bool is_redis_away(const struct redis *redis)
{
    return redis->is_away;
}

/* @refused: what it refuses to do; empty: it is gone. */
static void set_away(struct redis *redis, struct span refused, const struct error *why)
{
    redis->is_away = true;
    redis->outages++;
    redis_pool_clear(&redis->pool);
    if (redis->is_told)
        return;
    log_warn("redis %s: %s; going on without it", redis->options.addr,
             why->code == ERROR_TIMEOUT ? "no answer in time" : why->message);
    redis->is_told = true;
    snprintf(redis->refused, sizeof(redis->refused), "%.*s", SPAN_ARGS(refused));
}

/* A call has succeeded: that a server lets us in does not mean that it does what we ask, and that
 * it can be read not that it can be written to. */
static void note_success(struct redis *redis, const struct call *call)
{
    bool is_done = redis->refused[0] == '\0';

    for (size_t i = 0; i < call->count && !is_done; i++)
        is_done = span_is(call->commands[i].arguments[0], redis->refused);
    if (!redis->is_told || redis->is_away || !is_done)
        return;
    log_info("redis %s: is back", redis->options.addr);
    redis->is_told = false;
    redis->refused[0] = '\0';
}

/* One of the addresses of its name. May suspend. */
static int try_address(struct redis *redis, const struct addrinfo *to, struct error *err)
{
    struct redis_address address = {.len = to->ai_addrlen};
    struct redis_link *link;

    memcpy(&address.storage, to->ai_addr, to->ai_addrlen);
    if (open_link(redis, &address, &link, err) < 0)
        return -1;
    redis->address = address;
    redis_pool_put(&redis->pool, link);
    return 0;
}

/* Anew from the name on. May suspend. */
static int seek(struct redis *redis, struct error *err)
{
    struct addrinfo *list = NULL;
    int rc = -1;

    if (resolve(redis->options.addr, &list, err) < 0)
        return -1;
    for (const struct addrinfo *to = list; to != NULL && rc < 0 && !is_task_canceled();
         to = to->ai_next)
        rc = try_address(redis, to, err);
    freeaddrinfo(list);
    return rc;
}

static void note_look(struct redis *redis, bool is_found, const struct error *why)
{
    redis->is_looking = false;
    if (is_found)
        redis->is_away = false;
    else if (why->code != ERROR_CANCELED)
        set_away(redis, SPAN(""), why);
    task_wake(&redis->looked);
}

/* Between two looks. May suspend. */
static int rest(struct redis *redis, struct error *err)
{
    struct error why = ERROR_INIT;

    if (task_wait(&redis->hurry, RETRY_MS, &why) == 0 || why.code == ERROR_TIMEOUT)
        return 0;
    *err = why;
    return -1;
}

/* Until it is canceled. */
static void seeker_main(void *arg)
{
    struct redis *redis = arg;
    struct error err = ERROR_INIT;
    int rc;

    do {
        redis->is_looking = true;
        rc = seek(redis, &err);
        note_look(redis, rc == 0, &err);
        if (rc == 0)
            rc = task_wait(&redis->due, TASK_NO_TIMEOUT, &err);
        else if (err.code != ERROR_CANCELED)
            rc = 0;
        if (rc == 0)
            rc = rest(redis, &err);
    } while (rc == 0);
}

bool redis_look(struct redis *redis, int ms)
{
    int64_t deadline = clock_monotonic_ms() + ms;
    struct error ignored = ERROR_INIT;
    int64_t left;
    int looks;

    if (!redis->is_away || !is_background_running(&redis->seeker))
        return !redis->is_away;
    looks = redis->is_looking ? 2 : 1;
    redis->looked = TASK_WAIT_INIT;
    task_wake(&redis->hurry);
    while (redis->is_away && looks-- > 0 && (left = deadline - clock_monotonic_ms()) > 0) {
        if (task_wait(&redis->looked, (int)left, &ignored) < 0)
            break;
    }
    return !redis->is_away;
}

/* ---- calls ---- */

/* A connection that was opened before an outage may lead to where the server was. */
static void put_link(struct redis *redis, unsigned outages, struct redis_link *link)
{
    if (outages == redis->outages)
        redis_pool_put(&redis->pool, link);
    else
        redis_pool_drop(&redis->pool, link);
}

/* The round trip on a connection that is taken, and put back or dropped. May suspend. */
static int use_link(struct redis *redis, unsigned outages, struct redis_link *link,
                    struct call *call, struct error *err)
{
    if (exchange(link, call, err) < 0) {
        redis_pool_drop(&redis->pool, link);
        return -1;
    }
    put_link(redis, outages, link);
    return 0;
}

/* On a connection that was kept, if there is one: 1 when it turned out to be dead. May suspend. */
static int call_kept(struct redis *redis, struct call *call, struct error *err)
{
    struct redis_link *link = redis_pool_take(&redis->pool);

    if (link == NULL)
        return 1;
    if (use_link(redis, redis->outages, link, call, err) == 0)
        return 0;
    return err->code == ERROR_UNAVAILABLE ? 1 : -1;
}

static int call_new(struct redis *redis, struct call *call, struct error *err)
{
    unsigned outages = redis->outages;
    struct redis_link *link;

    if (open_link(redis, &redis->address, &link, err) < 0)
        return -1;
    return use_link(redis, outages, link, call, err);
}

int redis_call(struct redis *redis, const struct redis_command *commands, size_t count,
               struct redis_replies *out, struct error *err)
{
    struct call call = {.commands = commands, .count = count, .out = out, .refused = SPAN("")};
    unsigned outages = redis->outages;
    int rc;

    if (redis->is_away)
        return error_set(err, ERROR_UNAVAILABLE, "redis %s is away", redis->options.addr);
    rc = call_kept(redis, &call, err);
    if (rc > 0 && redis->is_away)
        return error_set(err, ERROR_UNAVAILABLE, "redis %s has gone away", redis->options.addr);
    if (rc > 0)
        rc = call_new(redis, &call, err);
    if (rc == 0) {
        note_success(redis, &call);
    } else if (err->code != ERROR_CANCELED && err->code != ERROR_BUSY &&
               outages == redis->outages) {
        set_away(redis, call.refused, err);
        task_wake(&redis->due);
    }
    return rc;
}

/* ---- birth and death ---- */

int redis_new(const struct redis_options *options, struct redis **out, struct error *err)
{
    struct redis *redis = xcalloc(1, sizeof(*redis));

    redis->options = *options;
    redis->is_away = true;
    redis_pool_init(&redis->pool, &redis->options);
    if (options->tls.is_enabled && redis_tls_new(&redis->options, &redis->tls, err) < 0) {
        redis_free(redis);
        return -1;
    }
    *out = redis;
    return 0;
}

void redis_start(struct redis *redis)
{
    background_start(&redis->seeker, "redis", seeker_main, redis);
}

void redis_stop(struct redis *redis)
{
    background_stop(&redis->seeker);
    redis->is_away = true;
    redis_pool_clear(&redis->pool);
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis_pool_clear(&redis->pool);
    SSL_CTX_free(redis->tls);
    free(redis);
}
