# SPDX-License-Identifier: Apache-2.0
"""Services, or proxies before them, whose ETags are not what others' are. A push goes well all the same."""
import re

import pytest
from support.client import OCTETS
from support.content import digest_of, random_bytes
from support.registry import is_upstream

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream looks at no ETag of an object"),
    pytest.mark.usefixtures("ceph"),
]

MIB = 1 << 20
_ETAG = re.compile(rb'(?mi)^etag: *"?([^"\r]*)"?\r\n')


def with_etag(form):
    """Rewrites the ETag of objects; parts keep theirs."""

    def rewrite(request, head):
        return head if "uploadId=" in request.target else _ETAG.sub(form, head)

    return rewrite


FORMS = {
    "none": b"",
    "weak": rb'ETag: W/"\1"\r\n',
    "bare": rb"ETag: \1\r\n",
    "another": rb'ETag: "x\1"\r\n',
    "long": rb'ETag: "\1' + 300 * b"y" + rb'"\r\n',
    "empty": rb'ETag: ""\r\n',
}


def looks(proxy, first):
    """Of the upload's object: how often it was read."""
    return len([r for r in proxy.requests[first:] if r.method == "GET" and "/_uploads/" in r.target
                and r.target.endswith("/data")])


def push_pieces(client, repo, *pieces):
    """The first ones are short, so that an object becomes an upload again."""
    data = b"".join(pieces)
    location = client.start_upload(repo)
    for piece in pieces[:-1]:
        location = client.append(location, piece)
    client.commit(location, digest_of(data), pieces[-1])
    assert client.pull_blob(repo, digest_of(data)) == data


@pytest.fixture
def client(start_s3_registry, proxy, bucket):
    with start_s3_registry({"storage.redirect.disable": True}, url=proxy.url).client() as client:
        yield client
    assert bucket.uploads() == []


@pytest.mark.parametrize("form", FORMS)
def test_a_push(client, proxy, repo, form):
    """Where nobody can tell objects from each other, what is pushed is read once."""
    proxy.rewrite = with_etag(FORMS[form])
    for number in range(2):
        first = len(proxy.requests)
        data = random_bytes(MIB, f"{repo} {number}")
        client.push_blob(repo, data)
        assert client.pull_blob(repo, digest_of(data)) == data
        assert looks(proxy, first) == (0 if form in ("weak", "bare") else 1)
        push_pieces(client, repo, data[:300_000], data[300_000:], data, b"")
        push_pieces(client, repo, data[:300_000], data)


@pytest.mark.parametrize("form", FORMS)
def test_a_push_when_they_are_so_all_at_once(client, proxy, repo, form):
    """After a push that may fail."""
    client.push_blob("warm/up", b"x")
    proxy.rewrite = with_etag(FORMS[form])
    data = random_bytes(MIB, repo)
    location = client.append(client.start_upload(repo), data)
    assert client.patch(location, {"Content-Type": OCTETS}, b"more").status in (202, 500)
    push_pieces(client, repo, data[:300_000], data[300_000:], data, b"")
    push_pieces(client, repo, data[:300_000], data)
    response = client.delete(client.append(client.start_upload(repo), data))
    assert response.status == 204
    client.delete(location)
