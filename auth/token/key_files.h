/* SPDX-License-Identifier: Apache-2.0
 *
 * key_files - the operator's files of trusted keys: read whole, and looked at for changes.
 */
#pragma once

#include "auth/token/keys.h"

#include <stdbool.h>
#include <sys/types.h>

/* What tells one state of a file from another. */
struct key_files_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified_at;
    struct timespec changed_at;
    int sys; /* errno of a file that cannot be looked at; 0 fine */
};

struct key_files {
    char *bundle;                        /* owned; "" for none */
    char *jwks;                          /* likewise */
    struct key_files_stamp bundle_stamp; /* of what was last read, well or not */
    struct key_files_stamp jwks_stamp;
};

struct key_files_result {
    bool is_new;         /* whether the files were read */
    struct keys *keys;   /* given, when they were read without a fault: keys_unref */
    struct str warnings; /* owned; lines for the log */
};

void key_files_init(struct key_files *files, const char *bundle, const char *jwks);
void key_files_fini(struct key_files *files);

/*
 * key_files_look - read the files if they have changed since they were last read. May suspend.
 *
 * @is_forced  read them anyway
 * @out        to be ended with key_files_result_fini, after a failure too
 *
 * One call at a time. What failed is tried again when a file changes. Errors: INVALID, in
 * upstream's words; CANCELED.
 */
must_check int key_files_look(struct key_files *files, bool is_forced, struct key_files_result *out,
                              struct error *err);
void key_files_result_fini(struct key_files_result *result);
