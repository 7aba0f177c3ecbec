/* SPDX-License-Identifier: Apache-2.0
 *
 * verifier - from the text of a token to what it says, if it is to be believed: the keys that are
 * trusted, the files they come from, and the tokens that were verified before. Loop thread only;
 * what takes long is done on helper threads, a little at a time.
 */
#pragma once

#include "auth/token/claims.h"
#include "lib/base/error.h"

#include <stdint.h>

struct verifier;

/* All texts are copied. */
struct verifier_options {
    const char *issuer;
    const char *service;
    const char *bundle;  /* PEM file; "" for none */
    const char *jwks;    /* JWKS file; likewise */
    uint32_t algorithms; /* a set of signature.h */
};

/* Reads the files. May suspend. Given: verifier_close. Errors: INVALID, in upstream's words. */
must_check int verifier_open(const struct verifier_options *options, struct verifier **out,
                             struct error *err);
void verifier_close(struct verifier *verifier); /* once nobody waits in it */

/* Reads the files again, whether they have changed or not, and forgets the verified tokens; keeps
 * the old keys when there is a fault. May suspend. Errors: INVALID, CANCELED. */
must_check int verifier_reload(struct verifier *verifier, struct error *err);

/*
 * verifier_claims - what @token says. May suspend.
 *
 * @token  lent
 * @out    lent until the next wait
 *
 * Errors: INVALID for a token that is not to be believed, with upstream's line for the log;
 * CANCELED, INTERNAL when that cannot be told.
 */
must_check int verifier_claims(struct verifier *verifier, struct span token,
                               const struct claims **out, struct error *err);
