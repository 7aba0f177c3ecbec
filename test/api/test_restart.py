# SPDX-License-Identifier: Apache-2.0
"""Uploads and content across restarts, orderly and by kill -9."""
import contextlib
import random
import threading

import pytest
from support import layout, session
from support.client import OCTETS, Closed, with_query
from support.content import SCHEMA2, digest_of, image, random_bytes
from support.registry import is_upstream, wait_until

PIECE = 4 << 20


def test_upload_goes_on_over_restarts_without_reading_again(start_registry, repo):
    registry = start_registry()
    pieces = [random_bytes(PIECE + index, index) for index in range(5)]
    target = None
    for index, piece in enumerate(pieces):
        with registry.client() as client:
            target = client.append(target or client.start_upload(repo), piece)
        assert "hash state missing" not in registry.stderr()
        registry.restart()
    with registry.client() as client:
        before = registry.bytes_read()
        client.commit(target, digest_of(b"".join(pieces)))
        assert registry.bytes_read() - before < PIECE // 4, "the data was read again"
        assert "hash state missing" not in registry.stderr()
        assert client.pull_blob(repo, digest_of(b"".join(pieces))) == b"".join(pieces)
    registry.stop()
    layout.check(registry.root)


def test_append_to_a_large_session_reads_nothing_of_it(start_registry, repo):
    registry = start_registry()
    data = random_bytes(4 * PIECE, repo)
    with registry.client() as client:
        target = client.append(client.start_upload(repo), data)
        before = registry.bytes_read()
        target = client.append(target, b"x")
        client.commit(target, digest_of(data + b"x"))
        assert registry.bytes_read() - before < PIECE // 4


def test_content_is_there_after_a_restart(start_registry, repo):
    registry = start_registry()
    value = image(repo)
    with registry.client() as client:
        client.push_image(repo, "latest", value)
    registry.restart()
    with registry.client() as client:
        assert client.get_manifest(repo, "latest", SCHEMA2).body == value.manifest
        assert client.pull_blob(repo, digest_of(value.blobs[1])) == value.blobs[1]


def _data_path(registry, repo, target):
    return registry.repository_path(repo) / "_uploads" / session.uuid_of(target) / "data"


@pytest.mark.ours("status answers whatever the offset in the token")
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_upload_goes_on_after_kill_9_in_the_middle(start_registry, repo, coding):
    registry = start_registry()
    data = random_bytes(3 * PIECE, repo)
    half = data[: len(data) // 2]
    with registry.client() as client:
        target = client.append(client.start_upload(repo), data[:1000])
    headers = [("Content-Type", OCTETS)]
    with registry.connect() as connection:
        if coding == "length":
            headers.append(("Content-Length", len(data) - 1000))
            connection.send_head("PATCH", target, headers).send(half[1000:])
        else:
            headers.append(("Transfer-Encoding", "chunked"))
            connection.send_head("PATCH", target, headers).send_chunk(half[1000:])
        path = _data_path(registry, repo, target)
        wait_until(lambda: path.stat().st_size > PIECE // 2, what="bytes reach the disk")
        registry.kill()
    registry.start()
    with registry.client() as client:
        response = client.get(target)
        assert response.status == 204, response
        have = int(response.header("Range").removeprefix("0-")) + 1
        assert 1000 <= have <= len(half)
        target = client.append(response.location, data[have:])
        client.commit(target, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data
    layout.check(registry.root, temporary=True)


@pytest.mark.ours("acknowledged means durable and whole", run=False)
@pytest.mark.parametrize("seed", range(6))
def test_what_was_acknowledged_survives_kill_9(start_registry, repo, seed):
    """Three clients push images and move one tag; the server dies at a random moment."""
    registry = start_registry()
    pushed, lock = {}, threading.Lock()

    def push(number):
        with contextlib.suppress(Closed, ConnectionError), registry.client() as client:
            for count in range(10_000):
                value = image(f"{seed} {number} {count}")
                value.blobs.append(random_bytes(20_000, f"{number} {count}"))
                client.push_image(f"{repo}/{number}", "moving", value)
                with lock:
                    pushed[number, count] = value

    threads = [threading.Thread(target=push, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    wanted = random.Random(seed).randrange(3, 40)
    wait_until(lambda: len(pushed) >= wanted, what="pushes go on")
    registry.kill()
    for thread in threads:
        thread.join()
    registry.start()
    with registry.client() as client:
        for (number, count), value in pushed.items():
            response = client.get_manifest(f"{repo}/{number}", value.digest, SCHEMA2)
            assert response.body == value.manifest, (number, count)
            for blob in value.blobs:
                assert client.pull_blob(f"{repo}/{number}", digest_of(blob)) == blob
        for number in range(3):
            last = max((count for owner, count in pushed if owner == number), default=None)
            if last is not None:  # the tag is at the last acknowledged push or the next one
                digest = client.get_manifest(f"{repo}/{number}", "moving", SCHEMA2).header(
                    "Docker-Content-Digest"
                )
                following = image(f"{seed} {number} {last + 1}")
                assert digest in (pushed[number, last].digest, following.digest)
        client.push_image(f"{repo}/0", "moving", image("after"))
    layout.check(registry.root, temporary=True)


def test_inmemory_registry_starts_empty_again(start_registry, repo):
    registry = start_registry(storage="inmemory")
    with registry.client() as client:
        client.push_image(repo, "latest", image(repo))
    registry.restart()
    with registry.client() as client:
        assert client.get("/v2/_catalog").json() == {"repositories": []}


def test_state_of_a_canceled_patch_is_that_of_the_bytes_kept(start_registry, repo):
    """The client goes in the middle; what is on disk is a state that can be continued."""
    registry = start_registry()
    data = random_bytes(50_000, repo)
    with registry.client() as client:
        target = client.start_upload(repo)
        with registry.connect() as connection:
            headers = [("Content-Type", OCTETS), ("Content-Length", 100_000)]
            connection.send_head("PATCH", target, headers).send(data)
            connection.half_close()
            connection.read_to_end()
        path = _data_path(registry, repo, target)
        wait_until(lambda: path.stat().st_size == len(data), what="the bytes are kept")
        state = path.parent / "hashstates/sha256" / str(len(data))
        wait_until(state.exists, what="their state is saved")
        assert state.read_bytes() == session.hash_state(data)
        if not is_upstream():  # which has no way to learn the new offset
            response = client.get(target)
            assert response.header("Range") == f"0-{len(data) - 1}"
            client.commit(client.append(response.location, b"rest"), digest_of(data + b"rest"))


@pytest.mark.ours("what is left of a broken push can be canceled")
def test_broken_session_can_be_deleted(start_registry, repo):
    registry = start_registry()
    with registry.client() as client:
        target = client.append(client.start_upload(repo), b"first")
        with registry.connect() as connection:
            connection.send_head("PATCH", target, [("Content-Length", 1000)]).send(b"x" * 10)
            path = _data_path(registry, repo, target)
        wait_until(lambda: path.stat().st_size == 15, what="the bytes are kept")
        response = client.get(target)
        assert client.delete(response.location).status == 204
        assert client.put(with_query(target, digest=digest_of(b""))).status == 404
    assert layout.uploads(registry.root) == []
