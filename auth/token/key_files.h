/* SPDX-License-Identifier: Apache-2.0
 *
 * key_files - the operator's files of trusted keys, read whole.
 */
#pragma once

#include "auth/token/keys.h"
#include "lib/task/watched.h"

struct key_files_result {
    struct keys *keys;   /* given, when the files were read without a fault: keys_unref */
    struct str warnings; /* owned; lines for the log */
};

#define KEY_FILES_RESULT_INIT ((struct key_files_result){.warnings = STR_INIT(KEYS_WARNINGS_MAX)})
#define auto_key_files_result auto_cleanup(key_files_result_fini) struct key_files_result

void key_files_result_fini(struct key_files_result *result);

/* The two files, "" for none of the kind. What is read goes into a struct key_files_result, the
 * argument of looks. Errors: INVALID, in upstream's words. Given: watched_free. */
struct watched *key_files_watch(const char *bundle, const char *jwks);
