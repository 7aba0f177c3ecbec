# SPDX-License-Identifier: Apache-2.0
"""More connections than the process has descriptors."""
import contextlib

import pytest
from support.content import digest_of, random_bytes
from support.pace import wait_until_it_rests
from support.registry import wait_until

LIMIT = 40


@pytest.fixture
def crowded(start_registry):
    return start_registry(fd_limit=LIMIT)


def test_existing_connections_work_while_others_wait(crowded, repo):
    with contextlib.ExitStack() as stack, crowded.client() as client:
        digest = client.push_blob(repo, b"before the crowd")
        crowd = [stack.enter_context(crowded.connect()) for _ in range(100)]
        for connection in crowd:
            connection.send_head("GET", "/v2/")
        for _ in range(5):
            assert client.get("/v2/").status == 200
        assert client.head(f"/v2/{repo}/blobs/{digest}").status in (200, 500, 503)
        assert crowded.fd_count() <= LIMIT
        # Everyone gets a turn as others leave.
        for connection in crowd:
            assert connection.read_response().body == b"{}"
            connection.close()
        data = random_bytes(100_000, repo)
        assert client.pull_blob(repo, client.push_blob(repo, data)) == data
    with crowded.client() as client:
        assert client.pull_blob(repo, digest_of(b"before the crowd")) == b"before the crowd"


@pytest.mark.ours("descriptors are kept for files")
def test_crowd_does_not_keep_blobs_from_being_served(crowded, repo):
    data = random_bytes(100_000, repo)
    with contextlib.ExitStack() as stack, crowded.client() as client:
        digest = client.push_blob(repo, data)
        for _ in range(100):
            stack.enter_context(crowded.connect()).send_head("GET", "/v2/")
        for index in range(10):
            assert client.pull_blob(repo, digest) == data
            client.push_blob(repo, f"{repo} {index}".encode())


def test_waiting_connections_cost_no_cpu(crowded):
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(crowded.connect())
        wait_until(lambda: crowded.fd_count() > 15, what="connections are accepted")
        wait_until_it_rests(crowded)
        assert "accept" in crowded.stderr() or crowded.fd_count() < LIMIT


def test_crowd_that_goes_makes_room(crowded):
    for _ in range(5):
        with contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(crowded.connect()) for _ in range(100)]
            crowd[0].send_head("GET", "/v2/")
            assert crowd[0].read_response().status == 200
        with crowded.client() as client:
            assert client.get("/v2/").status == 200
