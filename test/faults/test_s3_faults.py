# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on the way to the service, at each request of a push and a pull.

Whatever happens, a client gets the right bytes or an error; after an error the same again succeeds.
Every request meets one kind of fault, the next request the next kind; with KIST_LONG=1 each request
meets every kind, which takes many minutes.
"""
import os

import pytest
from support.client import OCTETS
from support.content import OCI_MANIFEST, digest_of, image, random_bytes
from support.fault_proxy import Fault
from support.registry import is_upstream
from support.shards import Shards, fault_at, push_and_pull

pytestmark = pytest.mark.skipif(is_upstream(), reason="how we bear with a bad network")

MIB = 1 << 20
KINDS = ("lose", "refuse", "slow down", "error", "truncate", "delay")
ROUNDS = range(len(KINDS) if os.environ.get("KIST_LONG") else 1)
STANDSTILL_S = 0.5
PERSISTENT = ("slow down", "error", "refuse")


@pytest.fixture
def registry(start_s3_registry, proxy):
    return start_s3_registry({"storage.redirect.disable": True}, url=proxy.url)


def fault_of(kind):
    return Fault(kind, STANDSTILL_S if kind == "delay" else 0)


@pytest.mark.parametrize("size", [100, 6 * MIB])
@pytest.mark.parametrize("turn", ROUNDS)
def test_one_fault_at_each_request_is_borne(s3_service, start_s3_registry, bucket, repo, turn, size):
    """Short content goes another way than content of several parts."""

    def data_of(number):
        return random_bytes(size + number, f"{repo} {number}")

    def push(registry, proxy, number):
        kind = KINDS[(turn + number) % len(KINDS)]
        fault_at(proxy, number, fault_of(kind))
        with registry.client() as client:
            status = push_and_pull(client, f"{repo}/{number}", data_of(number))
        assert status == 200, f"{kind} at request {number}"

    with Shards(s3_service, start_s3_registry) as shards:
        registry, proxy = shards.all[0]
        with registry.client() as client:
            assert push_and_pull(client, f"{repo}/0", data_of(0)) == 200
            numbers = range(1, len(proxy.requests) + 1)
            shards.each_of(numbers, push)
            for number in numbers:
                data = data_of(number)
                assert client.pull_blob(f"{repo}/{number}", digest_of(data)) == data
        sessions = [key for key in bucket.keys() if "/_uploads/" in key]
        assert sessions == []


@pytest.mark.parametrize("kind", PERSISTENT)
def test_a_service_that_stays_away_is_an_error_and_then_comes_back(registry, proxy, repo, kind):
    data = random_bytes(6 * MIB, repo)
    with registry.client(timeout=600) as client:
        location = client.append(client.start_upload(repo), data[: 6 * MIB - 5])
        proxy.plan = lambda request: Fault(kind)
        response = client.patch(location, {"Content-Type": OCTETS}, data[6 * MIB - 5 :])
        assert response.status >= 500
        assert client.get(f"/v2/{repo}/tags/list").status >= 500
        proxy.plan = lambda request: None
        status = client.get(location)
        assert status.status == 204
        begin = int(status.header("Range").split("-")[1]) + 1
        location = client.append(status.location, data[begin:])
        client.commit(location, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data


def test_a_pull_goes_on_where_the_connection_broke(registry, proxy, repo):
    data = random_bytes(9 * MIB, repo)
    with registry.client() as client:
        digest = client.push_blob(repo, data)
        broken = []

        def plan(request):
            if request.method == "GET" and "/blobs/" in request.target and len(broken) < 3:
                broken.append(request.headers.get("range"))
                return Fault("truncate")
            return None

        proxy.plan = plan
        assert client.pull_blob(repo, digest) == data
        assert len(broken) == 3
        assert broken[0] is None and broken[1] is not None


def test_a_client_that_leaves_is_no_reason_to_wait(registry, proxy, repo):
    """The service answers late, the others do not wait for it."""
    with registry.client() as client:
        client.push_image(repo, "v1", image(repo, OCI_MANIFEST))
        proxy.plan = lambda request: Fault("stall") if "_uploads" in request.target else None
        with registry.connect() as connection:
            connection.send_head("POST", f"/v2/{repo}/blobs/uploads/", {"Content-Length": "0"}.items())
            assert client.get_manifest(repo, "v1", OCI_MANIFEST).status == 200
        assert client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
        proxy.release()
