/* SPDX-License-Identifier: Apache-2.0
 *
 * logins - see logins.h.
 *
 * A verification is a trial: a task of its own, so that whoever began it may go away while others
 * wait for it. The last one to go away takes along a trial that still waits for its turn; one that
 * bcrypt works on ends, and counts. A trial always has somebody who waits for it.
 */
#include "auth/htpasswd/logins.h"

#include "auth/htpasswd/attempts.h"
#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/login_key.h"
#include "auth/htpasswd/turns.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/lru.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define RETRY_WHEN_BUSY_S 1

struct logins {
    struct login_key_secret secret;
    struct lru *right;    /* credentials */
    struct lru *wrong;    /* credentials; when they were found wrong */
    struct lru *failures; /* of addresses, and of users from addresses */
    struct turns *turns;
    TAILQ_HEAD(, trial) trials; /* that can be joined */
};

/* What a trial says, to each who waits for it. */
struct outcome {
    int rc;
    enum logins_verdict verdict;
    int retry_after_s;
    struct error err;
};

struct waiter {
    struct task_wait wait;
    struct trial *trial; /* NULL: the outcome is there */
    struct outcome outcome;
    TAILQ_ENTRY(waiter) link;
};

/* What a helper gets. */
struct bcrypt_job {
    char hash[BCRYPT_SIZE];
    char password[BCRYPT_PASSWORD_MAX];
    size_t password_len;
    bool matches;
    int64_t took_ms;
};

struct trial {
    struct logins *logins;
    struct login_key credentials;
    struct login_key address;
    struct login_key account; /* the user, from this address */
    struct bcrypt_job job;
    bool is_known; /* the user; else the hash is a dummy */
    struct task *task;
    bool is_begun; /* bcrypt works on it */
    TAILQ_HEAD(, waiter) waiters;
    TAILQ_ENTRY(trial) link;
};

struct logins *logins_new(size_t at_once)
{
    struct logins *logins = xcalloc(1, sizeof(*logins));

    random_fill(&logins->secret, sizeof(logins->secret));
    logins->right = lru_new(&(struct lru_options){.count_max = LOGINS_RIGHT_MAX});
    logins->wrong = lru_new(
        &(struct lru_options){.value_size = sizeof(int64_t), .count_max = LOGINS_WRONG_MAX});
    logins->failures = attempts_new(LOGINS_FAILURE_MAX);
    logins->turns = turns_new(at_once, LOGINS_LINE_MAX, LOGINS_WAIT_MAX);
    TAILQ_INIT(&logins->trials);
    return logins;
}

void logins_free(struct logins *logins)
{
    if (logins == NULL)
        return;
    assert(TAILQ_EMPTY(&logins->trials));
    lru_free(logins->right);
    lru_free(logins->wrong);
    lru_free(logins->failures);
    turns_free(logins->turns);
    explicit_bzero(&logins->secret, sizeof(logins->secret));
    free(logins);
}

/* ---- keys ---- */

static struct login_key key_of(const struct logins *logins, const char *kind, struct span a,
                               struct span b, struct span c)
{
    struct span parts[] = {span_of(kind), a, b, c};

    return login_key_of(&logins->secret, parts, array_count(parts));
}

/* Who has one IPv6 address has 2^64 of them: a network counts as one. @buffer holds what is lent.
 */
static struct span address_of(const char *text, struct in6_addr *buffer)
{
    struct in_addr four;

    if (inet_pton(AF_INET, text, &four) == 1) {
        memcpy(buffer, &four, sizeof(four));
        return span_make(buffer, sizeof(four));
    }
    if (inet_pton(AF_INET6, text, buffer) != 1)
        return span_of(text);
    if (IN6_IS_ADDR_V4MAPPED(buffer))
        return span_make(&buffer->s6_addr[12], sizeof(four));
    return span_make(buffer, sizeof(*buffer) / 2);
}

struct keys {
    struct login_key credentials;
    struct login_key address;
    struct login_key account;
};

static struct keys keys_of(const struct logins *logins, const struct login *login)
{
    struct in6_addr buffer;
    struct span address = address_of(login->address, &buffer);
    struct span none = {0};

    return (struct keys){
        .credentials = key_of(logins, login->entry->is_known ? "known" : "unknown", login->user,
                              login->password, str_span(&login->entry->entry)),
        .address = key_of(logins, "address", address, none, none),
        .account = key_of(logins, "account", address, login->user, none),
    };
}

/* ---- a trial ---- */

static int run_bcrypt(void *arg, struct error *err)
{
    struct bcrypt_job *job = arg;
    int64_t begin = clock_monotonic_ms();

    (void)err;
    job->matches = bcrypt_matches(span_of(job->hash), span_make(job->password, job->password_len));
    job->took_ms = clock_monotonic_ms() - begin;
    return 0;
}

static void unlist(struct trial *trial)
{
    TAILQ_REMOVE(&trial->logins->trials, trial, link);
    trial->task = NULL;
}

static void note(struct trial *trial, bool is_right)
{
    struct logins *logins = trial->logins;
    int64_t now = clock_monotonic_ms();

    if (is_right) {
        lru_put(logins->right, login_key_span(&trial->credentials), NULL);
        lru_remove(logins->failures, login_key_span(&trial->account));
        return;
    }
    lru_put(logins->wrong, login_key_span(&trial->credentials), &now);
    attempts_note(logins->failures, &trial->account, now);
    attempts_note(logins->failures, &trial->address, now);
}

static void slow(struct outcome *out, int retry_after_s)
{
    out->rc = 0;
    out->verdict = LOGINS_SLOWED;
    out->retry_after_s = retry_after_s;
}

/* With a turn. Others of the line may have failed while this one waited. */
static void decide(struct trial *trial, struct outcome *out)
{
    int wait_s = attempts_wait_s(trial->logins->failures, &trial->account, clock_monotonic_ms());
    bool is_right;

    if (wait_s > 0) {
        slow(out, wait_s);
        return;
    }
    trial->is_begun = true;
    out->rc = offload(run_bcrypt, &trial->job, &out->err);
    if (out->rc < 0)
        return;
    log_debug("bcrypt verified in %lldms", (long long)trial->job.took_ms);
    is_right = trial->job.matches && trial->is_known;
    note(trial, is_right);
    out->verdict = is_right ? LOGINS_RIGHT : LOGINS_WRONG;
}

static void announce(struct trial *trial, const struct outcome *outcome)
{
    while (!TAILQ_EMPTY(&trial->waiters)) {
        struct waiter *waiter = TAILQ_FIRST(&trial->waiters);

        TAILQ_REMOVE(&trial->waiters, waiter, link);
        waiter->trial = NULL;
        waiter->outcome = *outcome;
        task_wake(&waiter->wait);
    }
}

static void trial_main(void *arg)
{
    struct trial *trial = arg;
    struct turns *turns = trial->logins->turns;
    bool is_suspect =
        attempts_count(trial->logins->failures, &trial->address, clock_monotonic_ms()) > 0;
    struct outcome outcome = {0};

    outcome.rc = turns_begin(turns, &trial->address, is_suspect, &outcome.err);
    if (outcome.rc == 0) {
        decide(trial, &outcome);
        turns_end(turns);
    } else if (outcome.err.code == ERROR_BUSY) {
        slow(&outcome, RETRY_WHEN_BUSY_S);
    }
    if (trial->task != NULL)
        unlist(trial);
    announce(trial, &outcome);
    explicit_bzero(trial, sizeof(*trial));
    free(trial);
}

static void fill_job(struct bcrypt_job *job, const struct login *login)
{
    const struct password *entry = login->entry;
    size_t len = login->password.len;

    if (entry->is_known)
        memcpy(job->hash, entry->entry.data, BCRYPT_LEN);
    else
        bcrypt_dummy(entry->usual_cost, job->hash);
    job->password_len = len < BCRYPT_PASSWORD_MAX ? len : BCRYPT_PASSWORD_MAX;
    if (len > 0)
        memcpy(job->password, login->password.data, job->password_len);
}

static struct trial *begin_trial(struct logins *logins, const struct login *login,
                                 const struct keys *keys)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));

    trial->logins = logins;
    trial->credentials = keys->credentials;
    trial->address = keys->address;
    trial->account = keys->account;
    trial->is_known = login->entry->is_known;
    fill_job(&trial->job, login);
    TAILQ_INIT(&trial->waiters);
    TAILQ_INSERT_TAIL(&logins->trials, trial, link);
    trial->task = task_spawn("login", trial_main, trial);
    return trial;
}

static struct trial *find_trial(const struct logins *logins, const struct login_key *credentials)
{
    struct trial *trial;

    TAILQ_FOREACH(trial, &logins->trials, link)
    {
        if (login_key_equals(&trial->credentials, credentials))
            return trial;
    }
    return NULL;
}

/* The last one sees the trial to its end, so that none outlives the requests: one that still waits
 * for its turn ends at once, one that bcrypt works on soon. */
static void leave(struct waiter *waiter)
{
    struct trial *trial = waiter->trial;
    struct error ignored = ERROR_INIT;

    if (trial == NULL)
        return;
    if (TAILQ_NEXT(TAILQ_FIRST(&trial->waiters), link) != NULL) {
        TAILQ_REMOVE(&trial->waiters, waiter, link);
        return;
    }
    if (!trial->is_begun) {
        task_cancel(trial->task);
        unlist(trial);
    }
    task_shield();
    (void)!task_wait(&waiter->wait, TASK_NO_TIMEOUT, &ignored);
    task_unshield();
}

static int wait_for(struct trial *trial, struct outcome *out, struct error *err)
{
    struct waiter waiter = {.wait = TASK_WAIT_INIT, .trial = trial};

    TAILQ_INSERT_TAIL(&trial->waiters, &waiter, link);
    if (task_wait(&waiter.wait, TASK_NO_TIMEOUT, err) < 0) {
        leave(&waiter);
        return -1;
    }
    *out = waiter.outcome;
    if (out->rc < 0)
        *err = out->err;
    return out->rc;
}

/* ---- deciding ---- */

static bool is_lately_wrong(struct logins *logins, const struct login_key *credentials)
{
    const int64_t *found_at = lru_find(logins->wrong, login_key_span(credentials));

    return found_at != NULL && clock_monotonic_ms() - *found_at < LOGINS_WRONG_MS;
}

/* Who guesses gets the answer later and later; it is the address that counts, as names are easily
 * made up. */
static int hold_back(struct logins *logins, const struct login_key *address, struct error *err)
{
    int delay = attempts_delay_ms(attempts_count(logins->failures, address, clock_monotonic_ms()));

    return delay > 0 ? task_sleep(delay, err) : 0;
}

static int try(struct logins *logins, const struct login *login, const struct keys *keys,
               struct outcome *out, struct error *err)
{
    struct trial *trial = find_trial(logins, &keys->credentials);
    int wait_s = attempts_wait_s(logins->failures, &keys->account, clock_monotonic_ms());

    if (trial == NULL && wait_s > 0) {
        slow(out, wait_s);
        return 0;
    }
    if (trial == NULL)
        trial = begin_trial(logins, login, keys);
    if (wait_for(trial, out, err) < 0)
        return -1;
    return out->verdict == LOGINS_WRONG ? hold_back(logins, &keys->address, err) : 0;
}

/* An entry that is not bcrypt is as good as none, and takes as long. */
static struct login usable(const struct login *login, const struct password *nobody)
{
    struct login result = *login;

    if (login->entry->is_known && bcrypt_cost(str_span(&login->entry->entry)) == 0)
        result.entry = nobody;
    return result;
}

int logins_verify(struct logins *logins, const struct login *login, enum logins_verdict *out,
                  int *out_retry_after_s, struct error *err)
{
    struct password nobody = {.usual_cost = login->entry->usual_cost};
    struct login asked = usable(login, &nobody);
    struct keys keys = keys_of(logins, &asked);
    struct outcome outcome = {.verdict = LOGINS_WRONG};

    if (lru_find(logins->right, login_key_span(&keys.credentials)) != NULL)
        outcome.verdict = LOGINS_RIGHT;
    else if (!is_lately_wrong(logins, &keys.credentials) &&
             try(logins, &asked, &keys, &outcome, err) < 0)
        return -1;
    *out = outcome.verdict;
    if (outcome.verdict == LOGINS_SLOWED)
        *out_retry_after_s = outcome.retry_after_s;
    return 0;
}
