/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd - makes, changes and checks the password file of a registry: takes the place of Apache's
 * program of this name for what a registry needs, with its options, messages and statuses.
 * docs/auth.md is the manual.
 */
#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/password_write.h"
#include "auth/htpasswd/passwords.h"
#include "cmd/htpasswd/arguments.h"
#include "cmd/htpasswd/edit.h"
#include "cmd/htpasswd/prompt.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define RECORD_MAX    (ARGUMENT_LEN_MAX + BCRYPT_SIZE + 1)
#define PASSWORD_ROOM (ARGUMENT_LEN_MAX + 2) /* with the end of its line */

/* ---- the file ---- */

/* What is there before the change, held against another htpasswd until the end of the process. */
struct file {
    const char *path;
    bool exists;
    struct str text; /* owned */
};

static void file_fini(struct file *file)
{
    str_fini(&file->text);
}

static bool is_file(const char *path)
{
    struct stat there;

    return stat(path, &there) == 0 && S_ISREG(there.st_mode);
}

static bool can_create(const char *path)
{
    auto_free char *copy = xstrdup(path);
    struct stat there;

    return stat(path, &there) < 0 && access(dirname(copy), W_OK | X_OK) == 0;
}

static enum status check_file(const struct arguments *arguments, bool *out_exists)
{
    const char *path = arguments->path;
    int mode = arguments->action == ACTION_VERIFY ? R_OK : R_OK | W_OK;

    *out_exists = is_file(path);
    if (*out_exists && access(path, mode) < 0)
        fprintf(stderr, "htpasswd: cannot open file %s for read/write access\n", path);
    else if (!*out_exists && arguments->action != ACTION_CREATE)
        fprintf(stderr, "htpasswd: cannot modify file %s; use '-c' to create it\n", path);
    else if (!*out_exists && !can_create(path))
        fprintf(stderr, "htpasswd: cannot create file %s\n", path);
    else
        return STATUS_FINE;
    return STATUS_FILE;
}

/* Two that change one file at once take turns. The lock is on the file, which its holder may have
 * replaced: then it is the new one that counts. Filesystems without locks go without. */
static void lock_file(const char *path)
{
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat opened;
        struct stat named;

        if (fd < 0 || flock(fd, LOCK_EX) < 0)
            return;
        if (fstat(fd, &opened) < 0 || stat(path, &named) < 0 ||
            (opened.st_ino == named.st_ino && opened.st_dev == named.st_dev))
            return;
        close(fd);
    }
}

static enum status read_file(struct file *file)
{
    struct error err = ERROR_INIT;

    if (file_read(file->path, &file->text, &err) == 0)
        return STATUS_FINE;
    fprintf(stderr, "htpasswd: %s\n", err.message);
    return STATUS_FILE;
}

static enum status check_format(const struct file *file, struct passwords **out)
{
    struct error err = ERROR_INIT;

    if (passwords_parse(str_span(&file->text), out, &err) == 0)
        return STATUS_FINE;
    fprintf(stderr, "htpasswd: The file %s does not appear to be a valid htpasswd file.\n",
            file->path);
    return STATUS_FORMAT;
}

static mode_t usual_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

/* Ctrl-C does not leave half a change behind. */
static enum status write_file(const struct file *file, struct span content)
{
    struct error err = ERROR_INIT;
    sigset_t all;
    int rc;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    if (file->exists)
        rc = password_write_over(file->path, content, &err);
    else
        rc = password_write_new(file->path, usual_mode(), content, &err);
    if (rc == 0)
        return STATUS_FINE;
    fprintf(stderr, "htpasswd: unable to update file %s: %s\n", file->path, err.message);
    return STATUS_FILE;
}

/* ---- the password ---- */

static enum status explain(enum prompt_result result)
{
    if (result == PROMPT_INTERRUPTED) {
        fputs("\nhtpasswd: Interrupted.\n", stderr);
        return STATUS_INTERRUPTED;
    }
    fprintf(stderr, "htpasswd: cannot read the password: %s\n",
            errno != 0 ? strerror(errno) : "end of input");
    return STATUS_GENERAL;
}

/* @again NULL: ask once. */
static enum status ask(const char *question, const char *again, struct str *out)
{
    auto_str second = STR_INIT(PASSWORD_ROOM);
    enum prompt_result result = prompt_ask(question, out);

    if (result == PROMPT_FINE && again != NULL)
        result = prompt_ask(again, &second);
    if (result != PROMPT_FINE)
        return explain(result);
    if (again == NULL || span_equals(str_span(out), str_span(&second)))
        return STATUS_FINE;
    fputs("htpasswd: password verification error\n", stderr);
    return STATUS_MISMATCH;
}

static enum status check_password(const struct str *password)
{
    if (str_overflowed(password) || password->len > ARGUMENT_LEN_MAX) {
        fprintf(stderr, "htpasswd: password too long (> %d)\n", ARGUMENT_LEN_MAX);
        return STATUS_OVERFLOW;
    }
    if (password->len > 0 && memchr(password->data, '\0', password->len) != NULL) {
        fputs("htpasswd: the password holds a NUL\n", stderr);
        return STATUS_GENERAL;
    }
    if (password->len > BCRYPT_PASSWORD_MAX)
        fprintf(stderr,
                "htpasswd: Warning: bcrypt uses the first %d bytes of a password, the rest does "
                "not count.\n",
                BCRYPT_PASSWORD_MAX);
    return STATUS_FINE;
}

static enum status get_password(const struct arguments *arguments, struct str *out)
{
    enum status status = STATUS_FINE;

    if (arguments->source == SOURCE_ARGUMENT) {
        str_append_text(out, arguments->password);
    } else if (arguments->source == SOURCE_STDIN) {
        enum prompt_result result = prompt_stdin(out);

        status = result == PROMPT_FINE ? STATUS_FINE : explain(result);
    } else if (arguments->action == ACTION_VERIFY) {
        status = ask("Enter password: ", NULL, out);
    } else {
        status = ask("New password: ", "Re-type new password: ", out);
    }
    return status == STATUS_FINE ? check_password(out) : status;
}

static enum status make_record(const struct arguments *arguments, const struct str *password,
                               struct str *out)
{
    struct error err = ERROR_INIT;
    char hash[BCRYPT_SIZE];

    if (arguments->cost < BCRYPT_COST_MIN || arguments->cost > BCRYPT_COST_MAX) {
        fprintf(stderr, "htpasswd: Unable to encode with bcrypt: cost %lu is not in %d..%d\n",
                arguments->cost, BCRYPT_COST_MIN, BCRYPT_COST_MAX);
        return STATUS_MISMATCH;
    }
    if (bcrypt_make('y', (unsigned)arguments->cost, str_span(password), hash, &err) < 0) {
        fprintf(stderr, "htpasswd: %s\n", err.message);
        return STATUS_RANDOM;
    }
    str_append_format(out, "%s:%s", arguments->user, hash);
    return STATUS_FINE;
}

/* ---- the actions ---- */

static enum status not_found(const char *user)
{
    fprintf(stderr, "User %s not found\n", user);
    return STATUS_USER;
}

static enum status verify(const struct arguments *arguments, const struct file *file,
                          const struct str *password)
{
    struct passwords *passwords = NULL;
    enum status status = check_format(file, &passwords);
    struct span entry;

    if (status != STATUS_FINE)
        return status;
    if (!passwords_find(passwords, span_of(arguments->user), &entry)) {
        status = not_found(arguments->user);
    } else if (bcrypt_cost(entry) == 0) {
        fprintf(stderr,
                "htpasswd: the entry of user %s is not bcrypt: a registry does not take it\n",
                arguments->user);
        status = STATUS_MISMATCH;
    } else if (!bcrypt_matches(entry, str_span(password))) {
        fputs("password verification failed\n", stderr);
        status = STATUS_MISMATCH;
    } else {
        fprintf(stderr, "Password for user %s correct.\n", arguments->user);
    }
    passwords_free(passwords);
    return status;
}

/* @record empty: the user goes. */
static enum status change(const struct arguments *arguments, const struct file *file,
                          struct span record)
{
    auto_str content = STR_INIT(PASSWORDS_FILE_MAX + RECORD_MAX);
    struct passwords *passwords = NULL;
    enum status status = check_format(file, &passwords);
    const char *verb = record.len == 0 ? "Deleting" : "Updating";

    if (status != STATUS_FINE)
        return status;
    passwords_free(passwords);
    if (edit_lines(str_span(&file->text), span_of(arguments->user), record, &content) == 0) {
        if (record.len == 0) {
            not_found(arguments->user);
            return STATUS_FINE;
        }
        verb = "Adding";
    }
    status = write_file(file, str_span(&content));
    if (status == STATUS_FINE)
        fprintf(stderr, "%s password for user %s\n", verb, arguments->user);
    return status;
}

/* The password is asked for before the lock is taken. */
static enum status change_file(const struct arguments *arguments, struct span record,
                               const struct str *password)
{
    auto_cleanup(file_fini) struct file file = {.path = arguments->path,
                                                .text = STR_INIT(PASSWORDS_FILE_MAX)};
    enum status status = check_file(arguments, &file.exists);

    if (status != STATUS_FINE)
        return status;
    if (file.exists && arguments->action != ACTION_VERIFY)
        lock_file(file.path);
    if (file.exists && arguments->action != ACTION_CREATE)
        status = read_file(&file);
    if (status != STATUS_FINE)
        return status;
    if (arguments->action == ACTION_VERIFY)
        return verify(arguments, &file, password);
    return change(arguments, &file, record);
}

static enum status print_record(const struct str *record)
{
    if (printf("%s\n\n", str_text(record)) < 0 || fflush(stdout) != 0) {
        fprintf(stderr, "htpasswd: cannot write: %s\n", strerror(errno));
        return STATUS_FILE;
    }
    return STATUS_FINE;
}

static enum status run(const struct arguments *arguments)
{
    auto_str password = STR_INIT(PASSWORD_ROOM);
    auto_str record = STR_INIT(RECORD_MAX);
    enum status status = STATUS_FINE;
    bool exists;

    if (arguments->action != ACTION_PRINT)
        status = check_file(arguments, &exists);
    if (status == STATUS_FINE && arguments->action != ACTION_DELETE)
        status = get_password(arguments, &password);
    if (status == STATUS_FINE && arguments->action != ACTION_DELETE &&
        arguments->action != ACTION_VERIFY)
        status = make_record(arguments, &password, &record);
    if (status != STATUS_FINE)
        return status;
    if (arguments->action == ACTION_PRINT)
        return print_record(&record);
    return change_file(arguments, str_span(&record), &password);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    enum status status = arguments_read(argc, argv, &arguments);

    return (int)(status == STATUS_FINE ? run(&arguments) : status);
}
