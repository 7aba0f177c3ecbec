# SPDX-License-Identifier: Apache-2.0
"""A service manager as the registry sees it: the socket it reports to, and sockets handed over."""
import socket

from support.client import TIMEOUT_S


class Manager:
    """Hears what a process tells its service manager (sd_notify)."""

    def __init__(self, directory):
        self.path = str(directory / "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(TIMEOUT_S)

    @property
    def environment(self):
        return {"NOTIFY_SOCKET": self.path}

    def next(self):
        """The next message as {"READY": "1", ...}."""
        text = self.socket.recv(65536).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def wait_for(self, key):
        """Skips signs of life until a message with @key comes."""
        while key not in (message := self.next()):
            assert message.keys() == {"WATCHDOG"}, message
        return message

    def close(self):
        self.socket.close()


def handing_over(sockets, names=()):
    """The words before a command that make it start with @sockets, and what Popen needs for it.

    The process that listens is known by its number, which only the shell can say before exec."""
    moves = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(sockets))
    named = f" LISTEN_FDNAMES={':'.join(names)}" if names else ""
    script = f"exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(sockets)}{named} exec \"$@\""
    return ["/bin/bash", "-c", script, "bash"]
