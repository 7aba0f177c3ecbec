# SPDX-License-Identifier: Apache-2.0
"""What lets a reader of the logs act for somebody else is in neither of them."""
import base64
import re
import urllib.parse
import uuid

import pytest
from support.access import basic, entry
from support.client import OCTETS, digest_of
from support.content import OCI_MANIFEST, image
from support.registry import wait_until

PASSWORD = "correct-horse-battery"
BASIC = base64.b64encode(f"someone:{PASSWORD}".encode()).decode()

pytestmark = pytest.mark.ours("upstream logs tokens and passwords as they come")


@pytest.fixture
def marker():
    return uuid.uuid4().hex


def written_by(registry, client):
    """All that both logs hold once the last request so far is in them."""
    end = uuid.uuid4().hex
    client.get("/v2/", {"User-Agent": end})
    wait_until(lambda: end in registry.stdout() and end in registry.stderr())
    return registry.stdout() + registry.stderr()


def tokens_of(location):
    """The `_state` of a Location as it is there, decoded, and as its parts."""
    raw = re.search(r"_state=([^&]*)", location).group(1)
    decoded = urllib.parse.unquote(raw)
    return {raw, decoded, decoded[:24], decoded[-24:].rstrip("=")}


@pytest.mark.parametrize("formatter", ["text", "json", "logstash"])
@pytest.mark.parametrize("relative", [False, True])
def test_push_leaves_no_token_in_the_logs(start_registry, formatter, relative):
    registry = start_registry(
        settings={"log.formatter": formatter, "http.relativeurls": relative}
    )
    secrets = {PASSWORD, BASIC, BASIC[:20]}
    headers = {"Authorization": f"Basic {BASIC}", "Content-Type": OCTETS}
    with registry.client() as client:
        client.push_image("a", "latest", image("secrets", OCI_MANIFEST))
        location = client.post("/v2/a/blobs/uploads/", headers).location
        for part in (b"one", b"two"):
            secrets |= tokens_of(location)
            response = client.patch(location, {**headers, "Referer": location}, part)
            assert response.status == 202
            location = response.location
        secrets |= tokens_of(location)
        assert client.get(location, headers).status == 204
        digest = digest_of(b"onetwo")
        refused = client.put(f"{location}&digest={digest_of(b'other')}", headers, b"")
        assert refused.status == 400
        location = client.start_upload("a")
        secrets |= tokens_of(location)
        done = client.put(f"{location}&digest={digest}", headers, b"onetwo")
        assert done.status == 201
        written = written_by(registry, client)
    assert "_state=***" in written and f"digest={digest}" in written
    for secret in secrets:
        assert secret not in written


@pytest.mark.parametrize(
    "target",
    [
        "/v2/_catalog?n=0&token={0}",
        "/v2/_catalog?n=0&access_token={0}&n=1",
        "/v2/_catalog?n=0&refresh_token={0}",
        "/v2/_catalog?n=0&password={0}",
        "/v2/_catalog?n=0&X-Amz-Signature={0}",
        "/v2/_catalog?n=0&%5Fstate={0}",
        "/v2/_catalog?n=0&_STATE={0}",
        "http://user:{0}@example.com/v2/_catalog?n=0",
        "/nowhere?token={0}",
        "/v2/_catalog/?token={0}",
        "/v2/UPPER/tags/list?token={0}",
        "/v2/%zz?token={0}",
        "/v2/a/blobs/uploads/x?_state={0}",
    ],
)
def test_secrets_of_a_target_are_hidden(fs_registry, fs_client, marker, target):
    fs_client.get(target.format(marker))
    assert marker not in written_by(fs_registry, fs_client)


@pytest.mark.parametrize(
    "referer",
    [
        "http://example.com/?_state={0}",
        "http://example.com/#access_token={0}",
        "http://user:{0}@example.com/",
        "http://{0}@example.com/x?a=b",
    ],
)
def test_secrets_of_a_referer_are_hidden(fs_registry, fs_client, marker, referer):
    fs_client.get("/v2/", {"Referer": referer.format(marker)})
    assert marker not in written_by(fs_registry, fs_client)


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie"])
def test_headers_with_credentials_are_not_logged(fs_registry, fs_client, marker, name):
    fs_client.get("/v2/", {name: f"Basic {marker}"})
    fs_client.get("/v2/a/manifests/none", {name: f"Bearer {marker}"})
    assert marker not in written_by(fs_registry, fs_client)


def test_configured_secrets_are_not_logged(start_registry, marker):
    registry = start_registry(settings={"http.secret": marker})
    with registry.client() as client:
        client.push_blob("a", b"x")
        written = written_by(registry, client)
    assert marker not in written


def test_a_damaged_token_is_not_quoted_in_the_error(fs_registry, fs_client, marker, repo):
    location = fs_client.start_upload(repo)
    broken = re.sub(r"_state=[^&]*", f"_state={marker}", location)
    assert fs_client.patch(broken, {"Content-Type": OCTETS}, b"x").status in (400, 404)
    assert marker not in written_by(fs_registry, fs_client)


def test_the_rest_of_the_target_is_as_it_came(fs_registry, fs_client, marker):
    target = f"/v2/_catalog?n=0&m={marker}&x=%2F%zz&token=t&last=a/b&y"
    fs_client.get(target)
    shown = target.replace("token=t", "token=***")
    written = written_by(fs_registry, fs_client)
    assert f'"GET {shown} HTTP/1.1"' in written
    assert f'http.request.uri="{shown}"' in written


@pytest.mark.parametrize("formatter", ["text", "json"])
def test_passwords_of_users_are_not_logged(start_registry, tmp_path, formatter):
    path = tmp_path / "htpasswd"
    path.write_text(entry("someone", PASSWORD) + "\n")
    stored = path.read_text().strip().partition(":")[2]
    registry = start_registry(
        settings={
            "log.formatter": formatter,
            "auth.htpasswd": {"realm": "r", "path": str(path)},
        }
    )
    wrong = uuid.uuid4().hex
    right, refused = basic("someone", PASSWORD), basic("someone", wrong)
    with registry.client() as client:
        assert client.get("/v2/").status == 401
        assert client.get("/v2/", right).status == 200
        assert client.get("/v2/", refused).status == 401
        assert client.get("/v2/", basic(wrong, PASSWORD)).status == 401
        assert client.get("/v2/", {"Authorization": f"Basic {wrong}"}).status == 401
        assert client.get("/v2/", {"Authorization": f"Bearer {wrong}"}).status == 401
        location = client.post("/v2/a/blobs/uploads/", right).location
        secrets = tokens_of(location)
        response = client.patch(location, {**right, "Content-Type": OCTETS}, b"x")
        assert response.status == 202
        secrets |= tokens_of(response.location)
        client.get("/v2/", {"User-Agent": "the last one"})
        wait_until(lambda: "the last one" in registry.stdout() and "the last one" in registry.stderr())
        written = registry.stdout() + registry.stderr()
    secrets |= {PASSWORD, stored, stored[-31:]}
    secrets |= {headers["Authorization"].partition(" ")[2] for headers in (right, refused)}
    for secret in secrets:
        assert secret not in written
    assert "auth.user.name" in written


def test_bearer_tokens_are_not_logged(start_registry):
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (
        b'{"alg":"RS256","typ":"JWT"}', b'{"iss":"somebody","sub":"someone"}', b"x" * 256,
    ))
    registry = start_registry(settings={"auth.silly": {"realm": "r", "service": "s"}})
    with registry.client() as client:
        assert client.get("/v2/", {"Authorization": f"Bearer {token}"}).status == 200
        written = written_by(registry, client)
    for part in token.split("."):
        assert part not in written
