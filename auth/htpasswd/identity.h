/* SPDX-License-Identifier: Apache-2.0
 *
 * identity - who a request comes from: a user by name and password, or by a token of our own. What
 * that user may do is not asked here.
 */
#pragma once

#include "auth/htpasswd/logins.h"
#include "auth/htpasswd/password_file.h"
#include "auth/htpasswd/ticket.h"
#include "lib/auth/access.h"

enum identity {
    IDENTITY_USER,      /* the name is in answer->user */
    IDENTITY_ANONYMOUS, /* says so: has a token for nobody */
    IDENTITY_NOBODY,    /* says nothing */
    IDENTITY_WRONG,     /* a password or a user that is not right */
    IDENTITY_INVALID,   /* an Authorization header that says nothing we understand */
    IDENTITY_BAD_TOKEN,
    IDENTITY_SLOWED, /* the answer is filled */
};

/* What is known of users; the controller owns it. */
struct identity_sources {
    struct password_file *file;
    struct logins *logins;
    struct ticket_key key; /* of tokens */
    bool is_token_taken;
};

struct identity_credentials {
    struct str user;
    struct str password;
};

/* Wipes the password. */
void identity_credentials_fini(struct identity_credentials *credentials);

#define IDENTITY_CREDENTIAL_MAX (64 << 10) /* bytes of a name or a password */
#define auto_identity_credentials                                                                  \
    auto_cleanup(identity_credentials_fini) struct identity_credentials
#define IDENTITY_CREDENTIALS_INIT                                                                  \
    {                                                                                              \
        .user = STR_INIT(IDENTITY_CREDENTIAL_MAX), .password = STR_INIT(IDENTITY_CREDENTIAL_MAX)   \
    }

/* The credentials of an Authorization header. */
bool identity_read_header(const struct access_request *request, struct identity_credentials *out);

/* Those of a form of OAuth 2; false if it is for something that is not done here, such as
 * refreshing. */
bool identity_read_form(struct span form, struct identity_credentials *out);

/* Whose the credentials are: USER, WRONG or SLOWED. @out_entry is the user's, whoever it is. May
 * suspend. Errors: those of password_file_find and logins_verify. */
must_check int identity_verify(const struct identity_sources *sources,
                               const struct access_request *request,
                               const struct identity_credentials *credentials,
                               struct password *out_entry, struct access_answer *answer,
                               enum identity *out, struct error *err);

/* Who the Authorization header says it is. May suspend. Errors likewise. */
must_check int identity_find(const struct identity_sources *sources,
                             const struct access_request *request, struct access_answer *answer,
                             enum identity *out, struct error *err);
