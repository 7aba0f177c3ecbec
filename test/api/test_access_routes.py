# SPDX-License-Identifier: Apache-2.0
"""No route answers before access is decided, and no refusal tells what there is."""
import itertools
import pathlib
import re

import pytest
from support.access import Files, bearer, record, token, user_header
from support.check import assert_error
from support.client import OCTETS
from support.content import UNKNOWN_DIGEST, digest_of, image
from support.registry import ROOT, Registry, is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="the rights of users are ours")

RULES = """
allow writer pull,push,delete,catalog **
allow reader pull seen/**
allow pusher push seen/**
"""
USERS = ["writer", "reader", "pusher", "guest"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]
SEEN, GONE = "seen/it", "gone/it"  # as long as each other
BLOB = b"what is in the blob"
IMAGE = image("access")
UUID = "177690b1-48e3-4b48-b530-02f51bb66f3a"

# Every route below a repository: what there is, and what there is not.
PATHS = {
    "ROUTE_TAGS": ["tags/list"],
    "ROUTE_MANIFEST": ["manifests/v1", "manifests/v2", f"manifests/{IMAGE.digest}", f"manifests/{UNKNOWN_DIGEST}",
                       "manifests/sha256:short"],
    "ROUTE_BLOB": [f"blobs/{digest_of(BLOB)}", f"blobs/{UNKNOWN_DIGEST}", "blobs/sha256:short"],
    "ROUTE_UPLOADS": ["blobs/uploads/", "blobs/uploads/?mount=x", f"blobs/uploads/?digest={digest_of(BLOB)}",
                      f"blobs/uploads/?mount={digest_of(BLOB)}&from={SEEN}",
                      f"blobs/uploads/?mount={digest_of(BLOB)}&from={GONE}"],
    "ROUTE_UPLOAD": ["{upload}", f"blobs/uploads/{UUID}", "blobs/uploads/x?_state=y"],
    "ROUTE_REFERRERS": [f"referrers/{IMAGE.digest}", f"referrers/{UNKNOWN_DIGEST}", "referrers/x"],
}
OTHERS = {"ROUTE_BASE": "/v2/", "ROUTE_CATALOG": "/v2/_catalog", "ROUTE_TOKEN": "/auth/token"}


def test_every_route_is_walked():
    text = (ROOT / "lib/api/routes.h").read_text()
    routes = set(re.findall(r"\bROUTE_[A-Z]+\b", text)) - {"ROUTE_NONE", "ROUTE_COUNT"}
    assert routes == set(PATHS) | set(OTHERS)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """With one image, one blob, and one upload under way in the repository SEEN; none else."""
    directory = tmp_path_factory.mktemp("guarded")
    files = Files(directory / "files", USERS, RULES)
    with Registry(directory / "registry", settings=files.settings) as registry:
        with registry.client() as client:
            writer = bearer(token(client, "writer"))
            for blob in (BLOB, *IMAGE.blobs):
                location = client.post(f"/v2/{SEEN}/blobs/uploads/", writer).location
                target = f"{location}&digest={digest_of(blob)}"
                assert client.put(target, writer | {"Content-Type": OCTETS}, blob).status == 201
            headers = writer | {"Content-Type": IMAGE.media_type}
            assert client.put(f"/v2/{SEEN}/manifests/v1", headers, IMAGE.manifest).status == 201
            location = client.post(f"/v2/{SEEN}/blobs/uploads/", writer).location
            registry.upload = location.partition(f"{SEEN}/")[2]
        yield registry


@pytest.fixture
def client(guarded):
    with guarded.surviving_client() as client:
        yield client


@pytest.fixture(scope="module")
def tokens(guarded):
    with guarded.client() as client:
        return {user: bearer(token(client, user)) for user in [None, *USERS]}


def files_of(registry):
    """What is stored, but for what reading leaves behind: lists of referrers, states of hashes."""
    paths = pathlib.Path(registry.root).rglob("*")
    return sorted((str(path), path.stat().st_size) for path in paths if path.is_file()
                  and "_referrers" not in path.parts and "hashstates" not in path.parts)


def say(response, name):
    """An answer without what differs from request to request."""
    headers = [(key, value) for key, value in response.headers if key not in ("Date", "Connection")]
    return repr((response.status, headers, response.body)).replace(name, "NAME")


def walk(registry):
    for path, method in itertools.product(itertools.chain(*PATHS.values()), METHODS):
        yield method, path.replace("{upload}", registry.upload)


ACTIONS = {"GET": ["pull"], "HEAD": ["pull"], "POST": ["pull", "push"], "PUT": ["pull", "push"],
           "PATCH": ["pull", "push"], "DELETE": ["delete"]}


def records_of(method, name, path):
    records = [record(name, action) for action in ACTIONS.get(method, [])]
    if "from=" in path:
        records.append(record(path.partition("from=")[2], "pull"))
    return records or None


@pytest.mark.parametrize("who", ["nobody", "anonymous", "wrong", "damaged", "forged"])
def test_who_is_not_known_is_challenged_on_every_route(guarded, client, tokens, who):
    headers = {
        "nobody": {},
        "anonymous": tokens[None],
        "wrong": bearer("a.b"),
        "damaged": {"Authorization": "Basic ????"},
        "forged": {"Authorization": tokens["writer"]["Authorization"][:-2]},
    }[who]
    before = files_of(guarded)
    for method, path in walk(guarded):
        answers = set()
        for name in (SEEN, GONE):
            response = client.request(method, f"/v2/{name}/{path}", headers, b"")
            if who == "anonymous" and records_of(method, name, path) is None:
                assert response.status in (200, 405), (method, path, response)
            elif method == "HEAD":
                assert response.status == 401 and response.body == b"", (method, path, response)
            else:
                assert_error(response, 401, "UNAUTHORIZED", records_of(method, name, path))
            answers.add(say(response, name))
        if "from=" not in path:
            assert len(answers) == 1, (method, path, answers)
    for target in (OTHERS["ROUTE_CATALOG"], OTHERS["ROUTE_BASE"]):
        for method in METHODS:
            wanted = (200,) if who == "anonymous" and target == "/v2/" else (401,)
            assert client.request(method, target, headers).status in wanted, (method, target)
    assert files_of(guarded) == before


@pytest.mark.parametrize("user", ["guest", "reader", "pusher"])
def test_who_has_too_few_rights_is_denied_on_every_route(guarded, client, tokens, user):
    granted = {"guest": set(), "reader": {(SEEN, "pull")}, "pusher": {(SEEN, "push")}}[user]
    before = files_of(guarded)
    for method, path in walk(guarded):
        answers = set()
        for name in (SEEN, GONE):
            response = client.request(method, f"/v2/{name}/{path}", tokens[user], b"")
            records = records_of(method, name, path)
            is_allowed = {(r["Name"], r["Action"]) for r in records or []} <= granted
            if is_allowed:
                assert response.status not in (401, 403), (method, path, response)
            elif method == "HEAD":
                assert response.status == 403 and response.body == b"", (method, path, response)
            else:
                assert_error(response, 403, "DENIED", records)
            answers.add(say(response, name))
        if granted == set() and "from=" not in path:
            assert len(answers) == 1, (method, path, answers)
    for method in METHODS:
        assert client.request(method, "/v2/_catalog", tokens[user]).status == 403
        assert client.request(method, "/v2/", tokens[user]).status == 200
    assert files_of(guarded) == before


@pytest.mark.parametrize("path", ["tags/list/", "manifests/v1/", "manifests/v2/", "blobs/uploads",
                                  f"blobs/{digest_of(BLOB)}/", "./tags/list", "x/../tags/list"])
def test_redirects_tell_nothing(client, path):
    """They are answered before anybody is asked, as upstream does: from the path alone."""
    answers = {say(client.get(f"/v2/{name}/{path}"), name) for name in (SEEN, GONE)}
    assert len(answers) == 1
    assert " 301, " in answers.pop().replace("(301", " 301")


@pytest.mark.parametrize("name", ["n" * 300, "host:5000/name", "/".join("a" * 200)], ids=["long", "host", "deep"])
@pytest.mark.parametrize("path", ["tags/list", "manifests/v1", "blobs/uploads/", f"blobs/{UNKNOWN_DIGEST}"])
def test_names_that_cannot_be_stored_are_judged_like_others(client, tokens, name, path):
    assert client.get(f"/v2/{name}/{path}").status == 401
    assert client.get(f"/v2/{name}/{path}", tokens["reader"]).status == 403
    assert_error(client.get(f"/v2/{name}/{path}", tokens["writer"]), 400, "NAME_INVALID")


def test_a_mount_needs_to_pull_where_it_takes_from(guarded, client):
    """Upstream refuses the whole request; so do we."""
    target = f"/v2/{SEEN}/blobs/uploads/?mount={digest_of(BLOB)}&from={GONE}"
    for user in ("reader", "pusher"):
        assert client.post(target, user_header(user)).status == 403
    response = client.post(target)
    assert response.status == 401
    assert f"repository:{SEEN}:pull,push repository:{GONE}:pull" in response.header("WWW-Authenticate")


@pytest.mark.parametrize("headers", [{"Expect": "100-continue"}, {}])
@pytest.mark.parametrize("user, status", [(None, 401), ("guest", 403), ("reader", 403)])
def test_a_push_is_refused_before_its_body_is_sent(guarded, tokens, user, status, headers):
    """With Expect no byte of it is sent; without, the answer can be read while it is sent."""
    gib = 1 << 30
    head = tokens[user] | headers | {"Content-Length": gib, "Content-Type": OCTETS}
    read = guarded.bytes_read()
    with guarded.connect() as connection:
        connection.send_head("PUT", f"/v2/{SEEN}/manifests/v1", head)
        sent = 0
        if not headers:
            sent = connection.send_until_reply(itertools.repeat(bytes(1 << 20), 1 << 10))
        response = connection.read_response()
    assert response.interim == []
    assert response.status == status
    assert response.codes == ["UNAUTHORIZED" if status == 401 else "DENIED"]
    assert sent < 64 << 20
    assert guarded.bytes_read() - read < 64 << 20


def test_anonymous_uploads_leave_nothing(guarded, client):
    before = files_of(guarded)
    for _ in range(20):
        assert client.post(f"/v2/{SEEN}/blobs/uploads/").status == 401
        assert client.post(f"/v2/new/blobs/uploads/?digest={digest_of(BLOB)}", {"Content-Type": OCTETS}, BLOB).status == 401
    assert files_of(guarded) == before
