# SPDX-License-Identifier: Apache-2.0
"""Copies that are only of the object that was meant: a service may know how to, may not, or may get it wrong.

Whatever it says to the condition, a push ends as it would without: unless the object is another one.
"""
import urllib.parse

import pytest
from support.client import OCTETS, with_query
from support.content import digest_of, random_bytes
from support.fault_proxy import Fault
from support.registry import is_upstream

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream copies whatever is there"),
    pytest.mark.usefixtures("ceph"),  # Swift refuses by itself: test_s3_uploads_of_others.py
]

MIB = 1 << 20
SIZES = [MIB, 48 * MIB]  # what only one request can copy, and what is long enough for parts
REMARK = "copies are made in parts, without a condition"
REFUSALS = [(400, "InvalidArgument"), (501, "NotImplemented"), (403, "AccessDenied"), (412, "PreconditionFailed"), (405, "")]


@pytest.fixture
def registry(start_s3_registry, proxy):
    registry = start_s3_registry({"storage.redirect.disable": True}, url=proxy.url)
    with registry.client() as client:
        client.push_blob("warm/up", b"x")
    return registry


def is_copy(request):
    return "x-amz-copy-source" in request.headers


def has_condition(request):
    return "x-amz-copy-source-if-match" in request.headers


def push(client, proxy, repo, size, name):
    """A layer that is there afterwards; whether each copy of it had a condition."""
    data = random_bytes(size, f"{repo} {name}")
    first = len(proxy.requests)
    location = client.append(client.start_upload(repo), data)
    client.commit(location, digest_of(data))
    copies = [has_condition(request) for request in proxy.requests[first:] if is_copy(request)]
    assert client.pull_blob(repo, digest_of(data)) == data
    return copies


@pytest.mark.parametrize("size", SIZES)
def test_a_service_that_knows_conditions_is_given_them(registry, proxy, repo, size):
    with registry.client() as client:
        assert [push(client, proxy, repo, size, n) for n in range(2)] == [[True], [True]]
    assert REMARK not in registry.stderr()


@pytest.mark.parametrize("status, code", REFUSALS)
@pytest.mark.parametrize("size", SIZES)
def test_a_service_that_refuses_conditions_is_given_none(registry, proxy, bucket, repo, size, status, code):
    """From the first one on that went well without; the log says so once."""
    proxy.plan = lambda request: Fault("deny", status=status, code=code) if has_condition(request) else None
    parts = [False] * (1 if size == MIB else 2)
    with registry.client() as client:
        assert [push(client, proxy, repo, size, n) for n in range(3)] == [[True, *parts], parts, parts]
    assert registry.stderr().count(REMARK) == 1
    assert bucket.uploads() == []


@pytest.mark.parametrize("status, code", [(403, "AccessDenied"), (501, "NotImplemented")])
def test_a_copy_that_is_refused_without_a_condition_too_is_the_error_it_was(registry, proxy, bucket, repo, status, code):
    """What the service allows later is done later, with a condition."""
    data = random_bytes(MIB, repo)
    proxy.plan = lambda request: Fault("deny", status=status, code=code) if is_copy(request) else None
    with registry.client() as client:
        location = client.append(client.start_upload(repo), data)
        assert client.put(with_query(location, digest=digest_of(data)), {"Content-Type": OCTETS}).status == 500
        assert f"the service says {code}" in registry.stderr()
        proxy.plan = lambda request: None
        assert push(client, proxy, repo, MIB, "later") == [True]
        client.commit(location, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data
    assert REMARK not in registry.stderr()
    assert bucket.uploads() == []


def test_where_the_object_may_not_be_looked_at_the_refusal_is_the_error(registry, proxy, repo):
    """Nobody knows then whether it is the one that was meant."""
    data = random_bytes(MIB, repo)

    def plan(request):
        is_look = request.method == "HEAD" and "/_uploads/" in request.target
        return Fault("deny", status=403, code="AccessDenied") if is_copy(request) or is_look else None

    with registry.client() as client:
        location = client.append(client.start_upload(repo), data)
        proxy.plan = plan
        assert client.put(with_query(location, digest=digest_of(data)), {"Content-Type": OCTETS}).status == 500
        assert "the service says AccessDenied" in registry.stderr()


@pytest.mark.parametrize("status, code", REFUSALS)
@pytest.mark.parametrize("size", SIZES)
def test_a_refusal_does_not_let_another_object_pass(registry, proxy, bucket, repo, size, status, code):
    """It takes the place of the one that was meant just before the service refuses to copy it."""
    data, other = (random_bytes(size, f"{repo} {name}") for name in ("one", "other"))

    def plan(request):
        if not has_condition(request):
            return None
        bucket.put(urllib.parse.unquote(request.headers["x-amz-copy-source"]).split("/", 1)[1], other)
        return Fault("deny", status=status, code=code)

    with registry.client() as client:
        location = client.append(client.start_upload(repo), data)
        proxy.plan = plan
        response = client.put(with_query(location, digest=digest_of(data)), {"Content-Type": OCTETS})
        assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
        assert client.head(f"/v2/{repo}/blobs/{digest_of(data)}").status == 404
    assert bucket.uploads() == []
    assert REMARK not in registry.stderr()
