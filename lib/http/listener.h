/* SPDX-License-Identifier: Apache-2.0
 *
 * listener - sockets that listen: bound here, or taken over from whoever started us.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

#define LISTENER_NAME_SIZE 128 /* holds "[<IPv6>]:65535" and any path of a socket */

struct listener {
    int fd;                        /* owned by whoever accepts on it */
    char name[LISTENER_NAME_SIZE]; /* "127.0.0.1:5000", or the path; for the log */
    char *path;                    /* owned; the socket's file, when it is ours to remove */
    dev_t dev;                     /* which file that is */
    ino_t ino;
};

/*
 * listener_open - bind and listen. Does not wait for anybody but may look names up: at start only.
 *
 * @net  "tcp" or "unix", as for http_server_listen
 *
 * Given: the descriptor, and listener_forget for the rest. Errors: INVALID, IO.
 */
must_check int listener_open(struct listener *listener, const char *net, const char *address,
                             struct error *err);

/* A stream socket that listens already, TCP or Unix. @fd stays the caller's on failure. Errors:
 * INVALID. */
must_check int listener_adopt(struct listener *listener, int fd, struct error *err);

/* Removes the socket's file if it is still the one that was made here. The descriptor is not
 * touched. */
void listener_forget(struct listener *listener);
