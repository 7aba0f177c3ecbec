# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy in front of a service, that counts requests and does to them what a bad network does.

    with FaultProxy(("127.0.0.1", port)) as proxy:
        proxy.plan = lambda request: Fault("slow down") if request.number == 3 else None

A request goes to the service as it came (its Host too, which signatures cover), over a connection of
its own.
"""
import dataclasses
import socket
import struct
import threading
import time

# What can happen to a request.
KINDS = (
    "refuse",     # the connection is reset before the request is passed on
    "lose",       # it is passed on and done, and its answer is lost
    "slow down",  # 503 SlowDown, not passed on
    "error",      # 500 InternalError, not passed on
    "deny",       # the given status and code, not passed on
    "truncate",   # half of the answer's body, then the end
    "stall",      # the answer waits until the proxy is released or closed
    "stall within",  # half of the answer's body, then the same
    "silence",    # it waits likewise, but is not passed on
    "delay",      # the answer comes later
)


@dataclasses.dataclass
class Fault:
    kind: str
    seconds: float = 0.0  # for "delay"
    status: int = 400  # these two for "deny"
    code: str = "InvalidRequest"  # "": an answer without a body, as of a gateway


@dataclasses.dataclass
class Request:
    number: int  # from 1, of this proxy
    method: str
    target: str
    headers: dict  # by lower-case name
    size: int  # bytes of the body


class FaultProxy:
    def __init__(self, service, delay=0.0, tls=None):
        """@service: (host, port); @delay: seconds before each answer; @tls: an ssl.SSLContext to serve with."""
        self.service = service
        self.delay = delay
        self.tls = tls
        self.connection_count = 0  # those that got through their handshake
        self.plan = lambda request: None
        self.rewrite = lambda request, head: head  # the head of an answer, in bytes
        self.requests = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._is_closing = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def release(self):
        """Lets go of what is stalled, now and later."""
        self._released.set()

    def close(self):
        self._is_closing = True
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- connections ----------------------------------------------------------------------------

    def _accept(self):
        while not self._is_closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            _send_at_once(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as connection:
                with self._lock:
                    self.connection_count += 1
                reader = connection.makefile("rb")
                while self._serve_one(connection, reader):
                    pass
        except (OSError, ValueError):
            pass

    def _serve_one(self, connection, reader):
        head = _read_head(reader)
        if head is None:
            return False
        method, target, headers = _parse(head)
        size = int(headers.get("content-length", "0"))
        with self._lock:
            request = Request(len(self.requests) + 1, method, target, headers, size)
            self.requests.append(request)
        fault = self.plan(request) or Fault("none")
        if fault.kind == "refuse":
            return _reset(connection)
        if fault.kind == "silence":
            self._released.wait()
            return False
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault.kind in ("slow down", "error", "deny"):
            _skip(reader, size)
            return _answer(connection, method, fault)
        return self._pass_on(connection, reader, head, request, fault)

    def _pass_on(self, connection, reader, head, request, fault):
        with socket.create_connection(self.service) as service:
            _send_at_once(service)
            service.sendall(_one_shot(head))
            _copy(reader, service, request.size)
            answer = service.makefile("rb")
            while True:
                answer_head = _read_head(answer)
                if answer_head is None:
                    return _reset(connection)
                if b" 100 " not in answer_head.split(b"\r\n", 1)[0]:
                    break
            if fault.kind == "lose":
                return _reset(connection)
            if fault.kind == "stall":
                self._released.wait()
            time.sleep(self.delay + fault.seconds)
            answer_head = self.rewrite(request, answer_head)
            return _relay(connection, answer, answer_head, request.method, fault, self._released)


# ---- pieces ---------------------------------------------------------------------------------------


def _send_at_once(connection):
    """A head and its body are sent one after the other: the body must not wait for the head's receipt."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _read_head(reader):
    lines = []
    while (line := reader.readline()) != b"\r\n":
        if not line:
            return None
        lines.append(line)
    return b"".join(lines) + b"\r\n"


def _parse(head):
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines)
    return method, target, {name.strip().lower(): value.strip() for name, value in pairs}


def _one_shot(head):
    """The head for a connection that serves one request."""
    lines = head.split(b"\r\n")[:-2]
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
    return b"\r\n".join(kept + [b"Connection: close", b"", b""])


def _copy(reader, sink, size):
    while size > 0:
        data = reader.read(min(size, 1 << 16))
        if not data:
            raise ValueError("body cut short")
        sink.sendall(data)
        size -= len(data)


def _skip(reader, size):
    while size > 0:
        size -= len(reader.read(min(size, 1 << 16))) or size


def _reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _answer(connection, method, fault):
    """An error that the service has not sent."""
    status, code = {"slow down": (503, "SlowDown"), "error": (500, "InternalError")}.get(
        fault.kind, (fault.status, fault.code))
    body = b""
    if code and method != "HEAD":
        body = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%b</Code><Message>No.</Message></Error>' % code.encode()
    head = b"HTTP/1.1 %d No\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % (status, len(body)) + body)
    return True


def _relay(connection, answer, head, method, fault, released):
    """The answer as it came, but for how its connection ends."""
    _, _, headers = _parse(b"HTTP/1.1 x y\r\n" + head.split(b"\r\n", 1)[1])
    body = b"" if method == "HEAD" else answer.read()
    lines = head.split(b"\r\n")[:-2]
    kept = [line for line in lines
            if not line.lower().startswith((b"connection:", b"transfer-encoding:"))]
    if "chunked" in headers.get("transfer-encoding", "") and method != "HEAD":
        body = _dechunk(body)
        kept.append(b"Content-Length: %d" % len(body))
    connection.sendall(b"\r\n".join(kept + [b"", b""]))
    if fault.kind in ("truncate", "stall within") and body:
        connection.sendall(body[: len(body) // 2])
        if fault.kind == "stall within":
            released.wait()
        return _reset(connection)
    connection.sendall(body)
    return True


def _dechunk(body):
    out, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size.split(b";")[0], 16)
        if count == 0:
            return out
        out, rest = out + rest[:count], rest[count + 2 :]
