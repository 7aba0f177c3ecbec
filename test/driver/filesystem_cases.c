/* SPDX-License-Identifier: Apache-2.0
 *
 * filesystem_cases - what only the filesystem driver promises: what the tree looks like from
 * outside, other processes, links, full disks.
 */
#include "drivers/drivers.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "test/driver/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/banned.h"

/* The path of @name below the case's root. Given: free. */
static char *below(const char *name)
{
    auto_str path = STR_INIT(4096);

    str_append_format(&path, "%s%s", suite_root(), name);
    return str_take(&path);
}

static int open_filesystem(char *root, struct store **out, struct error *err)
{
    struct config config = {.storage.filesystem.root = root};

    return store_open(&filesystem_driver, &config, out, err);
}

static unsigned mode_of(const char *name)
{
    auto_free char *path = below(name);
    struct stat stat;

    assert_int_equal(lstat(path, &stat), 0);
    return stat.st_mode & 07777;
}

static void modes_follow_the_umask(struct store *store)
{
    struct storage_writer *writer = NULL;
    struct error err = ERROR_INIT;
    mode_t before = umask(027);

    expect_put(store, "/d/e/link", "x");
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_CREATE, &writer, &err), 0);
    assert_int_equal(store_writer_commit(writer, "/blobs/data", &err), 0);
    store_writer_close(writer);
    umask(before);
    assert_int_equal(mode_of("/d"), 0750);
    assert_int_equal(mode_of("/d/e"), 0750);
    assert_int_equal(mode_of("/d/e/link"), 0640);
    assert_int_equal(mode_of("/blobs"), 0750);
    assert_int_equal(mode_of("/blobs/data"), 0640);
}

static void own_temporaries_are_not_listed(struct store *store)
{
    auto_free char *temporary = below("/d/.0123456789abcdef.tmp");
    auto_free char *other = below("/d/.0123456789abcdex.tmp");
    int fd;

    expect_put(store, "/d/link", "x");
    fd = open(temporary, O_CREAT | O_WRONLY, 0666);
    close(fd);
    fd = open(other, O_CREAT | O_WRONLY, 0666);
    close(fd);
    expect_list(store, "/d", ".0123456789abcdex.tmp link ");
    unlink(temporary);
    unlink(other);
}

static void linked_directories_are_followed_but_not_removed_through(struct store *store)
{
    auto_free char *link_path = below("/d/linked");
    struct error err = ERROR_INIT;

    expect_put(store, "/elsewhere/file", "x");
    expect_put(store, "/d/other", "y");
    assert_int_equal(symlink("../elsewhere", link_path), 0);
    expect_content(store, "/d/linked/file", "x");
    expect_put(store, "/d/linked/new", "z");
    expect_content(store, "/elsewhere/new", "z");
    expect_list(store, "/d/linked", "file new ");
    assert_int_equal(store_remove(store, "/d", &err), 0);
    expect_list(store, "/elsewhere", "file new ");
}

static void a_fifo_in_the_tree_is_no_content(struct store *store)
{
    auto_free char *fifo = below("/d/fifo");
    struct storage_reader *reader;
    struct error err = ERROR_INIT;

    expect_put(store, "/d/link", "x");
    assert_int_equal(mkfifo(fifo, 0666), 0);
    expect_missing(store, "/d/fifo");
    assert_int_equal(store_reader_open(store, "/d/fifo", 0, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_remove(store, "/d/fifo", &err), 0);
}

static void a_root_that_vanished_is_made_again(struct store *store)
{
    assert_int_equal(rmdir(suite_root()), 0);
    expect_missing(store, "/d/link");
    expect_put(store, "/d/link", "x");
    expect_content(store, "/d/link", "x");
}

static void readers_offer_their_descriptor(struct store *store)
{
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;
    char byte = 0;

    expect_put(store, "/d/link", "x");
    assert_int_equal(store_reader_open(store, "/d/link", 0, &reader, &err), 0);
    assert_true(reader->fd >= 0);
    assert_int_equal(pread(reader->fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    store_reader_close(reader);
}

static void open_refuses_a_root_that_is_a_file(struct store *store)
{
    auto_free char *file = below("/file");
    auto_free char *through = below("/file/below");
    struct store *other = NULL;
    struct error err = ERROR_INIT;

    expect_put(store, "/file", "x");
    assert_int_equal(open_filesystem(file, &other, &err), -1);
    assert_non_null(strstr(err.message, file));
    assert_int_equal(open_filesystem(through, &other, &err), -1);
    assert_non_null(strstr(err.message, through));
}

static void open_makes_the_root(struct store *store)
{
    auto_free char *root = below("/new/root/");
    auto_free char *made = below("/new/root");
    struct store *other = NULL;
    struct error err = ERROR_INIT;
    struct stat stat;

    (void)store;
    assert_int_equal(open_filesystem(root, &other, &err), 0);
    assert_int_equal(lstat(made, &stat), 0);
    assert_true(S_ISDIR(stat.st_mode));
    expect_put(other, "/d/link", "x");
    expect_content(store, "/new/root/d/link", "x");
    store_close(other);
}

/* ---- other processes ---- */

/* A child that opens a writer on its own loop-less way: it only needs the lock of the file, which
 * any process can take with flock. Writes a byte to @ready and waits to be killed. */
static pid_t spawn_holder(const char *path)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY);

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void a_writer_of_another_process_excludes_until_it_is_killed(struct store *store)
{
    auto_free char *path = below("/up/data");
    struct storage_writer *writer = NULL;
    struct error err = ERROR_INIT;
    pid_t pid;

    expect_put(store, "/up/data", "12345");
    pid = spawn_holder(path);
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_APPEND, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_CREATE, &writer, &err),
                     -1);
    assert_int_equal(err.code, ERROR_BUSY);
    expect_content(store, "/up/data", "12345");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_APPEND, &writer, &err), 0);
    assert_int_equal(writer->size, 5);
    store_writer_close(writer);
}

static void our_writer_excludes_other_processes(struct store *store)
{
    auto_free char *path = below("/up/data");
    struct storage_writer *writer = NULL;
    struct error err = ERROR_INIT;
    int status = 0;
    pid_t pid;

    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_CREATE, &writer, &err), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY);

        _exit(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    store_writer_close(writer);
}

/* ---- a full disk ---- */

static void fill_and_check(struct store *store)
{
    auto_free char *bytes = make_bytes(600000, 7);
    struct storage_writer *writer = NULL;
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    expect_put(store, "/small/link", "old");
    assert_int_equal(store_writer_open(store, "/up/data", STORAGE_WRITER_CREATE, &writer, &err), 0);
    assert_int_equal(write_bytes(writer, bytes, 600000, &err), 0);
    assert_int_equal(write_bytes(writer, bytes, 600000, &err), -1);
    assert_int_equal(err.code, ERROR_FULL);
    assert_int_equal(writer->size, 600000);
    assert_int_equal(store_stat(store, "/up/data", &stat, &err), 0);
    assert_int_equal(stat.size, 600000);
    assert_int_equal(store_put(store, "/small/link", span_make(bytes, 600000), &err), -1);
    assert_int_equal(err.code, ERROR_FULL);
    expect_content(store, "/small/link", "old");
    expect_list(store, "/small", "link ");
    assert_int_equal(store_writer_flush(writer, &err), 0); /* what was accepted is still good */
    store_writer_close(writer);
    expect_stream(store, "/up/data", 0, bytes, 600000);
    assert_int_equal(count_temporaries(), 0);
}

static void a_full_disk_is_reported_and_leaves_what_was(struct store *store)
{
    auto_free char *mount_point = below("/mnt");
    struct store *small = NULL;
    struct error err = ERROR_INIT;

    (void)store;
    assert_int_equal(mkdir(mount_point, 0777), 0);
    if (mount("tmpfs", mount_point, "tmpfs", 0, "size=1m") < 0) {
        print_message("not run: no tmpfs can be mounted here (%s)\n", strerror(errno));
        return;
    }
    assert_int_equal(open_filesystem(mount_point, &small, &err), 0);
    fill_and_check(small);
    store_close(small);
    assert_int_equal(umount2(mount_point, MNT_DETACH), 0);
}

const struct suite_case filesystem_cases[] = {
    SUITE_CASE(modes_follow_the_umask),
    SUITE_CASE(own_temporaries_are_not_listed),
    SUITE_CASE(linked_directories_are_followed_but_not_removed_through),
    SUITE_CASE(a_fifo_in_the_tree_is_no_content),
    SUITE_CASE(a_root_that_vanished_is_made_again),
    SUITE_CASE(readers_offer_their_descriptor),
    SUITE_CASE(open_refuses_a_root_that_is_a_file),
    SUITE_CASE(open_makes_the_root),
    SUITE_CASE(a_writer_of_another_process_excludes_until_it_is_killed),
    SUITE_CASE(our_writer_excludes_other_processes),
    SUITE_CASE(a_full_disk_is_reported_and_leaves_what_was),
    {NULL, NULL},
};
