# SPDX-License-Identifier: Apache-2.0
"""Upload sessions: begin, append, status, commit, cancel, mount."""
import re

import pytest
from support import session
from support.check import assert_empty, assert_error, assert_no_body
from support.client import OCTETS, with_query
from support.content import EMPTY_DIGEST, UNKNOWN_DIGEST, digest_of, random_bytes

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DATA = b"hello world, part one;"


def assert_session(response, status, repo, size):
    """An answer that tells where the session is: 202 of POST and PATCH, 204 of GET and HEAD."""
    assert response.status == status, response
    assert response.body == b""
    uuid = response.header("Docker-Upload-Uuid")
    assert UUID.fullmatch(uuid)
    assert response.header("Range") == f"0-{max(size - 1, 0)}"
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.location.startswith(f"/v2/{repo}/blobs/uploads/{uuid}?_state=")
    return uuid


# ---- POST ---------------------------------------------------------------------------------------


def test_post_begins_a_session(client, repo):
    response = client.post(f"/v2/{repo}/blobs/uploads/")
    assert_empty(response, 202)
    assert_session(response, 202, repo, 0)


def test_post_begins_another_session_each_time(client, repo):
    locations = {client.start_upload(repo) for _ in range(5)}
    assert len({session.uuid_of(location) for location in locations}) == 5


def test_post_without_content_length_begins_a_session(client, repo, registry):
    with registry.connect() as connection:
        connection.send_head("POST", f"/v2/{repo}/blobs/uploads/")
        assert_session(connection.read_response(), 202, repo, 0)


def test_post_on_a_session_begins_a_new_one(client, repo):
    location = client.start_upload(repo)
    response = client.post(location)
    assert assert_session(response, 202, repo, 0) != session.uuid_of(location)


@pytest.mark.ours("one POST pushes a blob")
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_post_with_digest_and_body_is_the_whole_push(client, repo, coding):
    data = f"monolithic {repo}".encode()
    digest = digest_of(data)
    target = with_query(f"/v2/{repo}/blobs/uploads/", digest=digest)
    headers = {"Content-Type": OCTETS}
    if coding == "length":
        response = client.post(target, headers, data)
    else:
        response = client.request("POST", target, headers, chunks=[data[:5], data[5:]])
    assert_empty(response, 201)
    assert response.location == f"/v2/{repo}/blobs/{digest}"
    assert response.header("Docker-Content-Digest") == digest
    assert client.pull_blob(repo, digest) == data


@pytest.mark.ours("one POST pushes a blob")
def test_post_with_the_wrong_digest_is_400(client, repo):
    target = with_query(f"/v2/{repo}/blobs/uploads/", digest=UNKNOWN_DIGEST)
    response = client.post(target, {"Content-Type": OCTETS}, b"something else")
    assert_error(response, 400, "DIGEST_INVALID")
    assert client.head(f"/v2/{repo}/blobs/{UNKNOWN_DIGEST}").status == 404


@pytest.mark.ours("one POST pushes a blob")
def test_post_with_the_digest_of_nothing_pushes_the_empty_blob(client, repo):
    response = client.post(with_query(f"/v2/{repo}/blobs/uploads/", digest=EMPTY_DIGEST))
    if response.status == 202:  # taken for a client that goes on with PATCH
        client.commit(response.location, EMPTY_DIGEST)
    else:
        assert response.status == 201
    assert client.pull_blob(repo, EMPTY_DIGEST) == b""


# ---- mount --------------------------------------------------------------------------------------


def test_mount_makes_a_blob_readable_without_a_push(client, repo):
    digest = client.push_blob(f"{repo}/from", DATA)
    target = with_query(f"/v2/{repo}/to/blobs/uploads/", mount=digest, **{"from": f"{repo}/from"})
    response = client.post(target)
    assert_empty(response, 201)
    assert response.location == f"/v2/{repo}/to/blobs/{digest}"
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("Docker-Upload-Uuid") is None
    assert response.header("Range") is None
    assert client.pull_blob(f"{repo}/to", digest) == DATA


def test_mount_twice_or_onto_itself_is_201(client, repo):
    digest = client.push_blob(repo, DATA)
    target = with_query(f"/v2/{repo}/blobs/uploads/", mount=digest, **{"from": repo})
    for _ in range(2):
        assert client.post(target).status == 201


@pytest.mark.ours("an alias is mounted as what it stands for")
def test_mount_by_sha512_can_be_read(client, repo):
    data = f"mount {repo}".encode()
    alias = digest_of(data, "sha512")
    client.commit(client.start_upload(f"{repo}/from"), alias, data)
    target = with_query(f"/v2/{repo}/to/blobs/uploads/", mount=alias, **{"from": f"{repo}/from"})
    assert client.post(target).status == 201
    assert client.pull_blob(f"{repo}/to", alias) == data


@pytest.mark.parametrize(
    "parameters",
    [
        {"mount": UNKNOWN_DIGEST, "from": "mount/source"},
        {"mount": digest_of(DATA), "from": "mount/nowhere"},
        {"mount": digest_of(DATA), "from": "-not a name-"},
        {"mount": "sha256:short", "from": "mount/source"},
        {"mount": "", "from": "mount/source"},
        {"mount": digest_of(DATA)},
        {"from": "mount/source"},
    ],
)
def test_mount_that_fails_is_a_normal_session(client, repo, parameters):
    client.push_blob("mount/source", DATA)
    response = client.post(with_query(f"/v2/{repo}/blobs/uploads/", **parameters))
    assert_session(response, 202, repo, 0)
    client.commit(response.location, digest_of(DATA), DATA)


# ---- PATCH --------------------------------------------------------------------------------------


def test_patch_appends_and_says_how_much_there_is(client, repo):
    location = client.start_upload(repo)
    response = client.patch(location, {"Content-Type": OCTETS}, DATA)
    assert_empty(response, 202)
    uuid = assert_session(response, 202, repo, 22)
    assert uuid == session.uuid_of(location)
    response = client.patch(response.location, {"Content-Type": OCTETS}, bytes(100))
    assert_session(response, 202, repo, 122)
    client.commit(response.location, digest_of(DATA + bytes(100)))


@pytest.mark.parametrize("sizes", [[1], [22], [1, 1, 1], [70000, 1, 300000], [1 << 20] * 3])
def test_patch_takes_chunked_coding(client, repo, sizes):
    pieces = [random_bytes(size, index) for index, size in enumerate(sizes)]
    response = client.patch(client.start_upload(repo), {"Content-Type": OCTETS}, chunks=pieces)
    assert_session(response, 202, repo, sum(sizes))
    digest = digest_of(b"".join(pieces))
    client.commit(response.location, digest)
    assert client.pull_blob(repo, digest) == b"".join(pieces)


@pytest.mark.parametrize("chunks", [None, []])
def test_patch_of_nothing_changes_nothing(client, repo, chunks):
    location = client.append(client.start_upload(repo), DATA)
    response = client.patch(location, {"Content-Type": OCTETS}, chunks=chunks)
    assert_session(response, 202, repo, 22)
    client.commit(response.location, digest_of(DATA))


def test_one_byte_and_none_have_the_same_range(client, repo):
    assert_session(client.patch(client.start_upload(repo), {}, b"x"), 202, repo, 1)


def test_patch_without_content_type_is_taken(client, repo):
    assert_session(client.patch(client.start_upload(repo), {}, DATA), 202, repo, 22)


@pytest.mark.ours("a wrong Content-Type is 415")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/x-www-form-urlencoded", "garbage"]
)
def test_patch_of_another_content_type_is_415_and_appends_nothing(client, repo, kind):
    location = client.start_upload(repo)
    response = client.patch(location, {"Content-Type": kind}, DATA)
    assert response.status == 415, response
    assert len(response.codes) == 1
    assert_session(client.get(location), 204, repo, 0)
    client.commit(location, digest_of(DATA), DATA)


@pytest.mark.parametrize("value", ["0-21", "0-21 "])
def test_patch_with_the_right_content_range_is_taken(client, repo, value):
    headers = {"Content-Type": OCTETS, "Content-Range": value}
    response = client.patch(client.start_upload(repo), headers, DATA)
    assert_session(response, 202, repo, 22)
    headers["Content-Range"] = "22-43"
    assert_session(client.patch(response.location, headers, DATA), 202, repo, 44)


@pytest.mark.ours("Content-Range is checked")
@pytest.mark.parametrize("value", ["1-22", "22-43", "100-121"])
def test_patch_that_begins_elsewhere_is_416_and_appends_nothing(client, repo, value):
    location = client.start_upload(repo)
    headers = {"Content-Type": OCTETS, "Content-Range": value}
    response = client.patch(location, headers, DATA)
    assert response.status == 416, response
    assert response.codes
    assert_session(client.get(location), 204, repo, 0)
    client.commit(location, digest_of(DATA), DATA)


@pytest.mark.ours("Content-Range is checked")
def test_second_chunk_first_is_416_and_the_session_goes_on(client, repo):
    location = client.start_upload(repo)
    second = {"Content-Type": OCTETS, "Content-Range": "22-121"}
    assert client.patch(location, second, bytes(100)).status == 416
    first = {"Content-Type": OCTETS, "Content-Range": "0-21"}
    response = client.patch(location, first, DATA)
    assert_session(response, 202, repo, 22)
    response = client.patch(response.location, second, bytes(100))
    assert_session(response, 202, repo, 122)
    client.commit(response.location, digest_of(DATA + bytes(100)))


@pytest.mark.ours("Content-Range is checked")
@pytest.mark.parametrize("value", ["0-20", "0-22", "0-100", "5-2", "abc", "0-", "-21", "0-21-22"])
def test_patch_whose_content_range_cannot_be_is_refused(client, repo, value):
    location = client.start_upload(repo)
    headers = {"Content-Type": OCTETS, "Content-Range": value}
    response = client.patch(location, headers, DATA)
    assert response.status in (400, 416), response
    assert response.codes
    assert_session(client.get(location), 204, repo, 0)


@pytest.mark.ours("a stale token is 416 and tells the way on")
def test_patch_with_a_stale_token_is_416_with_the_way_on(client, repo):
    old = client.start_upload(repo)
    client.append(old, DATA)
    response = client.patch(old, {"Content-Type": OCTETS}, DATA)
    assert response.status == 416, response
    assert response.codes
    assert response.header("Range") == "0-21"
    assert response.header("Docker-Upload-Uuid") == session.uuid_of(old)
    location = client.append(response.location, b"two")
    client.commit(location, digest_of(DATA + b"two"))


@pytest.mark.ours("a stale token is 416 and tells the way on")
def test_commit_with_a_stale_token_is_416(client, repo):
    old = client.start_upload(repo)
    client.append(old, DATA)
    response = client.put(with_query(old, digest=digest_of(DATA)))
    assert response.status == 416, response
    client.commit(response.location, digest_of(DATA))


# ---- GET and HEAD -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_status_tells_what_is_there(client, repo, method):
    location = client.start_upload(repo)
    response = client.request(method, location)
    assert_no_body(response, 204)
    assert_session(response, 204, repo, 0)
    location = client.append(location, DATA)
    response = client.request(method, location)
    assert assert_session(response, 204, repo, 22) == session.uuid_of(location)
    client.commit(response.location, digest_of(DATA))


@pytest.mark.ours("status answers whatever the offset in the token")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_status_with_an_old_location_gives_the_present_one(client, repo, method):
    old = client.start_upload(repo)
    client.append(old, DATA)
    response = client.request(method, old)
    assert_session(response, 204, repo, 22)
    client.commit(client.append(response.location, b"x"), digest_of(DATA + b"x"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_uploads_without_an_id_know_no_session(client, repo, method):
    response = client.request(method, f"/v2/{repo}/blobs/uploads/")
    assert response.status == 404
    if method != "HEAD":
        assert_error(response, 404, "BLOB_UPLOAD_UNKNOWN")
        assert b"detail" not in response.body


def test_unknown_session_is_404(client, repo, registry):
    location = session.location_of(
        repo, "3f7a9c1e-58d2-4b6f-9e01-7c4d2a8b5f60", 0, "2026-11-21T06:45:51Z", registry.secret
    )
    for method in ("GET", "PATCH", "DELETE"):
        assert_error(client.request(method, location), 404, "BLOB_UPLOAD_UNKNOWN", {})
    response = client.put(with_query(location, digest=EMPTY_DIGEST))
    assert_error(response, 404, "BLOB_UPLOAD_UNKNOWN", {})


# ---- PUT ----------------------------------------------------------------------------------------


def test_put_without_a_body_commits_what_is_there(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    digest = digest_of(DATA)
    response = client.put(with_query(location, digest=digest))
    assert_empty(response, 201)
    assert response.location == f"/v2/{repo}/blobs/{digest}"
    assert response.header("Docker-Content-Digest") == digest
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert client.pull_blob(repo, digest) == DATA


@pytest.mark.parametrize("chunks", [None, [DATA[:7], DATA[7:]]])
def test_put_with_the_whole_body_is_a_push(client, repo, chunks):
    target = with_query(client.start_upload(repo), digest=digest_of(DATA))
    body = None if chunks else DATA
    response = client.request("PUT", target, {"Content-Type": OCTETS}, body, chunks)
    assert_empty(response, 201)
    assert client.pull_blob(repo, digest_of(DATA)) == DATA


def test_put_may_carry_the_last_piece(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    client.commit(location, digest_of(DATA + b"last"), b"last")
    assert client.pull_blob(repo, digest_of(DATA + b"last")) == DATA + b"last"


def test_put_takes_any_content_type(client, repo):
    target = with_query(client.start_upload(repo), digest=digest_of(DATA))
    assert client.put(target, {"Content-Type": "text/plain; x=y"}, DATA).status == 201


@pytest.mark.ours("a form is bytes like any other")
def test_put_of_a_form_is_stored_as_it_is(client, repo):
    data = b"a=b&digest=c"
    target = with_query(client.start_upload(repo), digest=digest_of(data))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.put(target, headers, data).status == 201
    assert client.pull_blob(repo, digest_of(data)) == data


def test_digest_may_come_before_the_token_and_escaped(client, repo):
    path, _, query = client.append(client.start_upload(repo), DATA).partition("?")
    digest = digest_of(DATA).replace(":", "%3A")
    assert client.put(f"{path}?digest={digest}&{query}").status == 201


def test_token_may_come_with_its_padding_bare(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    target = with_query(location.replace("%3D", "="), digest=digest_of(DATA))
    assert client.put(target).status == 201


def test_content_that_is_there_already_can_be_pushed_again(client, repo):
    for name in (repo, repo, f"{repo}/other"):
        digest = client.push_blob(name, DATA)
        assert client.pull_blob(name, digest) == DATA


def test_commit_without_digest_is_400_and_the_session_stays(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    assert_error(client.put(location), 400, "DIGEST_INVALID", "digest missing")
    for digest in ("sha256:abc", "nonsense", "sha256:" + "G" * 64, "md5:" + "0" * 32):
        response = client.put(with_query(location, digest=digest))
        assert_error(response, 400, "DIGEST_INVALID", "digest parsing failed")
    client.commit(location, digest_of(DATA))


def test_content_that_does_not_match_is_400(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    response = client.put(with_query(location, digest=UNKNOWN_DIGEST))
    assert_error(response, 400, "DIGEST_INVALID", {"Digest": UNKNOWN_DIGEST, "Reason": {}})
    assert client.head(f"/v2/{repo}/blobs/{UNKNOWN_DIGEST}").status == 404
    assert client.head(f"/v2/{repo}/blobs/{digest_of(DATA)}").status == 404


@pytest.mark.ours("what cannot match is removed")
@pytest.mark.parametrize("body", [b"", b"more"])
def test_content_that_does_not_match_ends_the_session(client, repo, body):
    location = client.append(client.start_upload(repo), DATA)
    assert client.put(with_query(location, digest=UNKNOWN_DIGEST), {}, body).status == 400
    assert_error(client.get(location), 404, "BLOB_UPLOAD_UNKNOWN", {})


def test_committed_session_is_gone(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    client.commit(location, digest_of(DATA))
    for method in ("GET", "PATCH", "DELETE"):
        assert_error(client.request(method, location), 404, "BLOB_UPLOAD_UNKNOWN", {})
    response = client.put(with_query(location, digest=digest_of(DATA)))
    assert_error(response, 404, "BLOB_UPLOAD_UNKNOWN", {})


# ---- DELETE -------------------------------------------------------------------------------------


def test_delete_cancels_the_session(client, repo):
    location = client.append(client.start_upload(repo), DATA)
    response = client.delete(location)
    assert_no_body(response, 204)
    assert response.header("Docker-Upload-Uuid") == session.uuid_of(location)
    for method in ("DELETE", "GET", "PATCH"):
        assert_error(client.request(method, location), 404, "BLOB_UPLOAD_UNKNOWN", {})


# ---- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "0",
        "a/b/c/d/e/f/g/h",
        "a.b/c_d/e__f/g-h/i--j/k---l",
        "blobs/uploads",
        "tags/list",
        "manifests/latest",
        "v2/v2",
        "x" * 255,
        "/".join(["abcdefgh"] * 28) + "/xyz",
    ],
)
def test_name_that_the_grammar_allows_can_be_pushed(client, name):
    assert len(name) <= 255
    assert client.pull_blob(name, client.push_blob(name, DATA)) == DATA


@pytest.mark.ours("400, where upstream has 500")
@pytest.mark.parametrize("size", [256, 300, 2000])
def test_name_longer_than_255_is_400(client, size):
    name = "x" * size
    for method, target in [
        ("POST", f"/v2/{name}/blobs/uploads/"),
        ("GET", f"/v2/{name}/tags/list"),
        ("GET", f"/v2/{name}/manifests/latest"),
        ("HEAD", f"/v2/{name}/blobs/{UNKNOWN_DIGEST}"),
    ]:
        response = client.request(method, target)
        assert response.status == 400
        if method != "HEAD":
            assert_error(response, 400, "NAME_INVALID")


@pytest.mark.parametrize("name", ["Foo/bar", "A.b.C/x", "my.host-name/x", "LOCALHOST/x"])
def test_first_of_several_components_may_look_like_a_host(client, name):
    assert client.pull_blob(name, client.push_blob(name, DATA)) == DATA


@pytest.mark.parametrize("name", ["0" * 64, "f" * 64, "x" * 238, "y/" + "z" * 244])
def test_names_that_a_cache_of_upstreams_refuses_are_taken(client, name):
    assert client.pull_blob(name, client.push_blob(name, DATA)) == DATA


@pytest.mark.ours("400, where upstream has 500")
@pytest.mark.parametrize("name", ["host:5000/x", "h.example:80/a/b"])
def test_name_with_a_port_is_400(client, name):
    for method, target in [
        ("POST", f"/v2/{name}/blobs/uploads/"),
        ("GET", f"/v2/{name}/manifests/latest"),
        ("GET", f"/v2/{name}/tags/list"),
    ]:
        assert_error(client.request(method, target), 400, "NAME_INVALID")


def test_id_of_a_session_is_a_uuid_of_version_4(client, repo):
    ids = {session.uuid_of(client.start_upload(repo)) for _ in range(50)}
    assert len(ids) == 50
    for text in ids:
        assert UUID.fullmatch(text)


def test_start_of_a_session_asks_for_no_chunk_size(client, repo):
    response = client.post(f"/v2/{repo}/blobs/uploads/")
    assert response.header("OCI-Chunk-Min-Length") is None


def test_digest_of_a_commit_is_checked_before_the_body(client, repo):
    location = client.start_upload(repo)
    for query in ("digest=", "digest=sha256:abc", "digest=sha256%3A" + "G" * 64):
        response = client.put(f"{location}&{query}", body=b"x" * 1000)
        assert_error(response, 400, "DIGEST_INVALID")
    response = client.get(location)
    assert response.header("Range") == "0-0"
    client.commit(location, digest_of(DATA), DATA)
