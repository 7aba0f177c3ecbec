# SPDX-License-Identifier: Apache-2.0
"""A real Redis on a free port, and commands for it.

    with Redis(tmp_path, password="secret") as redis:
        redis.settings("redis")            # what a registry's configuration says of it
        redis.command("HGETALL", key)
        with redis.monitor() as seen: ...  # seen(): the commands that came since

A kill is a crash; start() after it uses the same port, with nothing in memory.
"""
import contextlib
import ctypes
import pathlib
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import threading

from support.client import TIMEOUT_S
from support.ports import free_port
from support.registry import wait_until

PROGRAM = "redis-server"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

is_installed = shutil.which(PROGRAM) is not None


class RedisError(AssertionError):
    """Redis has answered with an error."""


class _Stream:
    """One connection: commands out, replies in."""

    def __init__(self, connection):
        self._socket = connection
        self._file = connection.makefile("rb")

    def send(self, *words):
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(encoded)] + [b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded]
        self._socket.sendall(b"".join(parts))

    def read(self):
        line = self._file.readline()
        if not line:
            raise EOFError
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise RedisError(rest)
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self._file.read(int(rest) + 2)[:-2].decode()
        return [self.read() for _ in range(int(rest))]

    def command(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._socket.close()


class Redis:
    """@users: ACL lines, "name on >password ~* +@all"; @tls: (authority, certificate) of
    support.certificates, and then there is no plain port; @arguments: more of its own."""

    def __init__(self, directory, password=None, users=(), tls=None, needs_certificate=False,
                 arguments=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.password = password
        self.users = list(users)
        self.tls = tls
        self.needs_certificate = needs_certificate
        self.arguments = list(arguments)
        self.port = free_port()
        self.process = None

    # ---- life -----------------------------------------------------------------------------------

    def start(self):
        lines = ["bind 127.0.0.1", 'save ""', "appendonly no", f"dir {self.directory}"]
        if self.tls:
            authority, certificate = self.tls
            lines += [
                "port 0", f"tls-port {self.port}", f"tls-cert-file {certificate.path}",
                f"tls-key-file {certificate.key_path}", f"tls-ca-cert-file {authority.path}",
                f"tls-auth-clients {'yes' if self.needs_certificate else 'no'}",
            ]
        else:
            lines.append(f"port {self.port}")
        if self.password:
            lines.append(f"requirepass {self.password}")
        lines += [f"user {user}" for user in self.users]
        path = self.directory / "redis.conf"
        path.write_text("\n".join(lines + self.arguments) + "\n")
        with open(self.directory / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        wait_until(self._accepts, what="redis accepts connections")
        return self

    def _accepts(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S).close()
            return True
        return False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self):
        """It accepts and answers nothing, until resume()."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    # ---- talking to it --------------------------------------------------------------------------

    def connect(self, certificate=None):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)
        if self.tls:
            context = self.tls[0].client(certificate=certificate)
            connection = context.wrap_socket(connection, server_hostname="localhost")
        stream = _Stream(connection)
        if self.password:
            stream.command("AUTH", self.password)
        return stream

    def command(self, *words, database=0):
        stream = self.connect()
        try:
            if database:
                stream.command("SELECT", database)
            return stream.command(*words)
        finally:
            stream.close()

    @contextlib.contextmanager
    def monitor(self):
        """A function that returns the commands seen since: lists of words, without those about
        connections."""
        stream = self.connect()
        assert stream.command("MONITOR") == "OK"
        seen = []
        thread = threading.Thread(target=_collect, args=(stream, seen), daemon=True)
        thread.start()
        try:
            yield lambda: [words for words in list(seen) if words[0] not in _ABOUT_CONNECTIONS]
        finally:
            stream.close()
            thread.join(300)

    # ---- what a registry is told ----------------------------------------------------------------

    def settings(self, **more):
        """Settings of Registry for a cache in this Redis; a_b stands for redis.a.b. It is waited for
        as long as it may take on a busy machine."""
        found = {"storage.cache.blobdescriptor": "redis", "redis.addr": f"127.0.0.1:{self.port}"}
        found.update({f"redis.{kind}timeout": "10m" for kind in ("dial", "read", "write")})
        if self.password:
            found["redis.password"] = self.password
        if self.tls:
            found["redis.tls.rootcas"] = [str(self.tls[0].path)]
        found.update({"redis." + key.replace("_", "."): value for key, value in more.items()})
        return found


_ABOUT_CONNECTIONS = ("AUTH", "SELECT", "PING", "MONITOR")


def _collect(stream, seen):
    with contextlib.suppress(OSError, EOFError, ValueError, ssl.SSLError):
        while True:
            # 1795268062.441945 [0 127.0.0.1:50738] "PING"
            words = shlex.split(stream.read().partition("] ")[2])
            seen.append([words[0].upper(), *words[1:]])
