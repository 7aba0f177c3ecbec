/* SPDX-License-Identifier: Apache-2.0
 *
 * rules_file - the access file as it is, looked at once a second while requests come.
 *
 * What cannot be read or has a mistake changes nothing and is told once: the rules before it stay.
 * Loop thread only.
 */
#pragma once

#include "auth/htpasswd/rules.h"
#include "lib/base/cleanup.h"

#define RULES_FILE_LOOK_MS 1000 /* between two looks at the file */

struct rules_file;

/*
 * rules_file_open - read @path for the first time. May suspend.
 *
 * Given: rules_file_close, when no task uses it. Errors: whatever keeps the file from being read;
 * INVALID and TOO_LARGE as rules_parse, with the path in front.
 */
must_check int rules_file_open(const char *path, struct rules_file **out, struct error *err);
void rules_file_close(struct rules_file *file); /* NULL is fine */

/* The rules that hold now; lent until the next wait. */
const struct rules *rules_file_rules(const struct rules_file *file);

/*
 * rules_file_refresh - look whether the file has changed, if the last look was a while ago and no
 * other task is at it. May suspend.
 *
 * Returns 1 when other rules hold now, else 0, also when the file cannot be read, which the log
 * tells. -1 with @err: CANCELED.
 */
must_check int rules_file_refresh(struct rules_file *file, struct error *err);

/* Reads the file again at once. Errors: as rules_file_open, and the rules stay. May suspend. */
must_check int rules_file_reload(struct rules_file *file, struct error *err);
