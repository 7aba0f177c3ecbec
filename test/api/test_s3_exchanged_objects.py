# SPDX-License-Identifier: Apache-2.0
"""Between two requests of a commit another process puts another object at the upload's key: at any of these moments."""
import urllib.parse

import pytest
from support.client import OCTETS, with_query
from support.content import digest_of, random_bytes
from support.registry import is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="upstream copies whatever is there")

SETTINGS = {"storage.redirect.disable": True}
SIZE = 100_000


def put(client, location, digest):
    return client.put(with_query(location, digest=digest), {"Content-Type": OCTETS})


def blobs_of(bucket, digest):
    return [bucket.get(key) for key in bucket.keys() if key.endswith(f"/{digest[7:]}/data")]


def upload_key(request):
    """The key, where the request is for the object of an upload."""
    parts = urllib.parse.urlsplit(request.target)
    source = urllib.parse.unquote(request.headers.get("x-amz-copy-source", ""))
    key = source or urllib.parse.unquote(parts.path)[1:]
    is_upload = key.endswith("/data") and "/_uploads/" in key and (source or not parts.query)
    return key.split("/", 1)[1] if is_upload else None


def exchange_before(proxy, bucket, content, kind):
    """Once the upload is an object, and just before the first request of @kind for it, that becomes @content."""

    def plan(request):
        parts = urllib.parse.urlsplit(request.target)
        completed.extend([parts.path] if request.method == "POST" and "uploadId=" in parts.query else [])
        key = upload_key(request)
        if completed and key and kind == ("COPY" if "x-amz-copy-source" in request.headers else request.method):
            proxy.plan = lambda _: None
            bucket.put(key, content)
            done.append(key)

    completed, done = [], []
    proxy.plan = plan
    return done


def check_nothing_is_stored(client, proxy, bucket, repo, kind):
    """A push, in which the object becomes another one before the first request of @kind."""
    sent, other = random_bytes(SIZE, f"{repo} sent"), random_bytes(SIZE, f"{repo} other")
    location = client.append(client.start_upload(repo), sent)
    exchanged = exchange_before(proxy, bucket, other, kind)
    response = put(client, location, digest_of(sent))
    assert exchanged
    assert blobs_of(bucket, digest_of(sent)) == []
    assert response.status >= 400


def test_before_the_first_look_of_a_process(start_s3_registry, proxy, bucket, repo):
    """It does not know yet whether the service keeps what it says of ETags."""
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        check_nothing_is_stored(client, proxy, bucket, repo, "HEAD")


def test_while_it_is_read(start_s3_registry, proxy, bucket, repo):
    """The token has no seal, so it is read before it is copied."""
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        client.push_blob("warm/up", b"y")
        check_nothing_is_stored(client, proxy, bucket, repo, "COPY")


def test_before_it_is_read_for_another_algorithm(start_s3_registry, proxy, bucket, repo):
    """The content that was sent is there already: nothing is copied, but it gets another name."""
    sent, other = random_bytes(SIZE, f"{repo} sent"), random_bytes(SIZE, f"{repo} other")
    with start_s3_registry(SETTINGS).client() as client:
        client.push_blob(repo, sent)
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        location = client.append(client.start_upload(repo), sent)
        exchanged = exchange_before(proxy, bucket, other, "HEAD")
        response = put(client, location, digest_of(other, "sha512"))
        assert exchanged
        pulled = client.get(f"/v2/{repo}/blobs/{digest_of(other, 'sha512')}")
        assert (pulled.status, pulled.body == other) in ((404, False), (200, True))
        assert response.status == (400 if pulled.status == 404 else 201)
