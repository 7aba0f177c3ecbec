# SPDX-License-Identifier: Apache-2.0
"""An HTTP client for tests: bytes as they are, and on top of them pushes and pulls.

Connection sends what it is given, malformed or slow, and reads replies strictly. Client keeps one
connection and knows the registry's requests.
"""
import json
import os
import select
import socket
import struct
import time
import urllib.parse

from support.content import digest_of

TIMEOUT_S = float(os.environ.get("KIST_TEST_TIMEOUT", "120"))  # what comes, comes far sooner
OCTETS = "application/octet-stream"


class ProtocolError(AssertionError):
    """The server sent something that is no HTTP reply."""


class Closed(ProtocolError):
    """The server closed before a reply was complete; `received` are the bytes that came."""

    def __init__(self, received):
        super().__init__(f"connection closed after {received[:200]!r}")
        self.received = received


class Response:
    def __init__(self, version, status, reason, headers):
        self.version = version
        self.status = status
        self.reason = reason
        self.headers = headers  # [(name, value), ...] as received
        self.body = b""
        self.method = None  # of the request it answers
        self.interim = []  # 1xx replies that came first

    def header(self, name, default=None):
        values = self.header_lines(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {self.headers}"
        return values[0] if values else default

    def header_lines(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def codes(self):
        """The codes of an error envelope."""
        return [error["code"] for error in self.json()["errors"]]

    @property
    def detail(self):
        """The detail of the only error of an envelope; None without one."""
        (error,) = self.json()["errors"]
        return error.get("detail")

    @property
    def location(self):
        """The Location as path and query, whatever host it names."""
        parts = urllib.parse.urlsplit(self.header("Location"))
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def closes(self):
        options = ",".join(self.header_lines("Connection")).lower().split(",")
        options = [option.strip() for option in options]
        return "close" in options or (self.version == "HTTP/1.0" and "keep-alive" not in options)

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.headers} {self.body[:300]!r}>"


class Connection:
    """One connection to the server: @address is (host, port), or the path of a Unix socket; @tls an
    ssl.SSLContext."""

    def __init__(self, address, timeout=TIMEOUT_S, receive_buffer=None, tls=None):
        is_tcp = isinstance(address, tuple)
        self.socket = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if is_tcp:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.address = address if is_tcp else ("localhost", 0)
        self.buffer = b""

    # ---- sending --------------------------------------------------------------------------------

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_head(self, method, target, headers=(), version="HTTP/1.1"):
        self.send(head(method, target, headers, version, self.address))
        return self

    def send_chunk(self, data):
        return self.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def send_last_chunk(self):
        return self.send(b"0\r\n\r\n")

    def send_slowly(self, data, piece, pause):
        for start in range(0, len(data), piece):
            self.send(data[start : start + piece])
            time.sleep(pause)

    def send_until_reply(self, pieces):
        """Sends @pieces until the server has something to say. Returns the bytes sent."""
        sent = 0
        for piece in pieces:
            view = memoryview(piece)
            while view:
                readable, writable, _ = select.select(
                    [self.socket], [self.socket], [], self.socket.gettimeout()
                )
                if readable:
                    return sent
                assert writable, "the server neither reads nor answers"
                count = self.socket.send(view[: 1 << 16])
                view = view[count:]
                sent += count
        return sent

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- receiving ------------------------------------------------------------------------------

    def _more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def read_exactly(self, size):
        if len(self.buffer) < size:
            parts = [self.buffer]
            have = len(self.buffer)
            self.buffer = b""
            while have < size:
                data = self.socket.recv(min(size - have, 1 << 20))
                if not data:
                    raise Closed(b"".join(parts))
                parts.append(data)
                have += len(data)
            return b"".join(parts)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_line(self):
        while b"\n" not in self.buffer:
            self._more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        if not line.endswith(b"\r"):
            raise ProtocolError(f"line without CR: {line!r}")
        return line[:-1].decode("latin-1")

    def read_head(self):
        status_line = self.read_line().split(" ", 2)
        if len(status_line) != 3 or status_line[0] not in ("HTTP/1.0", "HTTP/1.1"):
            raise ProtocolError(f"status line {status_line!r}")
        headers = []
        while line := self.read_line():
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise ProtocolError(f"header line {line!r}")
            headers.append((name, value.strip(" \t")))
        return Response(status_line[0], int(status_line[1]), status_line[2], headers)

    def _read_chunked(self):
        body = b""
        while size := int(self.read_line().split(";")[0], 16):
            body += self.read_exactly(size)
            if self.read_line():
                raise ProtocolError("chunk longer than announced")
        while self.read_line():
            pass
        return body

    def read_response(self, method="GET"):
        """The next final reply; 1xx before it are kept in its `interim`."""
        interim = []
        while (response := self.read_head()).status < 200:
            interim.append(response)
        response.interim = interim
        response.method = method
        length = response.header("Content-Length")
        if method == "HEAD" or response.status in (204, 304):
            return response
        if response.header("Transfer-Encoding") == "chunked":
            if length is not None:
                raise ProtocolError("both Content-Length and Transfer-Encoding")
            response.body = self._read_chunked()
        elif length is not None:
            response.body = self.read_exactly(int(length))
        elif response.closes:
            response.body = self.read_to_end()
        else:
            raise ProtocolError(f"a body without length: {response}")
        return response

    def read_to_end(self):
        while True:
            try:
                self._more()
            except Closed as closed:
                self.buffer = b""
                return closed.received

    def is_silent(self, seconds=0.05):
        """Whether nothing came so far, and nothing comes in the next moment."""
        return not self.buffer and not select.select([self.socket], [], [], seconds)[0]

    def is_closed_by_server(self):
        """Waits for the server's end of the connection: True at EOF or reset, False for bytes."""
        if self.buffer:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    # ---- both -----------------------------------------------------------------------------------

    def request(self, method, target, headers=(), body=None):
        message = head(method, target, _with_length(headers, method, body), address=self.address)
        self.send(message + (body or b""))
        return self.read_response(method)


def head(method, target, headers=(), version="HTTP/1.1", address=None):
    """A request head as bytes; @headers a dict or pairs. Host is added unless it is there."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if address and not any(name.lower() == "host" for name, _ in pairs):
        pairs.insert(0, ("Host", "%s:%d" % address))
    lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in pairs]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _with_length(headers, method, body):
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if body is None and method not in ("POST", "PUT", "PATCH"):
        return pairs
    if any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
        return pairs
    return pairs + [("Content-Length", len(body or b""))]


class Client:
    """Requests of a registry's client over one connection that is kept."""

    def __init__(self, address, timeout=TIMEOUT_S, tls=None, headers=()):
        """@headers: pairs sent with every request, such as an Authorization."""
        self.address = address
        self.timeout = timeout
        self.tls = tls
        self.headers = list(headers)
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, target, headers=(), body=None, chunks=None):
        """@chunks: an iterable of bytes, sent in chunked coding."""
        is_reused = self.connection is not None
        try:
            return self._request(method, target, headers, body, chunks)
        except (Closed, ConnectionError):
            if not is_reused:
                raise
            self.close()
            return self._request(method, target, headers, body, chunks)

    def _request(self, method, target, headers, body, chunks):
        if self.connection is None:
            self.connection = Connection(self.address, self.timeout, tls=self.tls)
        if self.headers:
            headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
            headers = headers + self.headers
        if chunks is None:
            response = self.connection.request(method, target, headers, body)
        else:
            pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
            self.connection.send_head(method, target, pairs + [("Transfer-Encoding", "chunked")])
            for chunk in chunks:
                self.connection.send_chunk(chunk)
            self.connection.send_last_chunk()
            response = self.connection.read_response(method)
        if response.closes:
            self.close()
        return response

    def get(self, target, headers=()):
        return self.request("GET", target, headers)

    def head(self, target, headers=()):
        return self.request("HEAD", target, headers)

    def delete(self, target, headers=()):
        return self.request("DELETE", target, headers)

    def post(self, target, headers=(), body=b""):
        return self.request("POST", target, headers, body)

    def put(self, target, headers=(), body=b""):
        return self.request("PUT", target, headers, body)

    def patch(self, target, headers=(), body=b"", chunks=None):
        return self.request("PATCH", target, headers, None if chunks is not None else body, chunks)

    # ---- pushes and pulls -----------------------------------------------------------------------

    def start_upload(self, repository):
        """Begins an upload session and returns its Location (path and query)."""
        response = self.post(f"/v2/{repository}/blobs/uploads/")
        assert response.status == 202, response
        return response.location

    def append(self, location, data):
        """One PATCH; returns the next Location."""
        response = self.patch(location, {"Content-Type": OCTETS}, data)
        assert response.status == 202, response
        return response.location

    def commit(self, location, digest, data=b""):
        response = self.put(with_query(location, digest=digest), {"Content-Type": OCTETS}, data)
        assert response.status == 201, response
        return response

    def push_blob(self, repository, data):
        """Pushes as clients do (POST, PATCH, PUT) and returns the digest."""
        digest = digest_of(data)
        location = self.start_upload(repository)
        if data:
            location = self.append(location, data)
        self.commit(location, digest)
        return digest

    def pull_blob(self, repository, digest):
        response = self.get(f"/v2/{repository}/blobs/{digest}")
        assert response.status == 200, response
        return response.body

    def put_manifest(self, repository, reference, content, media_type):
        headers = {"Content-Type": media_type} if media_type else {}
        return self.put(f"/v2/{repository}/manifests/{reference}", headers, content)

    def push_manifest(self, repository, reference, content, media_type):
        response = self.put_manifest(repository, reference, content, media_type)
        assert response.status == 201, response
        return digest_of(content)

    def get_manifest(self, repository, reference, *accept):
        headers = [("Accept", value) for value in accept]
        return self.get(f"/v2/{repository}/manifests/{reference}", headers)

    def push_image(self, repository, reference, image):
        """Pushes the blobs of an image of content.image(), then its manifest."""
        for blob in image.blobs:
            self.push_blob(repository, blob)
        return self.push_manifest(repository, reference, image.manifest, image.media_type)


def with_query(location, **parameters):
    """Adds query parameters to a Location, as clients do."""
    joint = "&" if "?" in location else "?"
    return location + joint + urllib.parse.urlencode(parameters)
