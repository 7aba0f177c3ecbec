# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow or silent."""
import contextlib
import time

import pytest
from support.client import OCTETS
from support.content import digest_of, random_bytes
from support.pace import at_pace
from support.registry import wait_until

pytestmark = pytest.mark.ours("clients have time limits", run=False)

SHORT = {
    "http.headertimeout": "300ms",
    "http.idletimeout": "500ms",
    "http.bodytimeout": "500ms",
}


SOON_S = 20  # an attempt that failed is not waited for for minutes


@pytest.fixture
def hasty(start_registry):
    return start_registry(settings=SHORT)


@contextlib.contextmanager
def ends_after(seconds):
    """What the server ends by itself, not before the limit; what has no limit would not end at all.
    The server's time may begin a little before the test's, even on a machine that stands still."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began > seconds * 0.5


def test_idle_connection_is_closed(hasty):
    with ends_after(0.5), hasty.connect() as connection:
        assert connection.is_closed_by_server()

    def attempt(_):
        with ends_after(0.5), hasty.connect() as connection:
            assert connection.request("GET", "/v2/").status == 200
            assert connection.is_closed_by_server()

    at_pace(attempt, 0.5)


@pytest.mark.parametrize("size", [1, 19, 30])
def test_head_that_does_not_end_is_closed(hasty, size):
    with ends_after(0.3), hasty.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"[:size])
        connection.read_to_end()


def test_trickling_head_is_closed_at_its_limit(hasty):
    """Each byte is no new beginning."""
    with ends_after(0.3), hasty.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\nX: ")
        with pytest.raises(OSError):
            for _ in range(4000):  # as many as are no long head
                connection.send(b"x")
                time.sleep(0.02)


def test_slow_head_within_the_limit_is_served(start_registry):
    registry = start_registry(settings={"http.headertimeout": "10m"})
    with registry.connect() as connection:
        connection.send_slowly(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", piece=3, pause=0.02)
        assert connection.read_response().body == b"{}"


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_body_that_stands_still_ends_and_its_bytes_are_kept(hasty, repo, coding):

    def attempt(_):
        with hasty.client() as client:
            target = client.start_upload(repo)
            headers = [("Content-Type", OCTETS)]
            with hasty.connect() as connection:
                if coding == "length":
                    headers.append(("Content-Length", 1000))
                    connection.send_head("PATCH", target, headers).send(b"12345")
                else:
                    headers.append(("Transfer-Encoding", "chunked"))
                    connection.send_head("PATCH", target, headers).send_chunk(b"12345")
                answer = connection.read_to_end()
            assert answer == b"" or answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 4", b"HTTP/1.1 5"))
            response = wait_until(lambda: resumed(client, target), SOON_S, "the session is free again")
            assert response.header("Range") == "0-4"
            client.commit(client.append(response.location, b"6"), digest_of(b"123456"))

    at_pace(attempt, 0.5)


def resumed(client, target):
    response = client.get(target)
    return response if response.status == 204 and response.header("Range") != "0-0" else None


def test_body_that_goes_on_is_never_too_slow(hasty, repo):
    """The limit is on silence, not on the whole."""

    def attempt(_):
        with hasty.client() as client, hasty.connect() as connection:
            connection.send_head("PATCH", client.start_upload(repo), {"Content-Length": 12})
            connection.send_slowly(b"slow but sure"[:12], piece=1, pause=0.1)
            assert connection.read_response().status == 202

    at_pace(attempt, 0.5)


def test_client_that_does_not_read_its_blob_is_cut(hasty, repo):
    with hasty.client() as client:
        digest = at_pace(lambda turn: client.push_blob(repo, random_bytes(16 << 20, f"{repo} {turn}")), 0.5)
        before = hasty.fd_count()
        with hasty.connect(receive_buffer=4096) as connection:
            connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
            wait_until(lambda: hasty.fd_count() > before, what="the pull begins")
            wait_until(lambda: hasty.fd_count() <= before, what="the pull is given up")
            received = 0
            try:
                while data := connection.socket.recv(1 << 20):
                    received += len(data)
            except ConnectionError:
                pass
            assert received < 16 << 20


def test_reader_that_is_slow_but_reads_gets_all(hasty, repo):
    data = random_bytes(6 << 20, repo)

    def attempt(_):
        with hasty.client() as client:
            digest = client.push_blob(repo, data)
        with hasty.connect(receive_buffer=65536) as connection:
            connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
            response = connection.read_head()
            assert response.status == 200
            body = b""
            while len(body) < len(data):
                body += connection.read_exactly(min(512 << 10, len(data) - len(body)))
                time.sleep(0.1)
            assert body == data

    at_pace(attempt, 0.5)


def test_hundred_slow_heads_do_not_delay_others(start_registry):
    registry = start_registry()
    slow = [registry.connect() for _ in range(100)]
    for connection in slow:
        connection.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n")
    with registry.client() as client:
        for _ in range(20):
            assert client.get("/v2/").status == 200
    for connection in slow:
        connection.send(b"\r\n")
    for connection in slow:
        assert connection.read_response().body == b"{}"
        connection.close()
