/* SPDX-License-Identifier: Apache-2.0
 *
 * call - what every call of a driver's slot has around it: a checked key before, and after it the
 * debug log, the metric, and an error that names driver, verb and key. Private to lib/storage.
 */
#pragma once

#include "lib/storage/store.h"

#define CALL_SHOWN_KEY 120 /* bytes of a key's end that a message shows */

struct store {
    const struct storage_driver *driver;
    struct storage *storage;
    struct middleware *middleware; /* owned; the outermost, NULL: none */
};

enum call_verb {
    CALL_GET,
    CALL_PUT,
    CALL_STAT,
    CALL_LIST,
    CALL_REMOVE,
    CALL_CLEAR,
    CALL_SWEEP,
    CALL_READER_OPEN,
    CALL_READ,
    CALL_WRITER_OPEN,
    CALL_WRITE,
    CALL_FLUSH,
    CALL_COMMIT,
    CALL_URL_FOR,
    CALL_COUNT
};

/* One call of a slot, for the log, the metrics and the context of its error. */
struct call {
    const struct storage_driver *driver;
    enum call_verb verb;
    const char *key;
    const char *to; /* of a commit, else NULL */
    int64_t started_at;
};

struct call call_begin(const struct storage_driver *driver, enum call_verb verb, const char *key);

/* Returns @rc; @err is given its context. */
int call_end(const struct call *call, int rc, struct error *err);

/* The same for one of the many calls of a stream: not logged. */
int call_end_quietly(const struct call *call, int rc, struct error *err);

/* KEY. The root is a key where a directory will do. */
must_check int call_check_key(const char *key, struct error *err);
must_check int call_check_key_or_root(const char *key, struct error *err);

/* The last @max bytes: the end of a key says more than its beginning. Lent by @key. */
const char *call_shown_key(const char *key, size_t max);
