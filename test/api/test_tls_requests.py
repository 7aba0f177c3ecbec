# SPDX-License-Identifier: Apache-2.0
"""Requests through TLS: bodies and records, how a connection ends, how the process does."""
import signal
import socket
import ssl

import pytest
from support.client import OCTETS, TIMEOUT_S, head, with_query
from support.content import digest_of, random_bytes
from support.registry import wait_until

TLS_12 = ssl.TLSVersion.TLSv1_2
TLS_13 = ssl.TLSVersion.TLSv1_3
MIB = 1 << 20


@pytest.fixture
def client(tls_registry, authority):
    with tls_registry.surviving_client(tls=authority.client()) as client:
        yield client


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_blob_goes_and_comes_back(tls_registry, authority, repo, version):
    data = random_bytes(20 * MIB + 12345, repo + version.name)
    with tls_registry.client(tls=authority.client(version=version)) as client:
        digest = client.push_blob(repo, data)
        assert client.pull_blob(repo, digest) == data
        part = client.get(f"/v2/{repo}/blobs/{digest}", {"Range": "bytes=70000-9000000"})
    assert part.status == 206
    assert part.body == data[70000:9000001]


def test_chunked_pieces_of_every_size(client, repo):
    chunks = [random_bytes(size, size) for size in (1, 2, 16383, 16384, 16385, 65536, 300_001)]
    location = client.start_upload(repo)
    response = client.patch(location, {"Content-Type": OCTETS}, chunks=chunks)
    assert response.status == 202
    data = b"".join(chunks)
    client.commit(response.location, digest_of(data))
    assert client.pull_blob(repo, digest_of(data)) == data


def test_locations_say_https(tls_registry, client, repo):
    response = client.post(f"/v2/{repo}/blobs/uploads/")
    assert response.header("Location").startswith(f"https://127.0.0.1:{tls_registry.port}/v2/")


def test_bytes_that_come_one_by_one(tls_registry, authority):
    with tls_registry.connect(tls=authority.client()) as connection:
        for byte in head("GET", "/v2/", {"Host": "x"}):
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200


def test_pipelined_requests_in_one_record(tls_registry, client, authority, repo):
    """OpenSSL holds all of them while the socket is quiet."""
    data = random_bytes(50_000, repo)
    digest = client.push_blob(repo, data)
    request = head("GET", f"/v2/{repo}/blobs/{digest}", {"Host": "x"})
    with tls_registry.connect(tls=authority.client()) as connection:
        connection.send(request * 40)
        for _ in range(40):
            assert connection.read_response().body == data


@pytest.mark.parametrize("after", [b"", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_body_in_the_record_of_its_head(tls_registry, client, authority, repo, after):
    location = client.start_upload(repo)
    with tls_registry.connect(tls=authority.client()) as connection:
        connection.send(head("PATCH", location, {"Host": "x", "Content-Length": 5}) + b"12345"
                        + after)
        assert connection.read_response().header("Range") == "0-4"
        if after:
            assert connection.read_response().status == 200


def test_100_continue(tls_registry, client, authority, repo):
    location = client.start_upload(repo)
    with tls_registry.connect(tls=authority.client()) as connection:
        connection.send_head("PATCH", location, {"Expect": "100-continue", "Content-Length": 5})
        assert connection.read_head().status == 100
        connection.send(b"12345")
        assert connection.read_response().status == 202


@pytest.mark.ours("the connection lingers")
def test_reply_to_a_body_nobody_wants_arrives(tls_registry, authority):
    with tls_registry.connect(tls=authority.client()) as connection:
        connection.send_head("PUT", "/nowhere", {"Content-Length": 100 * MIB})
        connection.send(bytes(MIB))
        assert connection.read_response().status == 404


class Session:
    """A TLS client whose steps can be taken one by one."""

    def __init__(self, address, context):
        self.raw = socket.create_connection(address, timeout=TIMEOUT_S)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coming, self.going, server_hostname="localhost")
        self.call(self.tls.do_handshake)

    def flush(self):
        if self.going.pending:
            self.raw.sendall(self.going.read())

    def call(self, function, *arguments):
        while True:
            try:
                result = function(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.raw.recv(65536)
                if data:
                    self.coming.write(data)
                else:
                    self.coming.write_eof()

    def say_goodbye(self):
        """Sends close_notify and goes on reading."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()


def test_half_closed_socket_gets_its_answer(tls_registry, authority):
    session = Session(tls_registry.address, authority.client())
    session.call(session.tls.write, head("GET", "/v2/", {"Host": "x"}))
    session.raw.shutdown(socket.SHUT_WR)
    assert b"200 OK" in session.call(session.tls.read, 1000)


def test_close_notify_before_the_answer(tls_registry, authority):
    session = Session(tls_registry.address, authority.client())
    session.call(session.tls.write, head("GET", "/v2/", {"Host": "x"}))
    session.say_goodbye()
    assert b"200 OK" in session.call(session.tls.read, 1000)


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_end_of_the_stream_is_said(tls_registry, authority, version):
    """A client can tell the end from a cut."""
    with socket.create_connection(tls_registry.address, timeout=TIMEOUT_S) as raw:
        context = authority.client(version=version)
        tls = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        tls.sendall(head("GET", "/v2/", {"Host": "x", "Connection": "close"}))
        while tls.recv(1000):
            pass


@pytest.mark.ours("clients have time limits")
def test_idle_connection_is_closed_with_a_word(start_tls, authority):
    registry = start_tls(settings={"http.idletimeout": "300ms"})
    with socket.create_connection(registry.address, timeout=TIMEOUT_S) as raw:
        tls = authority.client().wrap_socket(
            raw, server_hostname="localhost", suppress_ragged_eofs=False
        )
        assert tls.recv(1000) == b""


@pytest.mark.ours("upstream cuts requests that run")
def test_stop_waits_for_a_push_through_tls(start_tls, authority, repo):
    registry = start_tls(settings={"http.draintimeout": "1h"})
    with registry.client(tls=authority.client()) as client:
        location = client.start_upload(repo)
        waiting = registry.connect()  # in the middle of nothing: it is closed at once
        with registry.connect(tls=authority.client()) as connection:
            target = with_query(location, digest=digest_of(b"0123456789"))
            connection.send_head("PUT", target, {"Content-Length": 10, "Content-Type": OCTETS})
            connection.send(b"01234")
            registry.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in registry.stderr(), what="it is stopping")
            assert waiting.is_closed_by_server()
            connection.send(b"56789")
            response = connection.read_response()
            assert response.status == 201
            assert response.closes
        waiting.close()
    assert registry.wait() == 0
