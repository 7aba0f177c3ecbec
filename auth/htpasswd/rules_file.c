/* SPDX-License-Identifier: Apache-2.0
 *
 * rules_file - see rules_file.h.
 */
#include "auth/htpasswd/rules_file.h"

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/watched.h"

#include "lib/base/banned.h"

struct rules_file {
    struct watched *watched;
    char *path; /* owned */
    struct rules *rules;
};

/* On a helper. */
static int read_rules(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    struct rules **out = arg;

    (void)count;
    if (files[0].err.code != ERROR_NONE) {
        *err = files[0].err;
        return -1;
    }
    if (rules_parse(str_span(&files[0].text), out, err) < 0)
        return error_wrap(err, "%s", files[0].path);
    return 0;
}

/* ---- on the loop ---- */

/* Whether other rules hold now. A file that was gone may come back as it was. @rules: taken. */
static bool take(struct rules_file *file, struct rules *rules)
{
    if (rules == NULL)
        return false;
    if (file->rules != NULL && span_equals(rules_text(file->rules), rules_text(rules))) {
        rules_free(rules);
        return false;
    }
    rules_free(file->rules);
    file->rules = rules;
    log_info("the access rules of %s hold now", file->path);
    return true;
}

int rules_file_open(const char *path, struct rules_file **out, struct error *err)
{
    struct rules_file *file = xcalloc(1, sizeof(*file));

    file->path = xstrdup(path);
    file->watched = watched_new(&(struct watched_options){
        .paths = &path,
        .count = 1,
        .size_max = RULES_FILE_MAX,
        .read = read_rules,
    });
    if (rules_file_reload(file, err) < 0) {
        rules_file_close(file);
        return -1;
    }
    *out = file;
    return 0;
}

void rules_file_close(struct rules_file *file)
{
    if (file == NULL)
        return;
    watched_free(file->watched);
    rules_free(file->rules);
    free(file->path);
    free(file);
}

const struct rules *rules_file_rules(const struct rules_file *file)
{
    return file->rules;
}

int rules_file_refresh(struct rules_file *file, struct error *err)
{
    struct rules *rules = NULL;
    struct error fault = ERROR_INIT;
    bool is_read;

    if (!is_watched_due(file->watched, RULES_FILE_LOOK_MS))
        return 0;
    if (watched_look(file->watched, 0, &rules, &is_read, &fault) == 0)
        return take(file, rules);
    if (fault.code == ERROR_CANCELED) {
        *err = fault;
        return -1;
    }
    log_error("the access rules stay as they are: %s", fault.message);
    return 0;
}

int rules_file_reload(struct rules_file *file, struct error *err)
{
    struct rules *rules = NULL;

    if (watched_read(file->watched, &rules, err) < 0)
        return -1;
    take(file, rules);
    return 0;
}
