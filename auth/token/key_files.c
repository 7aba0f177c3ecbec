/* SPDX-License-Identifier: Apache-2.0
 *
 * key_files - see key_files.h.
 */
#include "auth/token/key_files.h"

#include "lib/base/banned.h"

enum { BUNDLE, JWKS, FILE_COUNT };

void key_files_result_fini(struct key_files_result *result)
{
    keys_unref(result->keys);
    str_fini(&result->warnings);
}

static bool is_given(const struct watched_file *file)
{
    return file->path[0] != '\0';
}

/* @what as upstream calls the file, which also says at what it failed. */
static int check_read(const struct watched_file *file, const char *what, struct error *err)
{
    if (file->err.code == ERROR_NONE)
        return 0;
    return error_set(err, ERROR_INVALID, "unable to %s %s file \"%s\": %s",
                     file->err.sys != 0 ? "open" : "read", what, file->path, file->err.message);
}

static int add_bundle(struct keys *keys, const struct watched_file *files, struct str *warnings,
                      struct error *err)
{
    const struct watched_file *bundle = &files[BUNDLE];

    if (!is_given(bundle))
        return 0;
    if (check_read(bundle, "token auth root certificate bundle", err) < 0 ||
        keys_add_bundle(keys, str_span(&bundle->text), warnings, err) < 0)
        return -1;
    if (keys_count(keys) == 0 && !is_given(&files[JWKS]))
        return error_set(err, ERROR_INVALID,
                         "token auth requires at least one token signing root certificate");
    return 0;
}

static int add_jwks(struct keys *keys, struct watched_file *jwks, struct str *warnings,
                    struct error *err)
{
    if (!is_given(jwks))
        return 0;
    if (check_read(jwks, "jwks", err) < 0)
        return -1;
    return keys_add_jwks(keys, &jwks->text, warnings, err);
}

/* On a helper thread. */
static int read_keys(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    auto_keys struct keys *keys = keys_new();
    struct key_files_result *out = arg;

    (void)count;
    if (add_bundle(keys, files, &out->warnings, err) < 0 ||
        add_jwks(keys, &files[JWKS], &out->warnings, err) < 0)
        return -1;
    if (keys_count(keys) == 0)
        return error_set(err, ERROR_INVALID, "token auth requires at least one token signing key");
    out->keys = keys;
    keys = NULL;
    return 0;
}

struct watched *key_files_watch(const char *bundle, const char *jwks)
{
    const char *paths[FILE_COUNT] = {[BUNDLE] = bundle, [JWKS] = jwks};

    return watched_new(&(struct watched_options){
        .paths = paths,
        .count = FILE_COUNT,
        .size_max = KEYS_FILE_MAX,
        .read = read_keys,
    });
}
