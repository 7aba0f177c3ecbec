/* SPDX-License-Identifier: Apache-2.0
 *
 * listener - see listener.h.
 */
#include "lib/http/listener.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/http/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/banned.h"

#define BACKLOG     1024
#define KEEPALIVE_S 180 /* upstream's period */

/* "listen tcp :5000: bind: address already in use": upstream's words are the system's with a small
 * first letter. */
static int fail(struct error *err, int sys, const char *net, const char *address, const char *call)
{
    const char *text = strerror(sys);

    error_set(err, ERROR_IO, "listen %s %s: %s: %c%s", net, address, call, ascii_lower(text[0]),
              text[0] != '\0' ? text + 1 : "");
    err->sys = sys;
    return -1;
}

/* Accepted sockets inherit these. On a Unix socket they mean nothing and fail. */
static void set_tcp_options(int fd)
{
    int on = 1;
    int period = KEEPALIVE_S;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &period, sizeof(period));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &period, sizeof(period));
}

/* One socket, bound and listening. */
static int bind_socket(const struct sockaddr *to, socklen_t len, const char *net, const char *text,
                       struct error *err)
{
    auto_close int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    int taken;

    if (fd < 0)
        return fail(err, errno, net, text, "socket");
    if (to->sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set_tcp_options(fd);
    if (bind(fd, to, len) < 0)
        return fail(err, errno, net, text, "bind");
    if (listen(fd, BACKLOG) < 0)
        return fail(err, errno, net, text, "listen");
    taken = fd;
    fd = -1;
    return taken;
}

/* What the socket is bound to, in the words of the log. */
static void read_name(struct listener *listener)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound);
    char text[ADDRESS_TEXT_SIZE];
    const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)&bound;

    if (getsockname(listener->fd, (struct sockaddr *)&bound, &len) < 0)
        len = 0;
    if (bound.ss_family == AF_UNIX) {
        size_t path_len = len > offsetof(struct sockaddr_un, sun_path)
                              ? len - offsetof(struct sockaddr_un, sun_path)
                              : 0;
        bool is_abstract = path_len > 0 && local->sun_path[0] == '\0';

        snprintf(listener->name, sizeof(listener->name), "%s%.*s", is_abstract ? "@" : "",
                 (int)(path_len - is_abstract), local->sun_path + is_abstract);
    } else {
        address_format((const struct sockaddr *)&bound, text, NULL);
        snprintf(listener->name, sizeof(listener->name), "%s", text);
    }
}

static int open_tcp(struct listener *listener, const char *text, struct error *err)
{
    struct address address;

    if (address_parse(text, &address, err) < 0)
        return -1;
    listener->fd =
        bind_socket((const struct sockaddr *)&address.storage, address.len, "tcp", text, err);
    return listener->fd < 0 ? -1 : 0;
}

/* ---- Unix sockets ---- */

/* Makes room for the socket: one that is there goes, anything else stays and is an error. */
static int remove_old(const char *path, struct error *err)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return 0; /* bind says what is wrong, if anything is */
    if (!S_ISSOCK(info.st_mode))
        return error_set(err, ERROR_INVALID, "file %s exists and is not a socket", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return fail(err, errno, "unix", path, "unlink");
    return 0;
}

/* Remembers which file is ours. */
static void note_file(struct listener *listener, const char *path)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return;
    listener->path = xstrdup(path);
    listener->dev = info.st_dev;
    listener->ino = info.st_ino;
}

/* "@name" is a socket in the abstract namespace, as upstream has it. */
static int open_unix(struct listener *listener, const char *path, struct error *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    bool is_abstract = path[0] == '@';

    if (len == 0 || len >= sizeof(to.sun_path))
        return fail(err, EINVAL, "unix", path, "bind");
    if (!is_abstract && remove_old(path, err) < 0)
        return -1;
    memcpy(to.sun_path, path, len);
    if (is_abstract)
        to.sun_path[0] = '\0';
    listener->fd =
        bind_socket((const struct sockaddr *)&to,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract),
                    "unix", path, err);
    if (listener->fd < 0)
        return -1;
    if (!is_abstract)
        note_file(listener, path);
    return 0;
}

/* ---- all of them ---- */

int listener_open(struct listener *listener, const char *net, const char *address,
                  struct error *err)
{
    struct listener opened = {.fd = -1};
    int rc;

    if (strcmp(net, "tcp") == 0 || net[0] == '\0')
        rc = open_tcp(&opened, address, err);
    else if (strcmp(net, "unix") == 0)
        rc = open_unix(&opened, address, err);
    else
        rc = error_set(err, ERROR_INVALID, "unknown address type %s", net);
    if (rc < 0)
        return -1;
    read_name(&opened);
    *listener = opened;
    return 0;
}

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

int listener_adopt(struct listener *listener, int fd, struct error *err)
{
    int domain = option_of(fd, SO_DOMAIN);

    if (domain < 0)
        return error_set_sys(err, errno, "descriptor %d is no socket to listen on", fd);
    if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
        return error_set(err, ERROR_INVALID, "descriptor %d is not a stream socket that listens",
                         fd);
    if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
        return error_set(err, ERROR_INVALID, "descriptor %d is neither a TCP nor a Unix socket",
                         fd);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return error_set_sys(err, errno, "descriptor %d", fd);
    set_tcp_options(fd);
    *listener = (struct listener){.fd = fd};
    read_name(listener);
    return 0;
}

void listener_forget(struct listener *listener)
{
    struct stat info;

    if (listener->path == NULL)
        return;
    if (lstat(listener->path, &info) == 0 && info.st_dev == listener->dev &&
        info.st_ino == listener->ino)
        unlink(listener->path);
    free(listener->path);
    listener->path = NULL;
}
