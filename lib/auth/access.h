/* SPDX-License-Identifier: Apache-2.0
 *
 * access - who may do what: the interface of an access controller, and what a request asks of it.
 *
 *     api: records of the request --check--> controller --> granted | challenged | denied | slowed
 *
 * A record is one action on one resource: repository:library/busybox:pull. Controllers live in
 * auth/ and are known only to the table there. Source: upstream's token specification for the
 * terms; upstream's controllers for the behaviour.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

#define ACCESS_RECORDS_MAX   4
#define ACCESS_CHALLENGE_MAX (512 << 10) /* bytes of a challenge: a head's worth, escaped */
#define ACCESS_REASON_MAX    4096
#define ACCESS_USER_MAX      (64 << 10)

struct access_record {
    const char *type;   /* "repository", "registry"; static */
    const char *name;   /* "library/busybox", "catalog"; lent */
    const char *action; /* "pull", "push", "delete", "*"; static */
};

/* All texts are lent for the call; spans are empty for what the request does not say. The names of
 * records are the client's: of any length, and of a shape that no repository has. */
struct access_request {
    struct span authorization;   /* the Authorization header */
    struct span host;            /* the Host header */
    struct span forwarded_proto; /* X-Forwarded-Proto */
    const char *base_url; /* how the client sees us: scheme, host and prefix, "https://h:5/" */
    const char *peer;     /* address of the client's host, for slowing down guesses */
    struct access_record records[ACCESS_RECORDS_MAX];
    size_t record_count; /* 0: only "who are you" (GET /v2/) */
};

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_CHALLENGED, /* 401 with @challenge: nobody we know, or not what was asked for */
    ACCESS_DENIED,     /* 403: somebody we know, who may not; a login would change nothing */
    ACCESS_SLOWED,     /* 429: too many wrong passwords from there; @retry_after_s says when */
};

struct access_answer {
    enum access_verdict verdict; /* GRANTED at first */
    struct str challenge;        /* value of WWW-Authenticate */
    struct str reason; /* for the log, in upstream's words: "basic authentication challenge
                        * for realm \"R\": invalid authorization credential" */
    struct str user;   /* who it is, "" for nobody; also when not granted, if known */
    int retry_after_s;
};

void access_answer_init(struct access_answer *answer);
void access_answer_fini(struct access_answer *answer);
#define auto_access_answer auto_cleanup(access_answer_fini) struct access_answer

/* What a controller keeps; each embeds it as its first member. */
struct access_control {
    const struct access_controller *controller;
};

struct access_controller {
    const char *name; /* "htpasswd": the key below `auth` */

    /* Reads its options and files. At the start only, in a task: may suspend. Given: close.
     * @secret: http.secret, lent for the control's life. Errors: INVALID, with upstream's message
     * without the common prefix ("realm" must be set for htpasswd access controller). */
    int (*open)(const struct config *config, struct span secret, struct access_control **out,
                struct error *err);
    void (*close)(struct access_control *control);

    /* Decides. Fills @answer; -1 only when it cannot decide (an unreadable file): the request is
     * refused with 400 then. May suspend. */
    int (*check)(struct access_control *control, const struct access_request *request,
                 struct access_answer *answer, struct error *err);

    /* SIGHUP: reads files again at once; what cannot be read leaves the old in place. NULL slot:
     * nothing to read. May suspend. */
    int (*reload)(struct access_control *control, struct error *err);

    /* GET or POST on the registry's own token endpoint, <prefix>auth/token, answered with JSON or
     * an answer that is not GRANTED. A NULL slot, or GRANTED with an empty @out_json: there is no
     * such endpoint (404). @query is the target's query; @form the body of a POST, else empty: both
     * encoded, see lib/base/query.h. @request has no records. -1 as for check. May suspend. */
    int (*token)(struct access_control *control, const struct access_request *request,
                 struct span query, struct span form, struct str *out_json,
                 struct access_answer *answer, struct error *err);
};

/* Adds a record; more than ACCESS_RECORDS_MAX is a mistake of the caller. */
void access_request_add(struct access_request *request, const char *type, const char *name,
                        const char *action);

/* Appends @value in quotes as upstream quotes it (Go's %q): nothing that could end a header line or
 * the quotes gets through. */
void access_append_quoted(struct str *out, struct span value);

/* The user and password of `Basic <base64>`. False: another scheme, or not well formed. The texts
 * are appended; neither holds a NUL, the user no colon, the password may be empty. */
must_check bool access_basic(struct span authorization, struct str *out_user,
                             struct str *out_password);

/* The token of `Bearer <token>`: two parts with one blank between them, as upstream splits them;
 * lent from @authorization. False: none. */
must_check bool access_bearer(struct span authorization, struct span *out_token);
