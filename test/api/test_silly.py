# SPDX-License-Identifier: Apache-2.0
"""The access controller for tests: any Authorization header will do."""
import json

import pytest
from support.access import record, scheme
from support.check import assert_error
from support.content import UNKNOWN_DIGEST
from support.registry import Registry, wait_until

SETTINGS = {"auth.silly.realm": "https://a/b\"c\\d", "auth.silly.service": "the service"}
PREFIX = r'Bearer realm="https://a/b\"c\\d",service="the service"'
KNOWN = {"Authorization": "x"}


@pytest.fixture(scope="module")
def silly(tmp_path_factory):
    settings = SETTINGS | {"http.headers": {"X-Configured": ["yes"]}}
    with Registry(tmp_path_factory.mktemp("silly"), settings=settings) as registry:
        yield registry


@pytest.fixture
def client(silly):
    with silly.surviving_client() as client:
        yield client


PULL, PUSH, DELETE = (record("a/b", action) for action in ("pull", "push", "delete"))
FROM = record("c/d", "pull")
CATALOG = record("catalog", "*", "registry")

# Method, target, records.
ASKED = [
    ("GET", "/v2/", None),
    ("HEAD", "/v2/", None),
    ("BREW", "/v2/", None),
    ("GET", "/v2/?from=c/d", None),
    ("GET", "/v2/_catalog", [CATALOG]),
    ("GET", "/v2/_catalog?from=c/d", [CATALOG]),
    ("OPTIONS", "/v2/_catalog", [CATALOG]),
    ("BREW", "/v2/_catalog", [CATALOG]),
    ("GET", "/v2/a/b/tags/list", [PULL]),
    ("GET", "/v2/a/b/tags/list?from=c/d", [PULL, FROM]),
    ("HEAD", "/v2/a/b/manifests/x", [PULL]),
    ("PUT", "/v2/a/b/manifests/x", [PULL, PUSH]),
    ("DELETE", "/v2/a/b/manifests/x", [DELETE]),
    ("PATCH", "/v2/a/b/manifests/x", [PULL, PUSH]),
    ("GET", f"/v2/a/b/blobs/{UNKNOWN_DIGEST}", [PULL]),
    ("DELETE", f"/v2/a/b/blobs/{UNKNOWN_DIGEST}?from=c/d", [DELETE, FROM]),
    ("POST", "/v2/a/b/blobs/uploads/", [PULL, PUSH]),
    ("POST", "/v2/a/b/blobs/uploads/?mount=x&from=c/d", [PULL, PUSH, FROM]),
    ("POST", "/v2/a/b/blobs/uploads/?from=c%2Fd&from=e", [PULL, PUSH, FROM]),
    ("POST", "/v2/a/b/blobs/uploads/?from=", [PULL, PUSH]),
    ("POST", "/v2/a/b/blobs/uploads/?from=a/b", [PULL, PUSH, PULL]),
    ("GET", "/v2/a/b/blobs/uploads/x", [PULL]),
    ("DELETE", "/v2/a/b/blobs/uploads/x", [DELETE]),
    ("OPTIONS", "/v2/a/b/tags/list", None),
    ("BREW", "/v2/a/b/tags/list", None),
    ("OPTIONS", "/v2/a/b/tags/list?from=c/d", [FROM]),
]


@pytest.mark.parametrize("method, target, records", ASKED)
def test_what_is_asked_for_is_told_in_the_challenge_and_in_the_envelope(client, method, target, records):
    response = client.request(method, target)
    scope = " ".join(f"{r['Type']}:{r['Name']}:{r['Action']}" for r in records or [])
    wanted = PREFIX + (f',scope="{scope}"' if scope else "")
    assert response.status == 401
    assert response.header("WWW-Authenticate") == wanted
    assert response.header("X-Configured") == "yes"
    if method == "HEAD":
        assert response.body == b"" and int(response.header("Content-Length")) > 80
    else:
        assert_error(response, 401, "UNAUTHORIZED", records)


@pytest.mark.parametrize(
    "target, status",
    [
        ("/v2/", 200),
        ("/v2/_catalog", 200),
        ("/v2/a/b/tags/list", 404),
        ("/v2/a/b/manifests/x", 404),
    ],
)
def test_any_credential_will_do(client, target, status):
    for value in ("x", "Basic", "Bearer", "Basic Zm9v", "Basic YTpi"):
        response = client.get(target, {"Authorization": value})
        assert response.status == status
        assert response.header("WWW-Authenticate") is None


def test_an_empty_credential_is_none(client):
    assert client.get("/v2/", {"Authorization": ""}).status == 401


def test_methods_are_told_to_whom_may_ask(client):
    response = client.request("OPTIONS", "/v2/a/b/tags/list", KNOWN)
    assert response.status == 200
    assert response.header("Allow") == "GET"
    assert client.request("BREW", "/v2/a/b/tags/list", KNOWN).status == 405


@pytest.mark.parametrize("target, status", [("/", 200), ("/nowhere", 404), ("/v2/a/b", 404)])
def test_what_is_no_route_is_not_asked_for(client, target, status):
    response = client.get(target)
    assert response.status == status
    assert response.header("WWW-Authenticate") is None


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_there_is_no_token_endpoint(client, method):
    assert client.request(method, "/auth/token").status == 404


@pytest.mark.parametrize(
    "name", ["n" * 300, "host:5000/name", "a/" * 200 + "b"], ids=["long", "host", "deep"]
)
def test_a_name_that_cannot_be_stored_is_asked_for_first(client, name):
    response = client.get(f"/v2/{name}/tags/list")
    assert_error(response, 401, "UNAUTHORIZED", [record(name, "pull")])


@pytest.mark.parametrize(
    "value, name, quoted",
    [
        ("c%20%22%5C", 'c "\\', 'c \\"\\\\'),
        ("c%0D%0AX-Evil:%20y", "c\r\nX-Evil: y", r"c\r\nX-Evil: y"),
        ("%7F%01", "\x7f\x01", r"\x7f\x01"),
        ("%C3%A9", "\xe9", "\xe9"),
        ("%FF", "\ufffd", r"\xff"),
    ],
)
def test_nothing_of_a_client_leaves_the_quotes(client, value, name, quoted):
    response = client.post(f"/v2/a/b/blobs/uploads/?from={value}")
    assert_error_names = response.json()["errors"][0]["detail"][-1]["Name"]
    header = response.header("WWW-Authenticate").encode("latin-1").decode()
    assert response.status == 401
    assert assert_error_names == name
    assert header.endswith(f' repository:{quoted}:pull"')
    assert response.header("X-Evil") is None


@pytest.mark.ours("Go passes a NUL on")
def test_a_name_does_not_end_at_a_nul(client):
    response = client.post("/v2/a/b/blobs/uploads/?from=c/d%00x")
    assert response.json()["errors"][0]["detail"][-1]["Name"] == "c/d\ufffdx"


def test_the_longest_names_fit_into_the_challenge(client):
    from_name = "%01" * 10000
    response = client.post(f"/v2/{'n' * 5000}/blobs/uploads/?from={from_name}")
    assert response.status == 401
    assert response.header("WWW-Authenticate").count(r"\x01") == 10000
    assert response.json()["errors"][0]["detail"][-1]["Name"] == "\x01" * 10000


@pytest.mark.ours("upstream swallows the body of a form to look for `from`")
def test_the_body_of_a_form_is_left_to_the_handler(client):
    headers = KNOWN | {"Content-Type": "application/x-www-form-urlencoded"}
    location = client.post("/v2/a/b/blobs/uploads/", KNOWN).location
    digest = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"  # of "aaa"
    response = client.put(f"{location}&digest={digest}", headers, b"aaa")
    assert response.status == 201


def lines(registry, mark):
    return [line for line in registry.stderr().splitlines() if mark in line]


def test_the_log_tells_who_was_refused_and_who_was_let_in(silly, client):
    client.get("/v2/log/tags/list", {"User-Agent": "refused-one"})
    client.get("/v2/log/tags/list", KNOWN | {"User-Agent": "granted-one"})
    wait_until(lambda: [line for line in lines(silly, "granted-one") if "completed" in line], what="its lines")
    refused, granted = lines(silly, "refused-one"), lines(silly, "granted-one")
    assert [line for line in refused if "level=debug" in line and 'msg="authorizing request"' in line]
    (warning,) = [line for line in refused if "level=warning" in line]
    assert 'msg="error authorizing context: silly authentication challenge: silly.challenge{realm:' in warning
    assert r'scope:\"repository:log:pull\"}"' in warning
    assert "vars.name=log" in warning and "auth.user.name" not in warning
    assert not [line for line in refused if "completed" in line]
    (info,) = [line for line in granted if 'msg="authorized request"' in line]
    assert "level=info" in info and "auth.user.name=silly" in info
    (completed,) = [line for line in granted if "response completed" in line]
    assert "auth.user.name=silly" in completed


def test_the_start_says_which_controller_there_is(silly):
    assert r'msg="configured \"silly\" access controller"' in silly.stderr()


@pytest.mark.parametrize("missing", ["realm", "service"])
def test_without_an_option_it_does_not_start(tmp_path, missing):
    settings = {key: value for key, value in SETTINGS.items() if not key.endswith(missing)}
    registry = Registry(tmp_path, settings=settings)
    with pytest.raises(AssertionError) as failure:
        registry.start()
    wanted = f'unable to configure authorization (silly): "{missing}" must be set for silly access controller'
    assert wanted in str(failure.value).replace('\\"', '"')


def test_a_challenge_is_for_the_client_not_for_json(client):
    """The scheme alone decides what a client does next."""
    response = client.get("/v2/")
    assert scheme(response) == "Bearer"
    assert json.loads(response.body)["errors"][0]["detail"] is None
