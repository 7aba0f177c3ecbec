# SPDX-License-Identifier: Apache-2.0
"""Ports for programs that must be told one."""
import itertools
import os
import socket

# Below the range the kernel takes ports for connections from, so that none of those gets one.
FIRST, COUNT = 15000, 15000
_numbers = itertools.count(os.getpid() * 101)


def free_port():
    """A port of 127.0.0.1 that nobody has, and that is not given twice in this process."""
    for number in itertools.islice(_numbers, COUNT):
        port = FIRST + number % COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no free port")
