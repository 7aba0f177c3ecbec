# SPDX-License-Identifier: Apache-2.0
"""The `_state` token: upstream's format, byte for byte, so that peers continue our uploads.

The vectors were produced by upstream's registry with the secret `asecretforlocaldevelopment`.
"""
import base64
import re
import uuid as uuids

import pytest
from support import layout, session
from support.check import assert_error
from support.client import OCTETS, with_query
from support.content import EMPTY_DIGEST, UNKNOWN_DIGEST, digest_of
from support.registry import SECRET

REPO = "vec"
UUID = "177690b1-48e3-4b48-b530-02f51bb66f3a"
STARTED_AT = "2026-11-21T06:45:51Z"
FIRST = b"hello world, part one;"
SECOND = bytes(range(100))
T1 = (
    "0IXzb1H_itUgEbMkf2Ssd-e_zf9bbVASSaDA3L7mUAd7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhl"
    "My00YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjowLCJTdGFydGVkQXQiOiIyMDI2LTExLTIxVDA2OjQ1"
    "OjUxLjA0Njc4NjY4NFoifQ=="
)
T2 = (
    "hXcdauPD59nxH-ML_TfFLKZvDgYZVtds9DvR7vUt69V7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhl"
    "My00YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjoyMiwiU3RhcnRlZEF0IjoiMjAyNi0xMS0yMVQwNjo0"
    "NTo1MVoifQ=="
)
T3 = (
    "Xt7L8QG0YxmDbR26vujohzvtkHADfq4htjQ9MN7C_UZ7Ik5hbWUiOiJ2ZWMiLCJVVUlEIjoiMTc3NjkwYjEtNDhl"
    "My00YjQ4LWI1MzAtMDJmNTFiYjY2ZjNhIiwiT2Zmc2V0IjoxMjIsIlN0YXJ0ZWRBdCI6IjIwMjYtMTEtMjFUMDY6"
    "NDU6NTFaIn0="
)
H0 = "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19" + "00" * 72
H22 = (
    "736861036a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"
    + FIRST.ljust(64, b"\0").hex()
    + "0000000000000016"
)
H122 = (
    "73686103c6e8c75d969d2bafde928392f8efc2ce72f9628be5ed950771fb26246b2e2cb6"
    + SECOND[0x2A:].ljust(64, b"\0").hex()
    + "000000000000007a"
)


def fabricate(registry, repository, uuid, data, started_at=STARTED_AT, states=()):
    """Lays a session into the storage as a peer would have left it. Returns its directory."""
    directory = registry.repository_path(repository) / "_uploads" / uuid
    (directory / "hashstates/sha256").mkdir(parents=True)
    (directory / "startedat").write_text(started_at)
    if data is not None:
        (directory / "data").write_bytes(data)
    for offset, state in states:
        (directory / "hashstates/sha256" / str(offset)).write_bytes(state)
    return directory


def location(token, repository=REPO, uuid=UUID):
    return with_query(f"/v2/{repository}/blobs/uploads/{uuid}", _state=token)


@pytest.fixture
def new_uuid():
    return str(uuids.uuid4())


@pytest.fixture
def opened(fs_client, repo):
    """The Location of a session that holds FIRST."""
    return fs_client.append(fs_client.start_upload(repo), FIRST)


# ---- the vectors --------------------------------------------------------------------------------


def test_vectors_lead_from_token_to_token(start_registry):
    registry = start_registry()
    directory = fabricate(registry, REPO, UUID, b"", states=[(0, bytes.fromhex(H0))])
    with registry.client() as client:
        after = client.append(location(T1), FIRST)
        assert session.token_of(after) == T2
        assert (directory / "hashstates/sha256/22").read_bytes().hex() == H22
        after = client.append(location(T2), SECOND)
        assert session.token_of(after) == T3
        assert (directory / "hashstates/sha256/122").read_bytes().hex() == H122
        response = client.get(location(T3))
        assert response.status == 204
        assert session.token_of(response.location) == T3
        digest = "sha256:5267e9edc78a69cabd9cd42bba9a13374becadd1c34185c2526c55f8fda13ca0"
        client.commit(location(T3), digest)
        assert client.pull_blob(REPO, digest) == FIRST + SECOND
    layout.check(registry.root)


def test_oracle_agrees_with_the_vectors():
    """The tests' own code for tokens and digest states is right."""
    assert session.pack(session.message(REPO, UUID, 22, STARTED_AT), SECRET) == T2
    assert session.unpack(T3, SECRET)["Offset"] == 122
    assert session.hash_state(b"").hex() == H0
    assert session.hash_state(FIRST).hex() == H22
    assert session.hash_state(FIRST + SECOND).hex() == H122


# ---- what the server gives ----------------------------------------------------------------------


def test_token_says_what_the_session_is(registry, client, repo):
    first = client.start_upload(repo)
    uuid = session.uuid_of(first)
    value = session.unpack(session.token_of(first), registry.secret)
    assert (value["Name"], value["UUID"], value["Offset"]) == (repo, uuid, 0)
    second = client.append(first, FIRST)
    value = session.unpack(session.token_of(second), registry.secret)
    assert (value["Name"], value["UUID"], value["Offset"]) == (repo, uuid, 22)
    value = session.unpack(session.token_of(client.get(second).location), registry.secret)
    assert value["Offset"] == 22


def test_token_where_there_are_locks_is_of_upstreams_form(fs_registry, fs_client, repo):
    first = fs_client.start_upload(repo)
    for target in (first, fs_client.append(first, FIRST)):
        assert set(session.unpack(session.token_of(target), fs_registry.secret)) == {"Name", "UUID", "Offset", "StartedAt"}


def test_token_of_a_blob_over_4_gib_has_a_plain_integer(fs_registry, fs_client, repo, new_uuid):
    size = (5 << 30) + 1
    directory = fabricate(fs_registry, repo, new_uuid, b"")
    with open(directory / "data", "wb") as file:
        file.truncate(size)
    target = session.location_of(repo, new_uuid, size, STARTED_AT, fs_registry.secret)
    response = fs_client.get(target)
    assert response.status == 204
    assert response.header("Range") == f"0-{size - 1}"
    value = session.unpack(session.token_of(response.location), fs_registry.secret)
    assert value["Offset"] == size
    fs_client.delete(target)


def test_started_at_follows_the_file_after_the_first_answer(fs_registry, fs_client, repo):
    target = fs_client.append(fs_client.start_upload(repo), FIRST)
    uuid = session.uuid_of(target)
    path = fs_registry.repository_path(repo) / "_uploads" / uuid / "startedat"
    value = session.unpack(session.token_of(target), fs_registry.secret)
    assert value["StartedAt"] == path.read_text()


# ---- what it accepts ----------------------------------------------------------------------------


@pytest.mark.parametrize("with_state", [True, False])
def test_session_of_a_peer_is_continued(fs_registry, fs_client, repo, new_uuid, with_state):
    states = [(22, session.hash_state(FIRST))] if with_state else []
    fabricate(fs_registry, repo, new_uuid, FIRST, states=states)
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, fs_registry.secret)
    fs_client.commit(fs_client.append(target, SECOND), digest_of(FIRST + SECOND))
    assert fs_client.pull_blob(repo, digest_of(FIRST + SECOND)) == FIRST + SECOND


def test_session_without_data_is_empty(fs_registry, fs_client, repo, new_uuid):
    fabricate(fs_registry, repo, new_uuid, None)
    target = session.location_of(repo, new_uuid, 0, STARTED_AT, fs_registry.secret)
    fs_client.commit(fs_client.append(target, FIRST), digest_of(FIRST))


@pytest.mark.parametrize("at", ["2026-11-21T06:45:51.5Z", "2026-11-21T08:45:51+02:00"])
def test_started_at_of_a_peer_may_have_fractions_and_offsets(
    fs_registry, fs_client, repo, new_uuid, at
):
    fabricate(fs_registry, repo, new_uuid, b"", started_at=at)
    target = session.location_of(repo, new_uuid, 0, at, fs_registry.secret)
    fs_client.commit(target, digest_of(FIRST), FIRST)


@pytest.mark.parametrize(
    "text",
    [
        '{"UUID":"{uuid}","Name":"{repo}","StartedAt":"2020-01-01T00:00:00Z","Offset":0}',
        '{"name":"{repo}","uuid":"{uuid}","offset":0,"startedat":"2020-01-01T00:00:00.123Z"}',
        ' { "Name" : "{repo}", "UUID" : "{uuid}", "Offset" : 0 } ',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":0,"Other":[1,{"x":null}]}',
        f'{{"Name":"{{repo}}","UUID":"{{uuid}}","Offset":0,"Seal":"{"0" * 64}"}}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":0,"Seal":{"version":9}}',
    ],
)
def test_signed_token_of_another_spelling_is_accepted(
    fs_registry, fs_client, repo, new_uuid, text
):
    fabricate(fs_registry, repo, new_uuid, b"")
    text = text.replace("{repo}", repo).replace("{uuid}", new_uuid)
    token = session.pack(text.encode(), fs_registry.secret)
    response = fs_client.patch(location(token, repo, new_uuid), {}, FIRST)
    assert response.status == 202, response


# ---- what it refuses ----------------------------------------------------------------------------


def _flip(token, position):
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[position] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


FORGERIES = {
    "absent": lambda token, value: None,
    "empty": lambda token, value: "",
    "no base64": lambda token, value: "!!!!",
    "too short": lambda token, value: "AAAA",
    "mac alone": lambda token, value: base64.urlsafe_b64encode(bytes(32)).decode(),
    "no padding": lambda token, value: token.rstrip("=") if "=" in token else token[:-1],
    "cut": lambda token, value: token[:-8],
    "longer": lambda token, value: token.rstrip("=")[: len(token) // 4 * 4 - 4] + "AAAAAAAA",
    "mac changed": lambda token, value: _flip(token, 0),
    "mac changed at its end": lambda token, value: _flip(token, 31),
    "message changed": lambda token, value: _flip(token, 42),
    "other secret": lambda token, value: session.pack(session.message(**value), "wrong"),
    "no secret": lambda token, value: session.pack(session.message(**value), ""),
    "zero mac": lambda token, value: base64.urlsafe_b64encode(
        bytes(32) + session.message(**value)
    ).decode(),
}


def _forge(kind, opened, secret):
    value = session.unpack(session.token_of(opened), secret)
    named = {
        "name": value["Name"],
        "uuid": value["UUID"],
        "offset": value["Offset"],
        "started_at": value["StartedAt"],
    }
    token = FORGERIES[kind](session.token_of(opened), named)
    path = opened.partition("?")[0]
    return path if token is None else with_query(path, _state=token)


@pytest.mark.parametrize("kind", FORGERIES)
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "GET"])
def test_forged_token_is_refused(fs_registry, fs_client, opened, method, kind):
    forged = _forge(kind, opened, fs_registry.secret)
    target = with_query(forged, digest=digest_of(FIRST)) if method == "PUT" else forged
    response = fs_client.request(method, target)
    assert_error(response, 404, "BLOB_UPLOAD_INVALID")
    fs_client.commit(opened, digest_of(FIRST))  # nothing has happened to it


def test_standard_alphabet_is_refused(fs_registry, fs_client, repo):
    while True:  # until a token has a letter by which the alphabets differ
        opened = fs_client.start_upload(repo)
        token = session.token_of(opened)
        if "-" in token or "_" in token:
            break
    token = token.replace("-", "+").replace("_", "/")
    target = with_query(opened.partition("?")[0], _state=token)
    response = fs_client.patch(target, {"Content-Type": OCTETS}, FIRST)
    assert_error(response, 404, "BLOB_UPLOAD_INVALID")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        "[]",
        "not json",
        '{"Name":"{repo}","UUID":"{uuid}","Offset":22.0}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":"22"}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":2.2e1}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":99999999999999999999}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":22,"StartedAt":"yesterday"}',
        '{"Name":"{repo}/x","UUID":"{uuid}","Offset":22}',
        '{"Name":"{repo}","UUID":"177690b1-48e3-4b48-b530-02f51bb66f3a","Offset":22}',
        '{"Name":5,"UUID":"{uuid}","Offset":22}',
        '{"Name":"{repo}","UUID":"{uuid}","Offset":22}x',
        '{"a":' * 60000,
    ],
)
def test_signed_token_that_does_not_fit_is_refused(fs_registry, fs_client, repo, opened, text):
    uuid = session.uuid_of(opened)
    text = text.replace("{repo}", repo).replace("{uuid}", uuid)[:30000]
    target = location(session.pack(text.encode(), fs_registry.secret), repo, uuid)
    for method in ("PATCH", "DELETE"):
        assert_error(fs_client.request(method, target), 404, "BLOB_UPLOAD_INVALID")
    fs_client.commit(opened, digest_of(FIRST))


@pytest.mark.parametrize("offset", ["-1", "9223372036854775807", "21", "23"])
def test_signed_token_of_another_offset_is_not_accepted(fs_registry, fs_client, opened, offset):
    value = session.unpack(session.token_of(opened), fs_registry.secret)
    text = session.message(value["Name"], value["UUID"], offset, STARTED_AT)
    token = session.pack(text, fs_registry.secret)
    response = fs_client.patch(location(token, value["Name"], value["UUID"]), {}, b"x")
    assert response.status in (404, 416), response
    fs_client.commit(opened, digest_of(FIRST))


@pytest.mark.parametrize("other", ["repository", "session"])
def test_token_of_another_is_refused(fs_client, repo, opened, other):
    if other == "repository":
        target = opened.replace(f"/v2/{repo}/", f"/v2/{repo}/x/")
    else:
        path = fs_client.start_upload(repo).partition("?")[0]
        target = f"{path}?{opened.partition('?')[2]}"
    response = fs_client.patch(target, {"Content-Type": OCTETS}, FIRST)
    assert_error(response, 404, "BLOB_UPLOAD_INVALID")
    assert b"detail" not in response.body


@pytest.mark.ours("404, where upstream has 500 for some")
@pytest.mark.parametrize(
    "id",
    ["x", "..%2f..", "%2e%2e", "A" * 5000, "1776..=_-", UUID.upper()],
    ids=["short", "parents", "parent", "long", "letters", "upper"],
)
def test_id_that_is_none_is_404(fs_registry, fs_client, repo, id):
    target = session.location_of(repo, id, 0, STARTED_AT, fs_registry.secret)
    for method in ("GET", "PATCH", "DELETE"):
        assert fs_client.request(method, target).status in (301, 404)
    assert fs_client.request("PUT", with_query(target, digest=EMPTY_DIGEST)).status in (301, 404)


def test_servers_with_another_secret_do_not_share_uploads(start_registry, repo):
    one = start_registry()
    two = start_registry(root=one.root, settings={"http.secret": "another"})
    with one.client() as first, two.client() as second:
        opened = first.append(first.start_upload(repo), FIRST)
        assert_error(second.patch(opened, {}, b"x"), 404, "BLOB_UPLOAD_INVALID", {})
        first.commit(opened, digest_of(FIRST))


def test_servers_with_the_same_secret_continue_each_others_uploads(start_registry, repo):
    one = start_registry()
    two = start_registry(root=one.root)
    with one.client() as first, two.client() as second:
        opened = second.append(first.start_upload(repo), FIRST)
        opened = first.append(opened, SECOND)
        assert second.get(opened).header("Range") == "0-121"
        second.commit(opened, digest_of(FIRST + SECOND))
        assert first.pull_blob(repo, digest_of(FIRST + SECOND)) == FIRST + SECOND
    layout.check(one.root)


def test_server_without_a_secret_makes_one_and_warns(start_registry, repo):
    registry = start_registry(settings={"http.secret": ""})
    with registry.client() as client:
        client.push_blob(repo, FIRST)
        opened = client.start_upload(repo)
    for secret in ("", SECRET):
        with pytest.raises(AssertionError):
            session.unpack(session.token_of(opened), secret)
    assert "level=warning" in registry.stderr()
    assert "secret" in registry.stderr()


# ---- damaged sessions ---------------------------------------------------------------------------


@pytest.mark.ours("a state that cannot be right is not used")
@pytest.mark.parametrize(
    "state",
    [b"", b"sha\x03", b"bad!" + bytes(104), session.hash_state(b"21 bytes, not 22"), bytes(200)],
    ids=["empty", "short", "magic", "count", "long"],
)
def test_digest_state_that_cannot_be_right_is_not_used(
    fs_registry, fs_client, repo, new_uuid, state
):
    fabricate(fs_registry, repo, new_uuid, FIRST, states=[(22, state)])
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, fs_registry.secret)
    fs_client.commit(fs_client.append(target, SECOND), digest_of(FIRST + SECOND))


@pytest.mark.ours("a state that cannot be right is not used")
def test_commit_does_not_use_a_damaged_state(fs_registry, fs_client, repo, new_uuid):
    fabricate(fs_registry, repo, new_uuid, FIRST, states=[(22, bytes(108))])
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, fs_registry.secret)
    fs_client.commit(target, digest_of(FIRST))


def test_strange_names_among_the_states_do_no_harm(fs_registry, fs_client, repo, new_uuid):
    directory = fabricate(fs_registry, repo, new_uuid, FIRST)
    for name in ("x", "22x", "-1", "99999999999999999999", "022"):
        (directory / "hashstates/sha256" / name).write_bytes(b"")
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, fs_registry.secret)
    fs_client.commit(fs_client.append(target, SECOND), digest_of(FIRST + SECOND))
    assert not directory.exists()


def test_wrong_content_is_never_stored_under_a_digest(start_registry, repo, new_uuid):
    registry = start_registry()
    fabricate(registry, repo, new_uuid, FIRST)
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, registry.secret)
    with registry.client() as client:
        response = client.put(with_query(target, digest=UNKNOWN_DIGEST))
    assert_error(response, 400, "DIGEST_INVALID")
    assert not layout.check(registry.root).blobs


@pytest.mark.ours("a start that cannot be read is no reason to lose an upload")
@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21T06:45:51Z\n", "2026-11-21"])
def test_session_whose_start_is_unreadable_goes_on(fs_registry, fs_client, repo, new_uuid, text):
    fabricate(fs_registry, repo, new_uuid, FIRST, started_at=text)
    target = session.location_of(repo, new_uuid, 22, STARTED_AT, fs_registry.secret)
    target = fs_client.append(target, SECOND)
    at = session.unpack(session.token_of(target), fs_registry.secret)["StartedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", at)
    fs_client.commit(target, digest_of(FIRST + SECOND))
