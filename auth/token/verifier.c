/* SPDX-License-Identifier: Apache-2.0
 *
 * verifier - see verifier.h. What costs nothing is checked first: a token that is not for us, or
 * not signed by a key we know, never reaches a helper thread.
 *
 *     known? --no--> parse --> claims --> key --> gate --> signature --> known
 */
#include "auth/token/verifier.h"

#include "auth/token/key_files.h"
#include "auth/token/known.h"
#include "auth/token/trust.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/gate.h"
#include "lib/task/offload.h"

#include <string.h>

#include "lib/base/banned.h"

#define VERIFYING_MAX   2 /* at a time: helpers are for others too */
#define LOOK_PERIOD_MS  2000
#define LOOK_UNKNOWN_MS 100 /* after a look, none for a key not found */

struct verifier {
    char *issuer;
    char *service;
    uint32_t algorithms;
    struct watched *files;
    struct keys *keys; /* a reference; replaced when the files change */
    struct known *known;
    struct gate verifying;
};

static int64_t now_s(void)
{
    return (int64_t)clock_now().tv_sec;
}

/* ---- keys from the files ---- */

static void take(struct verifier *verifier, const struct key_files_result *result)
{
    log_warn_lines(str_span(&result->warnings));
    if (result->keys == NULL)
        return;
    keys_unref(verifier->keys);
    verifier->keys = keys_ref(result->keys);
    known_clear(verifier->known);
    log_info("token auth: trusted keys: %zu", keys_count(verifier->keys));
}

/* For changes that nobody announced: what is wrong is told, and the old keys stay. A look is enough
 * that began @age_ms ago. May suspend. Errors: CANCELED. */
static int look(struct verifier *verifier, int age_ms, struct error *err)
{
    auto_key_files_result result = KEY_FILES_RESULT_INIT;
    struct error why = ERROR_INIT;
    bool is_read;
    int done = watched_look(verifier->files, age_ms, &result, &is_read, &why);

    take(verifier, &result);
    if (done == 0)
        return 0;
    if (why.code == ERROR_CANCELED) {
        *err = why;
        return -1;
    }
    log_error("token auth: the keys stay as they were: %s", why.message);
    return 0;
}

/* Now and then, by whoever comes. May suspend. */
static int look_if_due(struct verifier *verifier, struct error *err)
{
    return is_watched_due(verifier->files, LOOK_PERIOD_MS) ? look(verifier, 0, err) : 0;
}

/* ---- verifying ---- */

/* A token that is not known, on its way to being. */
struct candidate {
    struct verifier *verifier;
    struct known_name name;
    struct jwt jwt;
    struct keys *keys; /* a reference */
    struct trust trust;
    int64_t now_s;
    int64_t until_s;
};

static void candidate_fini(struct candidate *candidate)
{
    jwt_fini(&candidate->jwt);
    keys_unref(candidate->keys);
}

/* With the keys as they are now. */
static int prepare(struct candidate *candidate, bool *out_unknown, struct error *err)
{
    struct verifier *verifier = candidate->verifier;

    keys_unref(candidate->keys);
    candidate->keys = keys_ref(verifier->keys);
    return trust_prepare(candidate->keys, &candidate->jwt, verifier->algorithms, &candidate->trust,
                         out_unknown, err);
}

/* May suspend. */
static int choose_key(struct candidate *candidate, struct error *err)
{
    struct error why = ERROR_INIT;
    bool is_unknown = false;

    if (prepare(candidate, &is_unknown, &why) == 0)
        return 0;
    if (!is_unknown) {
        *err = why;
        return -1;
    }
    if (look(candidate->verifier, LOOK_UNKNOWN_MS, err) < 0) /* it may have come a moment ago */
        return -1;
    return prepare(candidate, &is_unknown, err);
}

/* On a helper thread. */
static int verify_job(void *arg, struct error *err)
{
    struct candidate *candidate = arg;

    return trust_verify(&candidate->trust, candidate->now_s, &candidate->until_s, err);
}

/* Within the gate `verifying`, unless another request has done it meanwhile. May suspend. */
static int verify_once(struct candidate *candidate, struct error *err)
{
    struct verifier *verifier = candidate->verifier;
    bool is_unknown;

    if (known_find(verifier->known, &candidate->name, candidate->now_s) != NULL)
        return 0;
    do { /* again, when the keys were replaced meanwhile */
        if (prepare(candidate, &is_unknown, err) < 0 || offload(verify_job, candidate, err) < 0)
            return -1;
    } while (candidate->keys != verifier->keys);
    known_add(verifier->known, &candidate->name, candidate->jwt.claims, candidate->until_s);
    candidate->jwt.claims = NULL;
    return 0;
}

/* May suspend. */
static int verify(struct candidate *candidate, struct error *err)
{
    struct verifier *verifier = candidate->verifier;
    int done;

    if (claims_check(candidate->jwt.claims, verifier->issuer, verifier->service, candidate->now_s,
                     err) < 0 ||
        choose_key(candidate, err) < 0 || gate_enter(&verifier->verifying, err) < 0)
        return -1;
    done = verify_once(candidate, err);
    gate_leave(&verifier->verifying);
    return done;
}

static int make_known(struct verifier *verifier, struct span token, const struct known_name *name,
                      struct error *err)
{
    struct candidate candidate = {.verifier = verifier, .name = *name, .now_s = now_s()};
    int done;

    done = jwt_parse(token, &candidate.jwt, err);
    if (done < 0)
        error_wrap(err, "error while unmarshalling raw token");
    else
        done = verify(&candidate, err);
    candidate_fini(&candidate);
    return done;
}

int verifier_claims(struct verifier *verifier, struct span token, const struct claims **out,
                    struct error *err)
{
    struct known_name name = known_name_of(token);
    const struct claims *claims;

    if (look_if_due(verifier, err) < 0)
        return -1;
    claims = known_find(verifier->known, &name, now_s());
    if (claims == NULL) {
        if (make_known(verifier, token, &name, err) < 0)
            return -1;
        claims = known_find(verifier->known, &name, now_s());
    }
    if (claims == NULL)
        return error_set(err, ERROR_INVALID, "token expired while it was verified");
    if (claims_check(claims, verifier->issuer, verifier->service, now_s(), err) < 0)
        return -1;
    *out = claims;
    return 0;
}

/* ---- life ---- */

int verifier_open(const struct verifier_options *options, struct verifier **out, struct error *err)
{
    struct verifier *verifier = xcalloc(1, sizeof(*verifier));

    verifier->issuer = xstrdup(options->issuer);
    verifier->service = xstrdup(options->service);
    verifier->algorithms = options->algorithms;
    verifier->known = known_new();
    gate_init(&verifier->verifying, VERIFYING_MAX);
    verifier->files = key_files_watch(options->bundle, options->jwks);
    if (verifier_reload(verifier, err) < 0) {
        verifier_close(verifier);
        return -1;
    }
    *out = verifier;
    return 0;
}

void verifier_close(struct verifier *verifier)
{
    watched_free(verifier->files);
    known_free(verifier->known);
    keys_unref(verifier->keys);
    free(verifier->issuer);
    free(verifier->service);
    free(verifier);
}

int verifier_reload(struct verifier *verifier, struct error *err)
{
    auto_key_files_result result = KEY_FILES_RESULT_INIT;
    int done = watched_read(verifier->files, &result, err);

    take(verifier, &result);
    return done;
}
