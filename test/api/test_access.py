# SPDX-License-Identifier: Apache-2.0
"""The access file: who may do what, the registry's own tokens, and changes while it runs."""
import base64
import os
import signal
import threading
import time
import urllib.parse

import pytest
from support.access import Files, basic, bearer, challenge, entry, record, scheme, token, user_header
from support.check import assert_error, assert_text_error
from support.client import OCTETS
from support.content import digest_of, image
from support.pace import at_pace
from support.registry import Registry, is_upstream, wait_until

pytestmark = pytest.mark.skipif(is_upstream(), reason="the access file is ours")

RULES = """
# as in the manual
group @devs = alice, bob
allow anonymous  pull             public/**
allow users      pull             inner/*
allow @devs      pull,push        team/**
allow alice      *                **
allow carl       push             drop
"""
USERS = ["alice", "bob", "carl", "dora"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded")
    files = Files(directory / "files", USERS, RULES)
    settings = files.settings | {"http.headers": {"X-Configured": ["yes"]}}
    with Registry(directory / "registry", settings=settings) as registry:
        registry.files = files
        yield registry


@pytest.fixture
def client(guarded):
    with guarded.surviving_client() as client:
        yield client


@pytest.fixture
def start(start_registry, tmp_path):
    """A registry of the test's own, whose files it may change."""

    def start_with(rules=RULES, users=USERS, **settings):
        files = Files(tmp_path / "files", users, rules)
        registry = start_registry(settings=files.settings | settings)
        registry.files = files
        return registry

    return start_with


ASK = {
    "pull": lambda client, name, headers: client.get(f"/v2/{name}/manifests/none", headers),
    "push": lambda client, name, headers: client.post(f"/v2/{name}/blobs/uploads/", headers),
    "delete": lambda client, name, headers: client.delete(f"/v2/{name}/manifests/none", headers),
    "catalog": lambda client, name, headers: client.get("/v2/_catalog", headers),
}
DONE = {"pull": 404, "push": 202, "delete": 404, "catalog": 200}
#       user, action, repository, may
CASES = [
    (None, "pull", "public/a", True),
    (None, "pull", "public", True),
    (None, "push", "public/a", False),
    (None, "pull", "inner/a", False),
    (None, "delete", "public/a", False),
    (None, "catalog", "", False),
    ("dora", "pull", "public/a/b", True),
    ("dora", "pull", "inner/a", True),
    ("dora", "pull", "inner/a/b", False),
    ("dora", "push", "inner/a", False),
    ("dora", "pull", "team/x", False),
    ("dora", "catalog", "", False),
    ("bob", "push", "team/x/y", True),
    ("bob", "delete", "team/x/y", False),
    ("bob", "push", "other", False),
    ("bob", "catalog", "", False),
    ("alice", "delete", "any/thing", True),
    ("alice", "catalog", "", True),
    ("carl", "push", "drop", False),  # a push asks for both
    ("carl", "pull", "drop", False),
]


@pytest.mark.parametrize("way", ["password", "token"])
@pytest.mark.parametrize("user, action, name, may", CASES)
def test_rules_decide_what_a_user_may(client, user, action, name, may, way):
    headers = bearer(token(client, user)) if way == "token" else user_header(user)
    response = ASK[action](client, name, headers)
    if may:
        assert response.status == DONE[action], response
    elif user:
        assert response.status == 403 and response.codes == ["DENIED"], response
        assert response.header("WWW-Authenticate") is None
    else:
        assert response.status == 401 and response.codes == ["UNAUTHORIZED"], response
        assert scheme(response) == "Bearer"


def test_a_denial_names_what_was_asked_for(client):
    response = client.post("/v2/inner/a/blobs/uploads/?mount=x&from=other", user_header("dora"))
    names = [("inner/a", "pull"), ("inner/a", "push"), ("other", "pull")]
    assert_error(response, 403, "DENIED", [record(*name) for name in names])
    assert response.header("X-Configured") == "yes"
    response = client.head("/v2/other/manifests/x", user_header("dora"))
    assert response.status == 403
    assert int(response.header("Content-Length")) > 80 and response.body == b""


def test_an_image_goes_in_with_a_right_and_out_without(start):
    registry = start("allow anonymous pull **\nallow bob push **\n")
    made = image("access")
    with registry.client() as client:
        bob = bearer(token(client, "bob"))
        for blob in made.blobs:
            location = client.post("/v2/a/b/blobs/uploads/", bob).location
            response = client.patch(location, bob | {"Content-Type": OCTETS}, blob)
            target = f"{response.location}&digest={digest_of(blob)}"
            assert client.put(target, bob).status == 201
        kind = {"Content-Type": made.media_type}
        assert client.put("/v2/a/b/manifests/v1", bob | kind, made.manifest).status == 201
        anonymous = bearer(token(client))
        for headers_of_nobody in ({}, anonymous):
            response = client.get("/v2/a/b/manifests/v1", headers_of_nobody)
            assert (response.status, response.body) == (200, made.manifest)
        for blob in made.blobs:
            assert client.get(f"/v2/a/b/blobs/{digest_of(blob)}", anonymous).body == blob
        assert client.put("/v2/a/b/manifests/v2", anonymous | kind, made.manifest).status == 401


# ---- challenges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, target, scope",
    [
        ("GET", "/v2/", None),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
        ("GET", "/v2/x/tags/list", "repository:x:pull"),
        ("POST", "/v2/x/blobs/uploads/", "repository:x:pull,push"),
        ("POST", "/v2/x/blobs/uploads/?from=y&mount=z", "repository:x:pull,push repository:y:pull"),
        ("POST", "/v2/x/blobs/uploads/?from=x&mount=z", "repository:x:pull,push"),
        ("DELETE", "/v2/x/manifests/y", "repository:x:delete"),
    ],
)
def test_who_is_nobody_is_sent_to_our_own_endpoint(guarded, client, method, target, scope):
    response = client.request(method, target)
    assert response.status == 401
    assert scheme(response) == "Bearer"
    wanted = {"realm": f"http://127.0.0.1:{guarded.port}/auth/token", "service": "the realm"}
    assert challenge(response) == wanted | ({"scope": scope} if scope else {})


def test_a_token_that_does_not_suffice_is_told_so(client):
    response = client.get("/v2/inner/a/tags/list", bearer(token(client)))
    assert response.status == 401
    assert challenge(response)["error"] == "insufficient_scope"
    response = client.get("/v2/inner/a/tags/list", bearer("a.b"))
    assert response.status == 401
    assert challenge(response)["error"] == "invalid_token"


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", "bearer x", "Digest x", "x", "Basic !"])
def test_odd_credentials_are_none(client, value):
    response = client.get("/v2/", {"Authorization": value})
    assert response.status == 401
    assert scheme(response) == "Bearer"


@pytest.mark.parametrize(
    "settings, headers, realm",
    [
        ({}, {"Host": "reg.example:5"}, "http://reg.example:5/auth/token"),
        ({}, {"X-Forwarded-Proto": "https", "Host": "h"}, "https://h/auth/token"),
        ({"http.relativeurls": True}, {"Host": "h"}, "http://h/auth/token"),
        ({"http.prefix": "/my/"}, {"Host": "h"}, "http://h/my/auth/token"),
        ({"http.host": "https://reg.example"}, {"Host": "h"}, "https://reg.example/auth/token"),
        ({}, {"X-Forwarded-Host": 'h"x'}, "http://h%22x/auth/token"),
    ],
)
def test_the_endpoint_is_named_as_the_client_sees_us(start, settings, headers, realm):
    with start(**settings).client() as client:
        prefix = settings.get("http.prefix", "/")
        assert challenge(client.get(f"{prefix}v2/", headers))["realm"] == realm
        assert client.get(f"{prefix}auth/token").status == 200


# ---- the endpoint -------------------------------------------------------------------------------


def claims(text):
    return base64.urlsafe_b64decode(text.partition(".")[0] + "===").decode()


def test_a_token_is_given_as_clients_expect_it(client):
    response = client.get("/auth/token?service=the+realm&scope=repository:x:pull&account=bob", user_header("bob"))
    assert response.status == 200
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert response.header("Cache-Control") == "no-store"
    reply = response.json()
    assert reply["token"] == reply["access_token"]
    assert reply["expires_in"] == 300
    issued = time.mktime(time.strptime(reply["issued_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(issued - time.time()) < 60
    assert "refresh_token" not in reply
    assert client.get("/v2/", bearer(reply["token"])).status == 200


def test_who_sends_no_password_gets_a_token_of_nobody(client):
    text = token(client)
    assert client.get("/v2/", bearer(text)).status == 200
    assert client.get("/v2/public/x/tags/list", bearer(text)).status == 404
    assert client.get("/v2/inner/x/tags/list", bearer(text)).status == 401


@pytest.mark.parametrize("headers", [basic("bob", "wrong"), basic("nobody", "x"), basic("", ""), basic("bob", "")])
def test_a_wrong_password_gets_no_token(client, headers):
    response = client.get("/auth/token", headers)
    assert_error(response, 401, "UNAUTHORIZED", None)
    assert response.header("WWW-Authenticate") == 'Basic realm="the realm"'
    assert client.get("/v2/public/x/tags/list", headers).status == 401


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def test_a_form_with_a_password_gets_a_token(client):
    body = form(grant_type="password", service="s", client_id="c", username="bob", password="bob")
    response = client.post("/auth/token", FORM, body)
    assert response.status == 200
    assert client.post("/v2/team/x/blobs/uploads/", bearer(response.json()["access_token"])).status == 202
    body = form(grant_type="password", username="bob", password="no")
    assert client.post("/auth/token", FORM, body).status == 401


@pytest.mark.parametrize("kind", ["refresh_token", "authorization_code", "", "x"])
def test_other_grants_are_refused(client, kind):
    body = form(grant_type=kind, refresh_token="x", username="bob", password="bob")
    assert 400 <= client.post("/auth/token", FORM, body).status < 500


def test_a_form_is_a_form_and_not_large(client):
    body = form(grant_type="password", username="bob", password="bob")
    assert client.post("/auth/token", FORM | {"Content-Type": FORM["Content-Type"] + "; charset=UTF-8"}, body).status == 200
    assert client.post("/auth/token", {"Content-Type": "application/json"}, body).status == 415
    assert client.post("/auth/token", {}, body).status == 415
    response = client.post("/auth/token", FORM, body + b"&x=" + bytes(70000))
    assert response.status == 413


def test_the_password_of_a_form_may_hold_anything(start):
    password = "p&=+%\u00e9 ;"
    registry = start()
    with registry.files.passwords.open("a") as file:
        file.write(entry("eve", password) + "\n")
    registry.signal(signal.SIGHUP)
    body = form(grant_type="password", username="eve", password=password)
    with registry.client() as client:
        wait_until(lambda: client.post("/auth/token", FORM, body).status == 200, what="the new user")


def test_the_endpoint_has_two_methods(client):
    response = client.request("OPTIONS", "/auth/token")
    assert (response.status, response.header("Allow")) == (200, "GET, POST")
    for method in ("HEAD", "PUT", "DELETE", "BREW"):
        assert client.request(method, "/auth/token").status == 405


def test_without_an_access_file_there_is_no_endpoint(start_registry, tmp_path):
    files = Files(tmp_path / "files", USERS, RULES)
    settings = {key: value for key, value in files.settings.items() if not key.endswith("access")}
    with start_registry(settings=settings).client() as client:
        assert_text_error(client.get("/auth/token", user_header("bob")), 404, "404 page not found")
        assert client.get("/v2/").header("WWW-Authenticate") == 'Basic realm="the realm"'
        assert client.get("/v2/_catalog", user_header("dora")).status == 200


# ---- what ends a token --------------------------------------------------------------------------


def test_a_token_of_one_registry_is_taken_by_others_with_its_secret(start_registry, tmp_path):
    files = Files(tmp_path / "files", USERS, RULES)
    one = start_registry(settings=files.settings)
    two = start_registry(settings=files.settings)
    other = start_registry(settings=files.settings | {"http.secret": "another"})
    with one.client() as client:
        text = token(client, "bob")
    with two.client() as client:
        assert client.get("/v2/", bearer(text)).status == 200
    with other.client() as client:
        assert client.get("/v2/", bearer(text)).status == 401


def test_nothing_of_a_token_may_be_changed(client):
    text = token(client, "dora")
    payload, _, signature = text.partition(".")
    changed = base64.urlsafe_b64encode(claims(text).replace("dora", "alice").encode()).decode().rstrip("=")
    assert "dora" in claims(text)
    for forged in (f"{changed}.{signature}", payload, f"{payload}.", f".{signature}", f"{text}.x", text[:-5]):
        response = client.get("/v2/", bearer(forged))
        assert response.status == 401 and challenge(response)["error"] == "invalid_token", forged


def replace(path, text):
    """In one step, as an operator should; with a time that differs whatever the clock's grain."""
    other = path.with_suffix(".new")
    other.write_text(text)
    stamp = time.time_ns() + replace.count * 1_000_000
    replace.count += 1
    os.utime(other, ns=(stamp, stamp))
    other.rename(path)


replace.count = 1


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_another_password_ends_the_tokens_of_a_user(start, change):
    registry = start()
    with registry.client() as client:
        bob, dora = (bearer(token(client, user)) for user in ("bob", "dora"))
        lines = registry.files.passwords.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("bob:")]
        if change == "changed":
            kept.append(entry("bob", "new"))
        assert client.get("/v2/", bob).status == 200
        replace(registry.files.passwords, "\n".join(kept) + "\n")
        wait_until(lambda: client.get("/v2/", bob).status == 401, what="bob's token ends")
        assert client.get("/v2/", dora).status == 200
        assert client.get("/auth/token", user_header("bob")).status == 401


def test_a_changed_rule_counts_for_tokens_that_are_there(start):
    registry = start()
    with registry.client() as client:
        dora = bearer(token(client, "dora"))
        assert client.get("/v2/late/tags/list", dora).status == 403
        replace(registry.files.rules, RULES + "allow dora pull late\n")
        wait_until(lambda: client.get("/v2/late/tags/list", dora).status == 404, what="the new rule")
        replace(registry.files.rules, RULES)
        wait_until(lambda: client.get("/v2/late/tags/list", dora).status == 403, what="the old rules")


# ---- changes and mistakes -----------------------------------------------------------------------


def complaints(registry, text):
    return [line for line in registry.stderr().splitlines() if text in line]


def test_a_mistake_keeps_the_rules_and_is_told_once(start):
    registry = start()
    with registry.client() as client:
        replace(registry.files.rules, "allow dora pull late\nallow dora pul late\n")
        found = wait_until(lambda: client.get("/v2/") and complaints(registry, "line 2: an action is"), what="the complaint")
        for _ in range(50):
            assert client.get("/v2/late/tags/list", user_header("dora")).status == 403
            assert client.get("/v2/public/x/tags/list", bearer(token(client))).status == 404
        assert complaints(registry, "line 2: an action is") == found and len(found) == 1
        replace(registry.files.rules, "allow dora pull late\n")
        wait_until(lambda: client.get("/v2/late/tags/list", user_header("dora")).status == 404, what="the mended rules")


def test_a_file_that_goes_away_keeps_the_rules(start):
    registry = start()
    with registry.client() as client:
        registry.files.rules.unlink()
        wait_until(lambda: client.get("/v2/") and complaints(registry, str(registry.files.rules)), what="the complaint")
        assert client.get("/v2/public/x/tags/list", bearer(token(client))).status == 404
        assert client.get("/v2/other/tags/list", user_header("dora")).status == 403


def test_sighup_reads_at_once(start):
    def attempt(number):
        """Without a signal it takes a second."""
        with registry.client() as client:
            registry.files.rules.write_text(f"allow dora pull late{number}\n")
            registry.signal(signal.SIGHUP)
            wait_until(lambda: client.get(f"/v2/late{number}/tags/list", user_header("dora")).status == 404, 0.9,
                       "the new rules")

    registry = start()
    at_pace(attempt, 0.9)


def test_a_user_of_the_rules_who_is_no_user_is_a_warning(start):
    registry = start(RULES + "allow zoe pull x\ngroup @more = yan\n")
    for name in ("zoe", "yan"):
        (line,) = complaints(registry, name)
        assert "level=warning" in line
    assert not complaints(registry, "dora")


@pytest.mark.parametrize("text, message", [("allow x", "line 1: what is allowed is missing"), (None, "no such file")])
def test_a_file_that_cannot_be_read_at_the_start_is_an_error(tmp_path, text, message):
    files = Files(tmp_path / "files", USERS, text or "")
    if text is None:
        files.rules.unlink()
    registry = Registry(tmp_path / "registry", settings=files.settings)
    with pytest.raises(AssertionError) as failure:
        registry.start()
    said = str(failure.value)
    assert "unable to configure authorization (htpasswd): " in said
    assert str(files.rules) in said and message.lower() in said.lower()


def test_no_secret_is_in_the_logs(start):
    registry = start()
    with registry.client() as client:
        text = token(client, "alice")
        client.get("/v2/x/tags/list", bearer(text))
        client.post("/auth/token", FORM, form(grant_type="password", username="alice", password="ecila"))
        client.get("/v2/", basic("alice", "a-wrong-one"))
    logs = registry.stderr() + registry.stdout()
    for secret in (text, text.partition(".")[2], "ecila", "a-wrong-one", "$2b$04$"):
        assert secret not in logs
    assert "auth.user.name=alice" in logs


# ---- a controller that cannot decide, and one that is asked too often -------------------------------


def test_passwords_that_cannot_be_read_are_400_without_a_body(start):
    registry = start()
    with registry.client() as client:
        assert client.get("/v2/", user_header("bob")).status == 200
        registry.files.passwords.unlink()
        for target in ("/v2/", "/v2/team/x/tags/list", "/auth/token"):
            response = client.get(target, user_header("bob"))
            assert response.status == 400
            assert response.body == b"" and response.header("Content-Length") == "0"
            assert response.header("WWW-Authenticate") is None
        assert client.get("/v2/public/x/tags/list").status == 404  # asks for no password
    lines = complaints(registry, "error checking authorization: ")
    assert lines and all("level=error" in line for line in lines)
    assert complaints(registry, "error authorizing context: ")


def test_who_guesses_is_told_to_come_back_later(start):
    """Many at once: the answers to wrong passwords are held back more and more."""
    registry = start()
    seen = []

    def guess(number):
        with registry.client() as client:
            seen.append(client.get("/v2/team/x/tags/list", basic("bob", f"guess {number}")))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {response.status for response in seen} == {401, 429}
    for response in seen:
        if response.status == 429:
            assert_error(response, 429, "TOOMANYREQUESTS", [record("team/x", "pull")])
            assert int(response.header("Retry-After")) >= 1
            assert response.header("WWW-Authenticate") is None
    with registry.client() as client:
        assert client.get("/v2/public/x/tags/list").status == 404
        assert client.get("/v2/team/x/tags/list", user_header("alice")).status == 404
