# SPDX-License-Identifier: Apache-2.0
"""Our server and upstream's with one password file: the same credentials, the same answers; and the
file that one of them makes lets its user into the other."""
import os
import re
import subprocess

import pytest
from conftest import UPSTREAM
from support.access import basic, entry
from support.registry import Registry

APACHE = "/usr/bin/htpasswd"
KEEP = ("WWW-Authenticate", "Content-Type", "Docker-Distribution-Api-Version", "Content-Length")


def _apache(flag, user, password):
    if not os.path.exists(APACHE):
        return f"{user}:{password}"
    done = subprocess.run([APACHE, "-nb", flag, user, password], capture_output=True, text=True, check=True)
    return done.stdout.strip()


FILE = "\n".join([
    "# users",
    "",
    entry("alice", "wonder"),
    "  " + entry("blank", "pw") + "  ",
    entry("two a", "first").replace("two a", "two"),
    entry("two", "last"),
    *(entry(f"v{letter}", "pw").replace("$2b$", f"$2{letter}$") for letter in "abxyz"),
    "short:" + entry("", "pw")[1:-1],
    "more:" + entry("", "pw")[1:] + ":more",
    "costly:" + entry("", "pw")[1:].replace("$04$", "$32$"),
    "cheap:" + entry("", "pw")[1:].replace("$04$", "$03$"),
    "plain:pw",
    "nothing:",
    _apache("-m", "apr1", "pw"),
    _apache("-s", "sha", "pw"),
    _apache("-d", "des", "pw"),
    entry("", "pw"),
    entry("with blank", "pw"),
    entry("ünï", "pä"),
    "#" + entry("comment", "pw"),
    entry("colon", "a:b:"),
    entry("empty", ""),
    entry("long", "x" * 72),
    _apache("-B", "apache", "pw"),
]) + "\n"

CREDENTIALS = [
    ("alice", "wonder"), ("alice", "Wonder"), ("alice", "wonder "), ("Alice", "wonder"), ("alice", ""),
    ("blank", "pw"), ("  blank", "pw"), ("two", "first"), ("two", "last"), ("two a", "first"),
    *((f"v{letter}", password) for letter in "abxyz" for password in ("pw", "px")),
    ("short", "pw"), ("more", "pw"), ("costly", "pw"), ("cheap", "pw"), ("plain", "pw"), ("nothing", ""),
    ("apr1", "pw"), ("sha", "pw"), ("des", "pw"), ("", "pw"), ("", ""), ("with blank", "pw"), ("ünï", "pä"),
    ("comment", "pw"), ("#comment", "pw"), ("colon", "a:b:"), ("colon", "a"), ("empty", ""), ("empty", "x"),
    ("long", "x" * 72), ("long", "x" * 71), ("long", "x" * 73), ("apache", "pw"), ("nobody", "pw"),
]
HEADERS = [
    "", "Basic", "Basic ", "Basic !", "Basic YWxpY2U=", "Bearer x", "basic YWxpY2U6d29uZGVy",
    "Basic  YWxpY2U6d29uZGVy", "Basic YWxpY2U6d29uZGVy ", "Basic\tYWxpY2U6d29uZGVy", "YWxpY2U6d29uZGVy",
    "Basic YWxpY2U6d29uZGVyMQ", "Basic YWxpY2U6d29uZGVyMQ==", "Basic YWxpY2U6d29uZGVyMQ===",
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    folder = tmp_path_factory.mktemp("htpasswd")
    path = folder / "htpasswd"
    path.write_text(FILE)
    settings = {"auth.htpasswd.realm": 'a "realm"', "auth.htpasswd.path": str(path)}
    ours = Registry(folder / "ours", storage="inmemory", settings=settings)
    theirs = Registry(folder / "theirs", storage="inmemory", settings=settings, program=UPSTREAM)
    with ours, theirs:
        yield ours, theirs


def _answers(both, headers, method="GET", target="/v2/"):
    result = []
    for server in both:
        with server.client() as client:
            response = client.request(method, target, headers)
        kept = {name: response.header(name) for name in KEEP}
        result.append((response.status, kept, response.body))
    return result


@pytest.mark.parametrize("user, password", CREDENTIALS, ids=range(len(CREDENTIALS)))
def test_credentials_have_the_same_answer(both, user, password):
    ours, theirs = _answers(both, basic(user, password))
    assert ours == theirs


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_headers_have_the_same_answer(both, header):
    ours, theirs = _answers(both, {"Authorization": header})
    assert ours == theirs


@pytest.mark.parametrize("method, target", [
    ("GET", "/v2/"), ("HEAD", "/v2/"), ("GET", "/v2/_catalog"), ("GET", "/v2/a/b/tags/list"),
    ("HEAD", "/v2/a/b/manifests/x"), ("POST", "/v2/a/b/blobs/uploads/"), ("DELETE", "/v2/a/b/manifests/x"),
    ("POST", "/v2/a/b/blobs/uploads/?from=c/d&mount=sha256:00"), ("GET", "/"), ("GET", "/v2/nothing"),
])
def test_challenges_are_the_same(both, method, target):
    ours, theirs = _answers(both, {}, method, target)
    assert ours == theirs


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_file_that_one_makes_serves_the_other(tmp_path, first):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    path = tmp_path / "new/htpasswd"
    settings = {"auth.htpasswd.realm": "r", "auth.htpasswd.path": str(path)}
    programs = [None, UPSTREAM] if first == "ours" else [UPSTREAM, None]
    with Registry(tmp_path / "one", storage="inmemory", settings=settings, program=programs[0]) as one:
        password = re.search(r"password=(\S+)", one.stderr()).group(1)
        with Registry(tmp_path / "other", storage="inmemory", settings=settings, program=programs[1]) as other:
            for server in (one, other):
                with server.client() as client:
                    assert client.get("/v2/", basic("docker", password)).status == 200
                    assert client.get("/v2/", basic("docker", "x")).status == 401
            assert "provisioning" not in other.stderr()


def test_a_file_that_is_gone_is_answered_alike(tmp_path):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pw") + "\n")
    settings = {"auth.htpasswd.realm": "r", "auth.htpasswd.path": str(path)}
    with Registry(tmp_path / "a", storage="inmemory", settings=settings) as ours, \
            Registry(tmp_path / "b", storage="inmemory", settings=settings, program=UPSTREAM) as theirs:
        both = (ours, theirs)
        for change in [lambda: None, path.unlink]:
            change()
            for headers in [basic("u", "pw"), basic("u", "x"), {}]:
                one, other = _answers(both, headers)
                assert one == other
        path.mkdir()  # upstream refuses the first request only, and goes on with the users it knew
        one, other = _answers(both, basic("u", "pw"))
        assert one == other and one[0] == 400
