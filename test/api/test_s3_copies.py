# SPDX-License-Identifier: Apache-2.0
"""How a large layer gets to its place within the bucket: in one request where the service is quick, else in parts."""
import pytest
from support.content import digest_of, random_bytes
from support.fault_proxy import Fault
from support.registry import is_upstream

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream copies in parts whatever the service does"),
    pytest.mark.usefixtures("ceph"),  # which copies by reference; the times of Swift are no matter of tests
]

MIB = 1 << 20
SIZE = 48 * MIB  # above what is always copied in one request, and two parts long
SLOW_S = 2  # for a copy of that; quick is up to 1.2 s
STALL = {"storage.s3.stalltimeout": "5s"}
REMARK = "is copied in parts, unless multipartcopythresholdsize says else"


@pytest.fixture
def start(start_s3_registry, proxy):
    """A registry behind the proxy, which serves all content itself."""
    return lambda settings=None: start_s3_registry({"storage.redirect.disable": True} | (settings or {}), url=proxy.url)


def is_whole_copy(request):
    return "x-amz-copy-source" in request.headers and "partNumber=" not in request.target


def is_part_copy(request):
    return "x-amz-copy-source" in request.headers and "partNumber=" in request.target


def push(client, proxy, repo, name):
    """A large layer, and how many copies in one request and of parts that took. It is there afterwards."""
    data = random_bytes(SIZE, f"{repo} {name}")
    first = len(proxy.requests)
    location = client.append(client.start_upload(repo), data)
    client.commit(location, digest_of(data))
    requests = proxy.requests[first:]
    assert client.pull_blob(repo, digest_of(data)) == data
    return sum(map(is_whole_copy, requests)), len({request.target for request in requests if is_part_copy(request)})


def fail_first_whole_copy(proxy, fault, count=1):
    """Also those that repeat it, if there are more."""
    met = []

    def plan(request):
        if not is_whole_copy(request) or len(met) == count:
            return None
        met.append(request)
        return fault

    proxy.plan = plan
    return met


def test_one_request_copies_a_layer_however_large(start, proxy, bucket, repo):
    with start().client() as client:
        assert push(client, proxy, repo, "layer") == (1, 0)
    assert bucket.uploads() == []


def test_a_threshold_that_is_set_rules(start, proxy, bucket, repo):
    registry = start({"storage.s3.multipartcopythresholdsize": 32 * MIB})
    with registry.client() as client:
        assert push(client, proxy, repo, "layer") == (0, 2)
    assert bucket.uploads() == []
    assert REMARK not in registry.stderr()


def test_a_threshold_that_is_set_is_not_put_in_doubt(start, proxy, repo):
    registry = start({"storage.s3.multipartcopythresholdsize": 5 << 30})
    proxy.plan = lambda request: Fault("delay", SLOW_S) if is_whole_copy(request) else None
    with registry.client() as client:
        assert [push(client, proxy, repo, n) for n in range(2)] == [(1, 0), (1, 0)]
    assert REMARK not in registry.stderr()


def test_after_a_slow_copy_parts_are_copied(start, proxy, repo):
    registry = start()
    proxy.plan = lambda request: Fault("delay", SLOW_S) if is_whole_copy(request) else None
    with registry.client() as client:
        assert [push(client, proxy, repo, n) for n in range(3)] == [(1, 0), (0, 2), (0, 2)]
    assert registry.stderr().count(REMARK) == 1


def test_a_copy_without_an_answer_goes_on_in_parts(start, proxy, bucket, repo):
    registry = start(STALL)
    fail_first_whole_copy(proxy, Fault("stall"))
    with registry.client() as client:
        assert [push(client, proxy, repo, n) for n in range(2)] == [(1, 2), (0, 2)]
    assert registry.stderr().count(REMARK) == 1
    assert bucket.uploads() == []


@pytest.mark.parametrize("status, code", [(400, "InvalidRequest"), (501, "NotImplemented")])
def test_a_copy_that_is_refused_goes_on_in_parts(start, proxy, bucket, repo, status, code):
    """Whether the service minds the condition or the copy, parts need neither."""
    registry = start()
    fail_first_whole_copy(proxy, Fault("deny", status=status, code=code))
    with registry.client() as client:
        assert [push(client, proxy, repo, n) for n in range(2)] == [(1, 2), (0, 2)]
    assert registry.stderr().count("copies are made in parts, without a condition") == 1
    assert bucket.uploads() == []


def test_a_copy_that_is_refused_goes_on_in_parts_below_a_threshold_too(start, proxy, repo):
    registry = start({"storage.s3.multipartcopythresholdsize": 5 << 30})
    fail_first_whole_copy(proxy, Fault("deny", status=501, code="NotImplemented"))
    with registry.client() as client:
        assert [push(client, proxy, repo, n) for n in range(2)] == [(1, 2), (0, 2)]


@pytest.mark.parametrize("kind", ["refuse", "lose", "truncate", "slow down", "error"])
def test_what_passes_is_borne(start, proxy, bucket, repo, kind):
    met = fail_first_whole_copy(proxy, Fault(kind))
    with start().client() as client:
        push(client, proxy, repo, "layer")
    assert len(met) == 1
    assert bucket.uploads() == []


def test_a_gateway_that_gives_up_is_followed_by_parts(start, proxy, repo):
    fail_first_whole_copy(proxy, Fault("deny", status=504, code=""))
    with start().client() as client:
        assert push(client, proxy, repo, "layer") == (1, 2)


def test_where_parts_fail_too_the_upload_goes_on_later(start, proxy, bucket, repo):
    data = random_bytes(SIZE, repo)
    with start().client() as client:
        location = client.append(client.start_upload(repo), data)
        proxy.plan = lambda request: Fault("deny", status=501, code="NotImplemented") if (
            is_whole_copy(request) or is_part_copy(request)) else None
        assert client.put(f"{location}&digest={digest_of(data)}").status >= 500
        assert client.head(f"/v2/{repo}/blobs/{digest_of(data)}").status == 404
        assert bucket.uploads() == []  # those of the copy
        proxy.plan = lambda request: None
        status = client.get(location)
        assert (status.status, status.header("Range")) == (204, f"0-{SIZE - 1}")
        client.commit(status.location, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data


def test_a_service_has_time_to_copy_a_long_part(start, proxy, repo):
    """A second for each 16 MiB, also where less silence is too much elsewhere."""
    settings = {"storage.s3.multipartcopythresholdsize": 32 * MIB, "storage.s3.multipartcopychunksize": SIZE}
    proxy.plan = lambda request: Fault("delay", SLOW_S) if is_part_copy(request) else None
    with start(settings | {"storage.s3.stalltimeout": "1s"}).client() as client:
        assert push(client, proxy, repo, "layer") == (0, 1)
