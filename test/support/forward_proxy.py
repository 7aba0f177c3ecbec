# SPDX-License-Identifier: Apache-2.0
"""A forward proxy, as `http_proxy` and its like name one: it notes what it is asked for, and fetches it.

    with ForwardProxy() as proxy:
        proxy.url, proxy.asked      # [("GET", "http://host:port/path"), ("CONNECT", "host:port"), ...]
"""
import contextlib
import socket
import threading
import urllib.parse


class ForwardProxy:
    def __init__(self):
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        """One request; what follows on the connection is not looked at."""
        with contextlib.suppress(OSError, ValueError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1 << 16) or _cut()
            first, rest = head.split(b"\r\n", 1)
            method, target, version = first.decode("latin-1").split(" ")
            self.asked.append((method, target))
            place = urllib.parse.urlsplit(target if "://" in target else f"//{target}")
            with socket.create_connection((place.hostname, place.port)) as server:
                if method == "CONNECT":
                    connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    path = place.path + (f"?{place.query}" if place.query else "")
                    line = f"{method} {path} {version}\r\nConnection: close\r\n".encode("latin-1")
                    server.sendall(line + rest)
                _join(connection, server)


def _cut():
    raise ValueError("the head was cut short")


def _pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _join(client, server):
    upward = threading.Thread(target=_pump, args=(client, server), daemon=True)
    upward.start()
    _pump(server, client)
    client.shutdown(socket.SHUT_RDWR)
    upward.join()
