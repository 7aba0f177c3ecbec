# SPDX-License-Identifier: Apache-2.0
"""A server that is no Redis, and answers as it likes.

    server = FalseRedis(b"-LOADING ...\r\n", "closes", is_polite=True)
    server = FalseRedis(one_by_one, "stays", True)     # answers computed from the commands
    server.close()
"""
import contextlib
import re
import socket
import struct
import threading

_NAME = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n")


class FalseRedis:
    """Answers the PING of a login if it is @is_polite, and everything else with @answer: bytes, or a
    function of the list of commands' names; not while it is held. Then it "closes", "resets" or "stays"."""

    def __init__(self, answer, end, is_polite):
        self.answer, self.end, self.is_polite = answer, end, is_polite
        self.may_answer, self.may_look_up = threading.Event(), threading.Event()
        self.release()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.held = []
        self.lookups = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def settings(self, **more):
        found = {"storage.cache.blobdescriptor": "redis", "redis.addr": f"127.0.0.1:{self.port}"}
        found.update({"redis." + key.replace("_", "."): value for key, value in more.items()})
        return found

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _answer_to(self, data):
        names = _NAME.findall(data)
        self.lookups += names.count(b"HMGET")
        return self.answer(names) if callable(self.answer) else self.answer

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                if self.is_polite and b"PING" in data:
                    connection.sendall(b"+PONG\r\n")
                    continue
                answer = self._answer_to(data)
                (self.may_look_up if b"HMGET" in data else self.may_answer).wait()
                connection.sendall(answer)
                if self.end == "stays":
                    continue
                if self.end == "resets":
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                break
        if self.end == "stays":
            self.held.append(connection)
        else:
            connection.close()

    def hold(self, but_lookups=False):
        """No command is answered until release()."""
        self.may_answer.clear()
        if not but_lookups:
            self.may_look_up.clear()

    def release(self):
        self.may_answer.set()
        self.may_look_up.set()

    def close(self):
        self.release()
        self.listener.close()
