# SPDX-License-Identifier: Apache-2.0
"""An upload that others write, too: an object store keeps nobody away from it.

Whoever may push can send other bytes of the same length through another process, at the same time, so
that the digest state that is saved tells of bytes that are not the upload's. Whatever is claimed then:
bytes never get a name that is not theirs. A state is believed for the seal in the token of the upload
only; any other is as good as none.
"""
import threading
import urllib.parse

import pytest
from support import session
from support.client import OCTETS, Client, Connection, with_query
from support.content import digest_of, random_bytes
from support.fault_proxy import Fault
from support.many import wait_for
from support.registry import SECRET, is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="upstream believes what is saved")

MIB = 1 << 20
SETTINGS = {"storage.redirect.disable": True}


@pytest.fixture
def pair(start_s3_registry):
    """Two processes on one bucket, which have seen what the service is like."""
    with start_s3_registry(SETTINGS).client() as one, start_s3_registry(SETTINGS).client() as other:
        for number, client in enumerate((one, other)):
            client.push_blob("warm/up", b"%d" % number)
        yield one, other


def put(client, location, digest):
    return client.put(with_query(location, digest=digest), {"Content-Type": OCTETS})


def blob_key(bucket, digest):
    return [key for key in bucket.keys() if key.endswith(f"/{digest[7:]}/data")]


def tamper(bucket, data):
    """The state that is saved becomes that of @data."""
    (key,) = [key for key in bucket.keys() if key.endswith(f"/hashstates/sha256/{len(data)}")]
    bucket.put(key, session.hash_state(data))


def two_contents(repo, size=100_000):
    return random_bytes(size, f"{repo} one"), random_bytes(size, f"{repo} two")


@pytest.mark.parametrize("through", [0, 1])
def test_a_state_of_other_bytes(pair, bucket, repo, through):
    sent, other = two_contents(repo)
    location = pair[0].append(pair[0].start_upload(repo), sent)
    tamper(bucket, other)
    response = put(pair[through], location, digest_of(other))
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(other)) == []
    assert bucket.uploads() == []


@pytest.mark.parametrize("through", [0, 1])
def test_a_state_of_other_bytes_and_the_right_digest(pair, bucket, repo, through):
    sent, other = two_contents(repo)
    location = pair[0].append(pair[0].start_upload(repo), sent)
    tamper(bucket, other)
    assert put(pair[through], location, digest_of(sent)).status == 201
    assert pair[1].pull_blob(repo, digest_of(sent)) == sent


def test_what_goes_on_from_a_state_of_other_bytes(pair, bucket, repo):
    """Nobody vouches for it any more, however often it is gone on with."""
    one, two = pair
    sent, other = two_contents(repo)
    location = one.append(one.start_upload(repo), sent)
    tamper(bucket, other)
    location = two.append(location, b"more")
    for client in (one, two, one):
        location = client.append(location, b"and more")
        assert session.seal_of(location, SECRET) is None
    claimed = digest_of(other + b"more" + 3 * b"and more")
    response = put(one, location, claimed)
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, claimed) == []


def replace_part(bucket, content):
    ((key, upload_id),) = bucket.uploads()
    bucket.request("PUT", key, {"uploadId": upload_id, "partNumber": "1"}, content)


@pytest.mark.parametrize("claims", [0, 1])
def test_an_old_token_of_what_is_another_content_now(pair, bucket, repo, claims):
    """Parts and state fit each other, and are of another process: the token is of what it has replaced."""
    contents = two_contents(repo)
    location = pair[0].append(pair[0].start_upload(repo), contents[0])
    assert session.seal_of(location, SECRET)
    replace_part(bucket, contents[1])
    tamper(bucket, contents[1])
    digest = digest_of(contents[claims])
    assert put(pair[claims], location, digest).status == (400, 201)[claims]
    assert [bucket.get(key) for key in blob_key(bucket, digest)] == ([], [contents[1]])[claims]


def test_a_token_of_no_bytes_after_bytes(pair, bucket, repo):
    """Whoever begins at 0 again begins nothing: there are bytes."""
    one, other = pair
    data, _ = two_contents(repo)
    first = one.start_upload(repo)
    second = one.append(first, data)
    response = other.patch(first, {"Content-Type": OCTETS}, data)
    assert (response.status, response.header("Range")) == (416, f"0-{len(data) - 1}")
    assert session.seal_of(response.location, SECRET) is None
    assert put(other, second, digest_of(data)).status == 201


def test_a_token_of_another_upload(pair, bucket, repo):
    data, _ = two_contents(repo)
    one, other = (client.append(client.start_upload(repo), data) for client in pair)
    assert session.seal_of(one, SECRET) != session.seal_of(other, SECRET)
    swapped = other.partition("?")[0] + "?" + one.partition("?")[2]
    response = put(pair[0], swapped, digest_of(data))
    assert (response.status, response.codes) == (404, ["BLOB_UPLOAD_INVALID"])
    assert put(pair[0], other, digest_of(data)).status == 201


def reads(proxy):
    """How often the data of an upload was read."""
    return sum(request.method == "GET" and "/_uploads/" in request.target and request.target.endswith("/data")
               for request in proxy.requests)


@pytest.mark.parametrize("kind", ["right", "of another upload", "of nothing", "none", "not one"])
def test_a_state_is_believed_for_its_seal_only(start_s3_registry, proxy, repo, kind):
    """All else is the same: the upload is read, and what is claimed is right."""
    data, _ = two_contents(repo)
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        location, other = (client.append(client.start_upload(repo), data) for _ in range(2))
        seal = {"right": session.seal_of(location, SECRET), "of another upload": session.seal_of(other, SECRET),
                "of nothing": "0" * 64, "none": None, "not one": "x"}[kind]
        before = reads(proxy)
        client.commit(session.with_seal(location, SECRET, seal), digest_of(data))
        assert reads(proxy) - before == (0 if kind == "right" else 1)
        assert client.pull_blob(repo, digest_of(data)) == data


def test_a_status_gives_the_seal_it_was_asked_with(pair, repo):
    """It is checked by whoever goes on. One of other bytes is not given."""
    one, other = pair
    data, _ = two_contents(repo)
    first = one.start_upload(repo)
    second = one.append(first, data)
    assert session.seal_of(first, SECRET) is None
    assert session.token_of(other.get(second).location) == session.token_of(second)
    third = one.append(second, b"more")
    for asked, seal in ((first, None), (second, None), (third, session.seal_of(third, SECRET))):
        assert session.seal_of(other.get(asked).location, SECRET) == seal
    assert put(other, other.get(third).location, digest_of(data + b"more")).status == 201


def test_a_request_that_breaks_off_leaves_nothing_to_believe(start_s3_registry, proxy, repo):
    """The client has no token of what has arrived: it asks for one, goes on, and all is read at the end."""
    data = random_bytes(200_000, repo)
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        first = client.start_upload(repo)
        with Connection(client.address) as broken:
            broken.send_head("PATCH", first, {"Content-Type": OCTETS, "Content-Length": len(data)})
            broken.send(data[:100_000])
        wait_for(lambda: client.get(first).header("Range") == "0-99999", "what has arrived")
        status = client.get(first)
        assert session.seal_of(status.location, SECRET) is None
        location = client.append(status.location, data[100_000:])
        before = reads(proxy)
        client.commit(location, digest_of(data))
        assert reads(proxy) - before == 1
        assert client.pull_blob(repo, digest_of(data)) == data


def test_an_upload_of_one_process(pair, repo):
    one, other = pair
    data = random_bytes(MIB, repo)
    location = one.append(one.start_upload(repo), data[:70_000])
    location = one.append(location, data[70_000:])
    assert put(one, location, digest_of(data)).status == 201
    assert other.pull_blob(repo, digest_of(data)) == data


def test_a_part_that_another_process_has_replaced(pair, bucket, repo):
    """The state is that of what was sent, and the part is not."""
    sent, other = two_contents(repo)
    location = pair[0].append(pair[0].start_upload(repo), sent)
    ((key, upload_id),) = bucket.uploads()
    bucket.request("PUT", key, {"uploadId": upload_id, "partNumber": "1"}, other)
    response = put(pair[0], location, digest_of(sent))
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(sent)) == []


def test_an_object_that_another_process_has_made(pair, bucket, repo):
    sent, other = two_contents(repo)
    location = pair[0].append(pair[0].start_upload(repo), sent)
    ((key, upload_id),) = bucket.uploads()
    bucket.request("DELETE", key, {"uploadId": upload_id})
    bucket.put(key, other)
    response = put(pair[0], location, digest_of(sent))
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(sent)) == []


@pytest.fixture
def exchange(start_s3_registry, proxy, bucket):
    """A process, and a function: the upload's object becomes @content just before the first request of @kind, a copy or
    a read."""

    def exchange(kind, content):
        def plan(request):
            path = urllib.parse.unquote(urllib.parse.urlsplit(request.target).path)
            source = urllib.parse.unquote(request.headers.get("x-amz-copy-source", ""))
            key = source if kind == "copy" else path[1:] if request.method == "GET" else ""
            if key.endswith("/data") and "/_uploads/" in key and (kind == "copy" or "?" not in request.target):
                proxy.plan = lambda _: None
                bucket.put(key.split("/", 1)[1], content)
                exchanged.append(key)

        armed.append(kind)
        proxy.plan = plan

    armed, exchanged = [], []
    settings = SETTINGS | {"storage.s3.multipartcopythresholdsize": 32 * MIB}
    with start_s3_registry(settings, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        yield client, exchange
    assert len(exchanged) == len(armed)


@pytest.mark.parametrize("size", [100_000, 48 * MIB], ids=["whole", "in parts"])
def test_an_object_that_is_another_when_it_is_copied(exchange, bucket, repo, size):
    client, exchange = exchange
    sent, other = two_contents(repo, size)
    location = client.append(client.start_upload(repo), sent)
    exchange("copy", other)
    response = put(client, location, digest_of(sent))
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(sent)) == []
    assert bucket.uploads() == []


def test_an_object_that_is_another_when_it_is_gone_on_from(exchange, bucket, repo):
    """Its end is short: so it becomes an object, which is the beginning of another upload."""
    client, exchange = exchange
    sent, other = two_contents(repo)
    location = client.append(client.start_upload(repo), sent)
    exchange("read", other)
    assert client.patch(location, {"Content-Type": OCTETS}, b"more").status == 500
    assert client.get(location).header("Range") == f"0-{len(sent) - 1}"
    response = put(client, location, digest_of(sent))
    assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(sent)) == []


@pytest.fixture
def lose_completions(proxy):
    """A function: the service does the next completion, and its answer is lost @count times; then the upload is gone.
    @meanwhile is called before each request but the first."""

    def lose_completions(count, meanwhile):
        completions = []

        def plan(request):
            if request.method != "POST" or "uploadId=" not in request.target or "/_uploads/" not in request.target:
                return None
            completions.append(request)
            if len(completions) > 1:
                meanwhile(urllib.parse.unquote(urllib.parse.urlsplit(request.target).path).split("/", 2)[2])
            return Fault("lose") if len(completions) <= count else Fault("deny", status=404, code="NoSuchUpload")

        proxy.plan = plan
        return completions

    return lose_completions


@pytest.mark.parametrize("count", [1, 2])
def test_an_object_of_ours_after_a_lost_answer(start_s3_registry, proxy, lose_completions, repo, count):
    """It is known by its ETag. The first answer is lost on a kept connection, which the client library makes good."""
    data, _ = two_contents(repo)
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        location = client.append(client.start_upload(repo), data)
        completions = lose_completions(count, lambda key: None)
        client.commit(location, digest_of(data))
        assert len(completions) == count + 1
        assert client.pull_blob(repo, digest_of(data)) == data


@pytest.mark.parametrize("count", [1, 2])
def test_an_object_of_others_after_a_lost_answer(start_s3_registry, proxy, lose_completions, bucket, repo, count):
    """It has the size of ours. Whether ours was ever there, only its bytes can tell."""
    sent, other = two_contents(repo)
    with start_s3_registry(SETTINGS, url=proxy.url).client() as client:
        client.push_blob("warm/up", b"x")
        location = client.append(client.start_upload(repo), sent)
        lose_completions(count, lambda key: bucket.put(key, other))
        first = put(client, location, digest_of(sent))
        proxy.plan = lambda request: None
        response = put(client, location, digest_of(sent)) if first.status == 404 else first
        assert (response.status, response.codes) == (400, ["DIGEST_INVALID"])
    assert blob_key(bucket, digest_of(sent)) == []


def test_an_object_that_is_another_when_it_is_read(exchange, proxy, bucket, repo):
    """To be read it became an object, and that one is committed or none."""
    client, exchange = exchange
    sent, other = two_contents(repo)
    location = client.append(client.start_upload(repo), sent)
    tamper(bucket, other)
    (state,) = [key for key in bucket.keys() if "/hashstates/" in key]
    bucket.put(state, b"no state")
    ((key, upload_id),) = bucket.uploads()
    bucket.request("PUT", key, {"uploadId": upload_id, "partNumber": "1"}, sent[::-1])
    exchange("read", other)
    assert put(client, location, digest_of(other)).status == 500
    assert not any(key in request.headers.get("x-amz-copy-source", "") for request in proxy.requests)
    assert blob_key(bucket, digest_of(other)) == []


@pytest.mark.parametrize("size", [3 * MIB, 11 * MIB])
def test_two_that_write_at_once(pair, bucket, repo, size):
    """Both begin at offset 0. Either may be refused; what is stored is what its name says."""
    contents = two_contents(repo, size)
    for round_number in range(8):
        location = pair[0].start_upload(repo)
        answers = [None, None]

        def write(index):
            with Client(pair[index].address) as client:
                answers[index] = client.patch(location, {"Content-Type": OCTETS}, contents[index])

        threads = [threading.Thread(target=write, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tokens = [answer.location for answer in answers if answer.status == 202]
        if not tokens:
            continue
        then = tokens[round_number // 4 % len(tokens)]
        put(pair[round_number % 2], then, digest_of(contents[round_number // 2 % 2]))
        for content in contents:
            for key in blob_key(bucket, digest_of(content)):
                assert bucket.get(key) == content
