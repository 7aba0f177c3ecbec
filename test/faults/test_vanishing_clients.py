# SPDX-License-Identifier: Apache-2.0
"""Clients that go away at every point of a request: nothing of them stays but a session."""
import random

import pytest
from support import layout, session
from support.client import OCTETS, head, with_query
from support.content import OCI_MANIFEST, digest_of, image, random_bytes
from support.registry import is_upstream, wait_until

MIB = 1 << 20
GOODBYES = ["close", "reset", "half close"]


@pytest.fixture
def watched(start_registry):
    """A registry whose descriptors must return to what they were."""
    registry = start_registry()
    with registry.client() as client:
        client.push_image("warm/up", "latest", image("warm up"))
    settled = wait_until(lambda: _settled(registry), what="descriptors are at rest")
    yield registry
    wait_until(lambda: registry.fd_count() <= settled, what=f"descriptors return to {settled}")
    layout.check(registry.root)


def _settled(registry):
    count = registry.fd_count()
    with registry.client() as client:
        client.get("/v2/")
    return count if registry.fd_count() <= count + 1 else None


def leave(connection, how):
    if how == "reset":
        connection.reset()
    elif how == "half close":
        connection.half_close()
        connection.read_to_end()
        connection.close()
    else:
        connection.close()


@pytest.mark.parametrize("how", GOODBYES)
def test_client_that_connects_and_goes(watched, how):
    for _ in range(30):
        leave(watched.connect(), how)


@pytest.mark.parametrize("how", GOODBYES)
def test_client_that_goes_within_a_head(watched, how):
    message = b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"
    for size in range(1, len(message)):
        leave(watched.connect().send(message[:size]), how)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_that_goes_without_reading_its_answer(watched, how):
    for path in ("/v2/", "/v2/_catalog", "/nowhere", "/v2/warm/up/tags/list"):
        for _ in range(10):
            leave(watched.connect().send_head("GET", path), how)


@pytest.mark.ours("status answers whatever the offset in the token", run=False)
@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("how", GOODBYES)
def test_client_that_goes_within_a_body_can_go_on(watched, repo, how, method, coding):
    data = random_bytes(300_000, repo)
    with watched.client() as client:
        target = client.start_upload(repo)
        request = with_query(target, digest=digest_of(data)) if method == "PUT" else target
        connection = watched.connect()
        if coding == "length":
            connection.send_head(method, request, {"Content-Length": len(data)})
            connection.send(data[:100_000])
        else:
            connection.send_head(method, request, {"Transfer-Encoding": "chunked"})
            connection.send(b"%x\r\n" % len(data) + data[:100_000])
        path = watched.repository_path(repo) / "_uploads" / session.uuid_of(target) / "data"
        wait_until(lambda: path.stat().st_size > 0, what="bytes arrive")
        leave(connection, how)
        response = wait_until(lambda: _free(client, target), what="the session is free")
        have = int(response.header("Range").removeprefix("0-")) + 1
        assert 0 < have <= 100_000
        target = client.append(response.location, data[have:])
        client.commit(target, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data
    assert layout.uploads(watched.root) == []


def _free(client, target):
    """The status of a session that no request writes any more."""
    response = client.get(target)
    if response.status != 204:
        return None
    probe = client.patch(response.location, {"Content-Type": OCTETS}, b"")
    return probe if probe.status == 202 else None


@pytest.mark.parametrize("how", GOODBYES)
def test_client_that_goes_within_a_manifest_leaves_nothing(watched, repo, how):
    value = image(repo, OCI_MANIFEST)
    with watched.client() as client:
        for blob in value.blobs:
            client.push_blob(repo, blob)
        before = sorted(watched.root.rglob("*"))
        for size in (0, 1, len(value.manifest) - 1):
            connection = watched.connect()
            headers = {"Content-Type": OCI_MANIFEST, "Content-Length": len(value.manifest)}
            connection.send_head("PUT", f"/v2/{repo}/manifests/latest", headers)
            connection.send(value.manifest[:size])
            leave(connection, how)
        assert client.get_manifest(repo, "latest", OCI_MANIFEST).status == 404
    assert sorted(watched.root.rglob("*")) == before


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("received", [0, 1, 100_000, 5 * MIB])
def test_client_that_goes_within_a_pull(watched, repo, how, received):
    with watched.client() as client:
        digest = client.push_blob(repo, random_bytes(16 * MIB, repo))
        for _ in range(5):
            connection = watched.connect(receive_buffer=65536)
            connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
            if received:
                connection.read_exactly(received)
            leave(connection, how)
        assert client.head(f"/v2/{repo}/blobs/{digest}").status == 200


def test_client_that_closed_its_sending_side_is_answered(watched, repo):
    with watched.client() as client:
        data = random_bytes(3 * MIB, repo)
        digest = client.push_blob(repo, data)
        with watched.connect() as connection:
            connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
            connection.half_close()
            assert connection.read_response().body == data
        target = with_query(client.start_upload(repo), digest=digest_of(b"half"))
        with watched.connect() as connection:
            connection.send_head("PUT", target, {"Content-Length": 4}).send(b"half")
            connection.half_close()
            assert connection.read_response().status == 201


@pytest.mark.ours("upstream leaves sessions that were cut at their first byte", run=False)
@pytest.mark.parametrize("seed", range(4))
def test_storm_of_broken_pushes_leaves_sessions_that_can_be_removed(watched, repo, seed):
    rng = random.Random(seed)
    with watched.client() as client:
        targets = []
        for _ in range(40):
            data = rng.randbytes(rng.randrange(1, 200_000))
            target = client.start_upload(repo)
            targets.append(target)
            method = rng.choice(["PATCH", "PUT"])
            request = with_query(target, digest=digest_of(data)) if method == "PUT" else target
            message = head(method, request, {"Host": "x", "Content-Length": len(data)}) + data
            connection = watched.connect()
            connection.send(message[: rng.randrange(len(message))])
            leave(connection, rng.choice(GOODBYES))
        for target in targets:
            response = wait_until(lambda: _free(client, target), what="the session is free")
            assert client.delete(response.location).status == 204
    assert layout.uploads(watched.root) == []


def test_half_closed_push_is_told_that_it_is_short(watched, repo):
    with watched.client() as client:
        target = client.start_upload(repo)
    with watched.connect() as connection:
        connection.send_head("PATCH", target, {"Content-Length": 1000}).send(b"x" * 10)
        connection.half_close()
        answer = connection.read_to_end()
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    if is_upstream():
        assert answer.startswith(b"HTTP/1.1 499")
