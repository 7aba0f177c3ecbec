/* SPDX-License-Identifier: Apache-2.0
 *
 * watched_files - see watched_files.h.
 */
#include "lib/task/watched_files.h"

#include "lib/base/file.h"
#include "lib/base/memory.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

/* ---- which there are ---- */

static void add(struct watched_files *files, const char *path, bool is_listed)
{
    files->items = xrealloc(files->items, (files->count + 1) * sizeof(*files->items));
    files->items[files->count++] = (struct watched_file){
        .path = xstrdup(path),
        .is_listed = is_listed,
        .version = file_version_look(path),
    };
}

static bool is_kind(const char *path, mode_t kind)
{
    struct stat there;

    return stat(path, &there) == 0 && (there.st_mode & S_IFMT) == kind;
}

/* One that cannot be listed is a file that cannot be read: its owner is told. */
static void add_directory(struct watched_files *files, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);

    if (count < 0) {
        add(files, path, false);
        return;
    }
    for (int i = 0; i < count; i++) {
        auto_str file = STR_INIT(PATH_MAX);

        str_append_format(&file, "%s/%s", path, entries[i]->d_name);
        if (is_kind(str_text(&file), S_IFREG))
            add(files, str_text(&file), true);
        free(entries[i]);
    }
    free(entries);
}

struct watched_files watched_files_list(const char *const *paths, size_t count,
                                        bool may_be_directories)
{
    struct watched_files files = {0};

    for (size_t i = 0; i < count; i++) {
        if (may_be_directories && is_kind(paths[i], S_IFDIR))
            add_directory(&files, paths[i]);
        else
            add(&files, paths[i], false);
    }
    return files;
}

void watched_files_fini(struct watched_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        str_fini(&files->items[i].text);
    }
    free(files->items);
}

bool has_watched_files_changed(const struct watched_files *now, const struct watched_files *seen)
{
    bool has_changed = now->count != seen->count;

    for (size_t i = 0; i < now->count && !has_changed; i++) {
        has_changed = strcmp(now->items[i].path, seen->items[i].path) != 0 ||
                      has_file_changed(&now->items[i].version, &seen->items[i].version);
    }
    return has_changed;
}

/* ---- what is in them ---- */

bool watched_files_read(struct watched_files *files, size_t size_max)
{
    bool is_read = true;

    for (size_t i = 0; i < files->count; i++) {
        struct watched_file *file = &files->items[i];

        file->text = STR_INIT(size_max);
        if (file_read(file->path, &file->text, &file->err) < 0)
            is_read &= file->version.sys != 0 || file->err.sys == 0;
    }
    return is_read;
}

void watched_files_wipe(struct watched_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct str *text = &files->items[i].text;

        if (text->data != NULL)
            explicit_bzero(text->data, text->cap);
        str_fini(text);
        *text = STR_INIT(0);
    }
}

void watched_files_digest(const struct watched_files *files,
                          unsigned char out[WATCHED_FILES_DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort();
    for (size_t i = 0; i < files->count; i++) {
        const struct watched_file *file = &files->items[i];
        uint64_t head[] = {file->text.len, (uint64_t)file->err.code, (uint64_t)file->err.sys};

        EVP_DigestUpdate(ctx, head, sizeof(head));
        EVP_DigestUpdate(ctx, str_text(&file->text), file->text.len);
    }
    EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
}
