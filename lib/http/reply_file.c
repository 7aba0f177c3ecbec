/* SPDX-License-Identifier: Apache-2.0
 *
 * reply_file - files as bodies of replies: by sendfile, or read into the output when it must be
 * encrypted.
 */
#include "lib/http/connection.h"
#include "lib/http/reply.h"
#include "lib/http/transport.h"
#include "lib/task/offload.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define SEND_PIECE (1024 * 1024) /* bytes of a file made resident at a time */
#define COPY_PIECE (65536 - 64)  /* bytes read at a time: with its header a round block */
#define COPY_AHEAD (128 * 1024)  /* bytes of output at which the next piece is read */
#define COPY_TURN  (512 * 1024)  /* bytes after which the others have their turn */

struct piece {
    int fd;
    off_t offset;
    size_t len;
};

/* Whether the piece's last byte can be read without waiting for a disk; kernels read ahead, so the
 * rest can be as well. */
static bool is_resident(const struct piece *piece)
{
    char byte;
    struct iovec to = {&byte, 1};

    return preadv2(piece->fd, &to, 1, piece->offset + (off_t)piece->len - 1, RWF_NOWAIT) == 1;
}

/* At least one byte; a file that is sent does not end before. */
static ssize_t read_some(int fd, void *to, size_t len, off_t offset, struct error *err)
{
    ssize_t got;

    do {
        got = pread(fd, to, len, offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set_sys(err, errno, "reading a file to send");
    if (got == 0)
        return error_set(err, ERROR_IO, "a file to send is shorter than it was");
    return got;
}

/* On a helper: reads the piece once, so that sendfile finds it in memory. */
static int make_resident(void *arg, struct error *err)
{
    const struct piece *piece = arg;
    char scratch[64 * 1024];
    size_t done = 0;

    while (done < piece->len) {
        size_t want = piece->len - done < sizeof(scratch) ? piece->len - done : sizeof(scratch);
        ssize_t got = read_some(piece->fd, scratch, want, piece->offset + (off_t)done, err);

        if (got < 0)
            return -1;
        done += (size_t)got;
    }
    return 0;
}

/* ---- without a copy ---- */

/* Sends the piece; it is in memory, so this waits for the client only. May suspend. */
static int send_piece(struct http_request *req, struct piece piece, struct error *err)
{
    struct connection *conn = req->conn;

    while (piece.len > 0) {
        ssize_t sent = sendfile(conn->fd, piece.fd, &piece.offset, piece.len);

        if (sent > 0) {
            piece.len -= (size_t)sent;
            reply_count(req, (size_t)sent);
            continue;
        }
        if (sent == 0)
            return error_set(err, ERROR_IO, "a file to send is shorter than it was");
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            conn->is_gone = true;
            return error_set(err, ERROR_CLIENT_GONE, "client %s went away: %s", conn->peer,
                             strerror(errno));
        }
        if (connection_wait_socket(conn, CONNECTION_WRITABLE, err) < 0)
            return -1;
    }
    return 0;
}

static int send_file(struct http_request *req, int fd, int64_t offset, int64_t len,
                     struct error *err)
{
    while (len > 0) {
        struct piece piece = {fd, (off_t)offset, (size_t)(len < SEND_PIECE ? len : SEND_PIECE)};

        if (!is_resident(&piece) && offload(make_resident, &piece, err) < 0)
            return -1;
        if (send_piece(req, piece, err) < 0)
            return -1;
        offset += (int64_t)piece.len;
        len -= (int64_t)piece.len;
    }
    return 0;
}

/* ---- with a copy ---- */

struct copy {
    struct piece piece;
    char *to; /* room for the piece */
};

/* On a helper. */
static int read_piece(void *arg, struct error *err)
{
    struct copy *copy = arg;
    struct piece *piece = &copy->piece;

    while (piece->len > 0) {
        ssize_t got = read_some(piece->fd, copy->to, piece->len, piece->offset, err);

        if (got < 0)
            return -1;
        copy->to += got;
        piece->offset += got;
        piece->len -= (size_t)got;
    }
    return 0;
}

/* Reads the piece to the end of @out; what is not in memory, on a helper. May suspend. */
static int copy_piece(struct piece piece, struct evbuffer *out, struct error *err)
{
    struct evbuffer_iovec room;
    struct iovec to;
    struct copy copy;
    ssize_t got;

    if (evbuffer_reserve_space(out, (ev_ssize_t)piece.len, &room, 1) != 1)
        abort();
    room.iov_len = piece.len;
    to = (struct iovec){room.iov_base, piece.len};
    got = preadv2(piece.fd, &to, 1, piece.offset, RWF_NOWAIT);
    if (got < 0)
        got = 0; /* also where it is not known how to read without waiting */
    copy = (struct copy){{piece.fd, piece.offset + got, piece.len - (size_t)got},
                         (char *)room.iov_base + got};
    if (copy.piece.len > 0 && offload(read_piece, &copy, err) < 0)
        return -1;
    evbuffer_commit_space(out, &room, 1);
    return 0;
}

/* Pieces are encrypted and sent as they are read; while the client is slow, some are read ahead.
 * A client that keeps up never makes us wait, so others get their turn now and then. */
static int copy_file(struct http_request *req, int fd, int64_t offset, int64_t len,
                     struct error *err)
{
    struct evbuffer *data = evbuffer_new();
    size_t turn = 0; /* bytes since the others had theirs */
    int rc = 0;

    while (rc == 0 && len > 0) {
        struct piece piece = {fd, (off_t)offset, (size_t)(len < COPY_PIECE ? len : COPY_PIECE)};

        rc = connection_wait_output(req->conn, COPY_AHEAD, err);
        if (rc == 0)
            rc = copy_piece(piece, data, err);
        if (rc == 0)
            rc = http_reply_write(req, data, err);
        if (rc < 0)
            break;
        req->conn->transport->push(req->conn);
        offset += (int64_t)piece.len;
        len -= (int64_t)piece.len;
        turn += piece.len;
        if (turn >= COPY_TURN) {
            turn = 0;
            rc = task_sleep(0, err);
        }
    }
    evbuffer_free(data);
    return rc;
}

/* ---- either ---- */

int http_reply_file(struct http_request *req, int fd, int64_t offset, int64_t len,
                    struct error *err)
{
    assert(req->is_begun && !req->is_ended && req->sent + len <= req->promised);
    if (req->is_bodyless)
        return 0;
    if (!req->conn->transport->has_sendfile)
        return copy_file(req, fd, offset, len, err);
    if (connection_wait_output(req->conn, 0, err) < 0) /* the head goes first */
        return -1;
    return send_file(req, fd, offset, len, err);
}
