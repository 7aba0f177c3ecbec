# SPDX-License-Identifier: Apache-2.0
"""The same tokens shown to our server and to upstream's: the same verdicts, but where we mean to differ."""
import pytest
from conftest import UPSTREAM
from support import jose
from support.access import bearer, challenge
from support.content import UNKNOWN_DIGEST
from support.jose import access, claims, mint
from support.registry import Registry, binary
from support.token_forms import FORMS, VECTOR, VECTOR_CERTIFICATE, Keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    keys = Keys(tmp_path_factory.mktemp("keys"))
    with open(keys.bundle, "a", encoding="ascii") as bundle:
        bundle.write(VECTOR_CERTIFICATE)
    return keys


@pytest.fixture(scope="module")
def both(tmp_path_factory, keys):
    """Clients of ours and of theirs, with the same options."""
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    folder = tmp_path_factory.mktemp("both")
    settings = {"auth.token.realm": "https://auth.example/token", "auth.token.issuer": jose.ISSUER,
                "auth.token.service": jose.SERVICE, "auth.token.rootcertbundle": str(keys.bundle)}
    with Registry(folder / "ours", settings=settings, program=binary()) as ours, \
            Registry(folder / "theirs", settings=settings, program=UPSTREAM) as theirs, \
            ours.client() as one, theirs.client() as other:
        yield one, other


def scopes(response):
    """Upstream's order is random."""
    parts = challenge(response).get("scope", "").split()
    return {(part.rpartition(":")[0], frozenset(part.rpartition(":")[2].split(","))) for part in parts}


def told(response):
    """All that a client can see of a decision."""
    if response.status != 401:
        return response.status
    parameters = challenge(response) | {"scope": scopes(response)}
    return response.status, parameters, response.json()


def answers(both, method, target, headers):
    return [told(client.request(method, target, headers)) for client in both]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name.replace(" ", "-"))
@pytest.mark.parametrize("target", ["/v2/", "/v2/a/b/tags/list"])
def test_a_token_gets_the_same_answer(both, keys, form, target):
    ours, theirs = answers(both, "GET", target, bearer(form.make(keys)))
    if form.is_taken == form.is_taken_upstream:
        assert ours == theirs
    else:
        assert form.why and isinstance(ours, tuple) != isinstance(theirs, tuple)


@pytest.mark.parametrize("value", [
    None, "Bearer", "Bearer x", "Bearer  x.y.z", "Bearer x.y.z", "Bearer x y", "Basic YTpi", "bearer {}", "BEARER {}",
    "Bearer {}.", "Bearer .{}", "Bearer {} ", " Bearer {}", "Token {}",
])
@pytest.mark.parametrize("method, target", [
    ("GET", "/v2/"), ("GET", "/v2/library/busybox/tags/list"), ("GET", "/v2/_catalog"),
    ("PUT", "/v2/library/busybox/manifests/x"), ("DELETE", f"/v2/library/busybox/manifests/{UNKNOWN_DIGEST}"),
    ("POST", "/v2/library/busybox/blobs/uploads/?mount=x&from=other/one"),
    ("OPTIONS", "/v2/library/busybox/tags/list"),
])
def test_a_header_gets_the_same_answer(both, value, method, target):
    headers = {} if value is None else {"Authorization": value.format(VECTOR)}
    ours, theirs = answers(both, method, target, headers)
    assert ours == theirs


@pytest.mark.parametrize("entry", [
    access("a/b", "pull"), access("a/b", "push"), access("a/b", "*"), access("a/b", "delete"),
    access("a/b"), access("a", "pull"), access("a/b", "pull", kind="registry"),
    access("a/b", "pull", kind="repository(plugin)"), access("a/b", "pull") | {"class": "plugin"},
    access("catalog", "*", kind="registry"), {}, {"name": "a/b"}, {"type": "repository", "actions": ["pull"]},
], ids=str)
def test_a_grant_opens_the_same(both, keys, entry):
    headers = bearer(mint(keys.ec, claims(entry)))
    for method, target in (("GET", "/v2/a/b/tags/list"), ("POST", "/v2/a/b/blobs/uploads/"),
                           ("DELETE", f"/v2/a/b/manifests/{UNKNOWN_DIGEST}"), ("GET", "/v2/_catalog")):
        ours, theirs = answers(both, method, target, headers)
        assert ours == theirs, (method, target)
