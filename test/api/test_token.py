# SPDX-License-Identifier: Apache-2.0
"""Tokens of a token service: which are taken, what they open, and what clients are told."""
import json
import os
import pathlib
import signal
import ssl
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from support import jose
from support.access import bearer, challenge, record
from support.check import assert_error
from support.client import OCTETS, with_query
from support.content import OCI_MANIFEST, UNKNOWN_DIGEST, digest_of, image
from support.jose import access, claims, mint
from support.registry import Registry, is_upstream, wait_until
from support.token_forms import (
    FORMS,
    VECTOR,
    VECTOR_CERTIFICATE,
    VECTOR_LIBTRUST_ID,
    VECTOR_THUMBPRINT,
    Keys,
)
from support.token_service import TokenClient, TokenService, User

REALM = "https://auth.example/token"
INVALID = "invalid_token"
INSUFFICIENT = "insufficient_scope"


def settings(bundle, **more):
    return {"auth.token.realm": REALM, "auth.token.issuer": jose.ISSUER,
            "auth.token.service": jose.SERVICE, "auth.token.rootcertbundle": str(bundle)} | {
                f"auth.token.{name}": value for name, value in more.items()}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, keys):
    with Registry(tmp_path_factory.mktemp("guarded"), settings=settings(keys.bundle)) as registry:
        yield registry


@pytest.fixture
def client(guarded):
    with guarded.surviving_client() as client:
        yield client


def verdict(response):
    """What a client is told: "taken", or the `error` of the challenge, None without."""
    if response.status != 401:
        return "taken"
    return challenge(response).get("error")


# ---- which tokens are taken ----


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name.replace(" ", "-"))
def test_a_token_of_this_form(client, keys, form):
    wanted = form.is_taken_upstream if is_upstream() else form.is_taken
    headers = bearer(form.make(keys))
    base = client.get("/v2/", headers)
    assert verdict(base) == ("taken" if wanted else INVALID), base
    tags = client.get("/v2/a/b/tags/list", headers)
    assert verdict(tags) == ("taken" if wanted else INVALID), tags
    assert tags.status == (404 if wanted else 401)


def vector_settings(folder, **more):
    path = folder / "bundle.pem"
    path.write_text(VECTOR_CERTIFICATE)
    return settings(path, **more)


def test_a_token_made_once_and_for_all(start_registry, tmp_path):
    registry = start_registry(settings=vector_settings(tmp_path))
    headers = bearer(VECTOR)
    with registry.client() as client:
        assert client.get("/v2/", headers).status == 200
        assert client.get("/v2/library/busybox/manifests/x", headers).status == 404
        assert verdict(client.put("/v2/library/busybox/manifests/x", headers)) == INSUFFICIENT
        assert verdict(client.get("/v2/library/other/tags/list", headers)) == INSUFFICIENT
        assert verdict(client.get("/v2/_catalog", headers)) == INSUFFICIENT


VECTOR_JWK = {"kty": "EC", "crv": "P-256", "x": "Rxw-dYxJBChbun5TEY7Q9SSt6wdX0lvS-Oew1236cUw",
              "y": "3VIPesqKi5F6zDf1HejwybvjrYWDgucC3CWhLQn3qFg"}


@pytest.mark.ours("jwks is 3.x's")
@pytest.mark.parametrize("kid", [None, "mine", VECTOR_LIBTRUST_ID, VECTOR_THUMBPRINT])
def test_keys_may_come_from_a_jwks(start_registry, tmp_path, kid):
    path = jose.jwks(tmp_path / "jwks.json", VECTOR_JWK | ({"kid": kid} if kid else {}))
    more = settings("", jwks=str(path))
    del more["auth.token.rootcertbundle"]
    registry = start_registry(settings=more)
    with registry.client() as client:
        assert client.get("/v2/", bearer(VECTOR)).status == 200


@pytest.mark.ours("jwks is 3.x's")
@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "P-521", "Ed25519"])
def test_a_key_of_a_jwks_is_found_by_the_name_it_has_there(start_registry, tmp_path, kind):
    key = jose.Key(tmp_path, kind)
    path = jose.jwks(tmp_path / "jwks.json", key.jwk | {"kid": "the key", "use": "sig"})
    more = settings("", jwks=str(path))
    del more["auth.token.rootcertbundle"]
    registry = start_registry(settings=more)
    with registry.client() as client:
        for kid, wanted in (("the key", "taken"), (key.thumbprint, "taken"), ("another", INVALID)):
            token = mint(key, claims(), {"kid": kid})
            assert verdict(client.get("/v2/", bearer(token))) == wanted


@pytest.mark.ours("signingalgorithms is 3.x's")
def test_signingalgorithms_are_the_only_ones(start_registry, keys):
    registry = start_registry(settings=settings(keys.bundle, signingalgorithms=["ES256", "RS512"]))
    with registry.client() as client:
        assert verdict(client.get("/v2/", bearer(mint(keys.ec, claims())))) == "taken"
        assert verdict(client.get("/v2/", bearer(mint(keys.rsa, claims())))) == INVALID
        token = mint(keys.rsa, claims(), algorithm="RS512")
        assert verdict(client.get("/v2/", bearer(token))) == "taken"


# ---- what clients are told ----


def test_a_client_without_a_token_is_sent_to_the_realm(client):
    response = client.get("/v2/")
    assert_error(response, 401, "UNAUTHORIZED", None)
    assert response.header("WWW-Authenticate") == f'Bearer realm="{REALM}",service="{jose.SERVICE}"'


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer  {}", "Bearer {} x", "{}", "Token {}"])
def test_what_is_no_bearer_token_is_none(client, keys, value):
    token = mint(keys.ec, claims())
    response = client.get("/v2/", {"Authorization": value.format(token)})
    assert (response.status, verdict(response)) == (401, None)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_taken_in_any_case(client, keys, scheme):
    token = mint(keys.ec, claims())
    assert client.get("/v2/", {"Authorization": f"{scheme} {token}"}).status == 200


def scope_of(response):
    """As upstream's order is random: a set of (resource, actions)."""
    found = set()
    for part in challenge(response).get("scope", "").split():
        resource, _, actions = part.rpartition(":")
        found.add((resource, frozenset(actions.split(","))))
    return found


PULL = ("repository:a/b", frozenset({"pull"}))
PUSH = ("repository:a/b", frozenset({"pull", "push"}))


@pytest.mark.parametrize("method, target, wanted", [
    ("GET", "/v2/", set()),
    ("GET", "/v2/a/b/tags/list", {PULL}),
    ("HEAD", f"/v2/a/b/blobs/{UNKNOWN_DIGEST}", {PULL}),
    ("POST", "/v2/a/b/blobs/uploads/", {PUSH}),
    ("POST", f"/v2/a/b/blobs/uploads/?mount={UNKNOWN_DIGEST}&from=c/d",
     {PUSH, ("repository:c/d", frozenset({"pull"}))}),
    ("PUT", "/v2/a/b/manifests/x", {PUSH}),
    ("DELETE", "/v2/a/b/manifests/x", {("repository:a/b", frozenset({"delete"}))}),
    ("GET", "/v2/_catalog", {("registry:catalog", frozenset({"*"}))}),
])
@pytest.mark.parametrize("error", [None, INVALID, INSUFFICIENT])
def test_a_challenge_tells_what_it_takes(client, keys, method, target, wanted, error):
    token = {None: None, INVALID: "x.y.z", INSUFFICIENT: mint(keys.ec, claims())}[error]
    response = client.request(method, target, bearer(token) if token else {})
    if error == INSUFFICIENT and not wanted:
        assert response.status == 200
        return
    assert response.status == 401
    assert (verdict(response), scope_of(response)) == (error, wanted)


@pytest.mark.ours("upstream's order is random")
def test_a_challenge_merges_the_scopes_of_a_resource_in_order(client):
    response = client.post(f"/v2/a/b/blobs/uploads/?mount={UNKNOWN_DIGEST}&from=c/d", bearer("x.y.z"))
    assert response.header("WWW-Authenticate") == (
        f'Bearer realm="{REALM}",service="{jose.SERVICE}",'
        'scope="repository:a/b:pull,push repository:c/d:pull",error="invalid_token"')
    assert response.detail == [record("a/b", "pull"), record("a/b", "push"), record("c/d", "pull")]


def test_autoredirect_sends_clients_to_the_host_they_asked(start_registry, keys):
    registry = start_registry(settings=settings(keys.bundle, autoredirect=True))
    with registry.client() as client:
        response = client.get("/v2/", {"Host": "reg.example:5443"})
    assert challenge(response)["realm"] == "https://reg.example:5443/auth/token"


@pytest.mark.ours("autoredirectpath and the scheme of the proxy in front are 3.x's")
def test_autoredirect_knows_the_proxy_in_front(start_registry, keys):
    more = settings(keys.bundle, autoredirect=True, autoredirectpath="/tokens")
    registry = start_registry(settings=more)
    with registry.client() as client:
        for said, wanted in (("http", "http"), ("https", "https"), ("gopher", "https")):
            response = client.get("/v2/", {"Host": "reg", "X-Forwarded-Proto": said})
            assert challenge(response)["realm"] == f"{wanted}://reg/tokens"


# ---- what a token opens ----

REQUESTS = [
    ("GET", "/v2/a/b/tags/list", "pull"),
    ("GET", "/v2/a/b/manifests/x", "pull"),
    ("HEAD", "/v2/a/b/manifests/x", "pull"),
    ("GET", f"/v2/a/b/blobs/{UNKNOWN_DIGEST}", "pull"),
    ("POST", "/v2/a/b/blobs/uploads/", "pull push"),
    ("PUT", "/v2/a/b/manifests/x", "pull push"),
    ("DELETE", "/v2/a/b/manifests/x", "delete"),
    ("DELETE", f"/v2/a/b/blobs/{UNKNOWN_DIGEST}", "delete"),
]


@pytest.mark.parametrize("method, target, actions", REQUESTS)
def test_a_token_opens_what_it_grants_and_no_more(client, keys, method, target, actions):
    actions = actions.split()
    every = {"pull", "push", "delete"}
    grants = [([*actions], True), (["*"], True), (["pull", "push", "delete"], True),
              (sorted(every - {actions[-1]}), False), ([], False)]
    for granted, is_open in grants:
        token = mint(keys.ec, claims(access("a/b", *granted)))
        response = client.request(method, target, bearer(token))
        assert (response.status != 401) == is_open, (granted, response)
        assert is_open or verdict(response) == INSUFFICIENT


@pytest.mark.parametrize("entry", [
    access("a/c", "*"), access("a", "*"), access("a/b/c", "*"), access("a/*", "*"), access("*", "*"),
    access("A/B", "*"), access("a/b", "*", kind="registry"), access("a/b", "*", kind="repository(plugin)"),
    access("a/b", "Pull"),
], ids=str)
def test_names_are_compared_as_they_are(client, keys, entry):
    token = mint(keys.ec, claims(entry))
    assert verdict(client.get("/v2/a/b/tags/list", bearer(token))) == INSUFFICIENT


def test_grants_of_one_resource_add_up(client, keys):
    token = mint(keys.ec, claims(access("a/b", "push"), access("x", "delete"), access("a/b", "pull")))
    assert client.post("/v2/a/b/blobs/uploads/", bearer(token)).status == 202


def test_the_catalog_needs_its_own_grant(client, keys):
    for entry, is_open in ((access("catalog", "*", kind="registry"), True),
                           (access("catalog", "pull", kind="registry"), False),
                           (access("catalog", "*"), False)):
        response = client.get("/v2/_catalog", bearer(mint(keys.ec, claims(entry))))
        assert (response.status == 200) == is_open, response


def test_a_mount_needs_pull_on_its_source(client, keys):
    data = os.urandom(100)
    source = bearer(mint(keys.ec, claims(access("src", "pull", "push"))))
    location = client.post("/v2/src/blobs/uploads/", source).location
    put = client.put(with_query(location, digest=digest_of(data)), source | {"Content-Type": OCTETS}, data)
    assert put.status == 201
    target = f"/v2/dst/blobs/uploads/?mount={digest_of(data)}&from=src"
    push = access("dst", "pull", "push")
    assert verdict(client.post(target, bearer(mint(keys.ec, claims(push))))) == INSUFFICIENT
    both = bearer(mint(keys.ec, claims(push, access("src", "pull"))))
    assert client.post(target, both).status == 201


def test_a_big_token_is_taken(client, keys):
    entries = [access(f"some/repository-{number}", "pull", "push") for number in range(300)]
    token = mint(keys.ec, claims(*entries, access("a/b", "pull")))
    assert 30_000 < len(token) < 60_000
    assert client.get("/v2/a/b/tags/list", bearer(token)).status == 404


# ---- the log ----


@pytest.mark.ours("the times are written otherwise")
def test_the_log_tells_why_a_token_was_refused(client, guarded, keys):
    cases = [
        (mint(keys.ec, claims(iss="eve")), r'token from untrusted issuer: \"eve\"'),
        (mint(keys.ec, claims(aud="eve")), r'token intended for another audience: \"eve\"'),
        (mint(keys.ec, claims(exp=1)), "token not to be used after 1970-01-01T00:01:01Z - currently "),
        (mint(keys.ec, claims(), {"kid": "eve\n"}), r'token signed by untrusted key with ID: \"eve\n\"'),
        (mint(keys.ec, claims(), signature=lambda data: bytes(64)), "unable to verify token signature: "),
        ("x.y.z", "error while unmarshalling raw token: "),
    ]
    for token, line in cases:
        client.get("/v2/", bearer(token))
        wait_until(lambda: line in guarded.stderr(), what=line)
        assert token not in guarded.stderr()
    assert "error authorizing context: invalid token" in guarded.stderr()


def test_the_log_names_the_user(client, guarded, keys):
    token = mint(keys.ec, claims(access("a/b", "pull"), sub="a-name-for-the-log"))
    assert client.get("/v2/a/b/tags/list", bearer(token)).status == 404
    wait_until(lambda: "auth.user.name=a-name-for-the-log" in guarded.stderr())


# ---- options ----


def failure(tmp_path, config, **environment):
    """What a registry that cannot start says."""
    registry = Registry(tmp_path / "broken", settings=config, environment=environment)
    with pytest.raises(AssertionError, match="the server ended"):
        registry.start()
    return registry.stderr()


@pytest.mark.parametrize("missing", ["realm", "issuer", "service"])
def test_an_option_that_is_missing_is_named(tmp_path, keys, missing):
    config = settings(keys.bundle)
    del config[f"auth.token.{missing}"]
    said = failure(tmp_path, config)
    assert "unable to configure authorization (token): " in said
    assert "token auth requires a valid option string: " in said and missing in said


@pytest.mark.parametrize("content, complaint", [
    (None, "unable to open token auth root certificate bundle file "),
    ("", "token auth requires at least one token signing root certificate"),
    ("no PEM\n", "token auth requires at least one token signing root certificate"),
    ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
     "unable to parse token auth root certificate: "),
])
def test_a_bundle_without_keys_is_refused(tmp_path, content, complaint):
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    said = failure(tmp_path, settings(path))
    assert f"unable to configure authorization (token): {complaint}" in said


@pytest.mark.ours("jwks is 3.x's")
@pytest.mark.parametrize("content, complaint", [
    (None, "unable to open jwks file "),
    ("{", "failed to parse jwks: "),
    ('{"keys":[]}', "token auth requires at least one token signing key"),
    ('{"keys":[{"kty":"oct","k":"AAAA"}]}', "token auth requires at least one token signing key"),
])
def test_a_jwks_without_keys_is_refused(tmp_path, content, complaint):
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_text(content)
    config = settings("", jwks=str(path))
    del config["auth.token.rootcertbundle"]
    assert f"unable to configure authorization (token): {complaint}" in failure(tmp_path, config)


@pytest.mark.ours("signingalgorithms is 3.x's")
@pytest.mark.parametrize("name", ["HS256", "none", "rs256"])
def test_an_unsafe_or_unknown_algorithm_is_refused(tmp_path, keys, name):
    config = settings(keys.bundle, signingalgorithms=["RS256", name])
    assert f"unsupported signing algorithm: {name}" in failure(tmp_path, config)


# ---- other keys while it runs ----


@pytest.mark.ours("upstream reads its files once")
def test_sighup_takes_the_keys_as_they_are_now(start_registry, tmp_path, keys):
    path = jose.bundle(tmp_path / "bundle.pem", keys.root)
    registry = start_registry(settings=settings(path))
    old, new = (bearer(mint(key, claims())) for key in (keys.ec, keys.stranger))
    with registry.client() as client:
        assert verdict(client.get("/v2/", old)) == "taken"
        assert verdict(client.get("/v2/", new)) == INVALID
        jose.bundle(path, keys.own)
        registry.signal(signal.SIGHUP)
        wait_until(lambda: verdict(client.get("/v2/", old)) == INVALID)
        assert verdict(client.get("/v2/", new)) == "taken"


@pytest.mark.ours("upstream reads its files once")
def test_new_keys_are_found_without_a_word(start_registry, tmp_path, keys):
    path = jose.bundle(tmp_path / "bundle.pem", keys.root)
    registry = start_registry(settings=settings(path))
    old, new = (bearer(mint(key, claims())) for key in (keys.ec, keys.stranger))
    with registry.client() as client:
        assert verdict(client.get("/v2/", old)) == "taken"
        jose.bundle(path, keys.root, keys.own)
        wait_until(lambda: verdict(client.get("/v2/", new)) == "taken")
        assert verdict(client.get("/v2/", old)) == "taken"
        jose.bundle(path, keys.own)
        wait_until(lambda: verdict(client.get("/v2/", old)) == INVALID)


@pytest.mark.ours("upstream reads its files once")
def test_bad_keys_change_nothing_and_are_told_once(start_registry, tmp_path, keys):
    path = jose.bundle(tmp_path / "bundle.pem", keys.root)
    registry = start_registry(settings=settings(path))
    old, new = (bearer(mint(key, claims())) for key in (keys.ec, keys.stranger))
    complaint = "token auth: the keys stay as they were: "
    with registry.client() as client:
        path.write_text("broken\n")
        wait_until(lambda: client.get("/v2/", new) and complaint in registry.stderr())
        for _ in range(5):  # each of them makes it look again, but not more than now and then
            client.get("/v2/", new)
            time.sleep(0.12)
        assert registry.stderr().count(complaint) == 1
        assert verdict(client.get("/v2/", old)) == "taken"
        jose.bundle(path, keys.own)
        wait_until(lambda: verdict(client.get("/v2/", new)) == "taken")


# ---- from end to end ----


@pytest.fixture
def service(tmp_path):
    users = {
        "alice": User("secret of alice", {"alice/*": "pull,push,delete", "catalog": "*", "shared/*": "pull"}),
        "bob": User("secret of bob", {"shared/*": "pull,push"}),
        "": User("", {"shared/*": "pull"}),
    }
    with TokenService(tmp_path / "service", users=users) as service:
        yield service


@pytest.fixture
def registry(start_registry, service):
    return start_registry(settings=service.settings())


def as_user(registry, service, name=None):
    password = service.users[name].password if name else None
    return TokenClient(registry.client(), name, password)


def push_image(client, repository, tag, value):
    for blob in value.blobs:
        started = client.request("POST", f"/v2/{repository}/blobs/uploads/")
        assert started.status == 202, started
        put = client.request("PUT", with_query(started.location, digest=digest_of(blob)),
                             {"Content-Type": OCTETS}, blob)
        assert put.status == 201, put
    target = f"/v2/{repository}/manifests/{tag}"
    put = client.request("PUT", target, {"Content-Type": value.media_type}, value.manifest)
    assert put.status == 201, put


def test_a_client_pushes_pulls_and_deletes_with_tokens_it_fetches(registry, service):
    value = image("tokens", OCI_MANIFEST)
    alice = as_user(registry, service, "alice")
    push_image(alice, "alice/app", "v1", value)
    assert [parameters["scope"] for parameters in alice.fetched] == ["repository:alice/app:pull,push"]
    pulled = alice.request("GET", "/v2/alice/app/manifests/v1", {"Accept": value.media_type})
    assert pulled.body == value.manifest
    assert len(alice.fetched) == 1
    gone = alice.request("DELETE", f"/v2/alice/app/manifests/{digest_of(value.manifest)}")
    assert gone.status == 202
    assert alice.fetched[-1]["error"] == INSUFFICIENT
    assert alice.request("GET", "/v2/_catalog").json() == {"repositories": ["alice/app"]}
    assert alice.fetched[-1]["scope"] == "registry:catalog:*"


def test_a_client_is_kept_from_what_it_may_not(registry, service):
    value = image("tokens", OCI_MANIFEST)
    push_image(as_user(registry, service, "bob"), "shared/app", "v1", value)
    nobody = as_user(registry, service)
    assert nobody.request("GET", "/v2/shared/app/manifests/v1",
                          {"Accept": value.media_type}).body == value.manifest
    for client in (nobody, as_user(registry, service, "alice")):
        response = client.request("POST", "/v2/shared/app/blobs/uploads/")
        assert (response.status, verdict(response)) == (401, INSUFFICIENT)
    response = as_user(registry, service, "bob").request("GET", "/v2/alice/app/tags/list")
    assert (response.status, verdict(response)) == (401, INSUFFICIENT)


def test_a_client_whose_token_has_expired_fetches_another(registry, service):
    alice = as_user(registry, service, "alice")
    service.late = 1
    assert alice.request("GET", "/v2/alice/app/tags/list").status == 404
    assert [parameters.get("error") for parameters in alice.fetched] == [None, INVALID]


def test_curl_pulls_with_a_token(registry, service):
    if not pathlib.Path("/usr/bin/curl").exists():
        pytest.skip("curl is not installed")
    value = image("tokens", OCI_MANIFEST)
    push_image(as_user(registry, service, "bob"), "shared/app", "v1", value)

    def curl(*arguments):
        return subprocess.run(["/usr/bin/curl", "-sS", *arguments], capture_output=True, check=True).stdout

    query = f"service={service.service}&scope=repository:shared/app:pull"
    token = json.loads(curl("-u", "bob:secret of bob", f"{service.realm}?{query}"))["token"]
    url = f"http://127.0.0.1:{registry.port}/v2/shared/app/manifests/v1"
    assert curl("-H", f"Authorization: Bearer {token}", "-H", f"Accept: {value.media_type}", url) == value.manifest


def test_a_refresh_token_stands_for_the_password(registry, service):
    def post(**form):
        form |= {"service": service.service, "client_id": "test", "scope": "repository:alice/app:pull,push"}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(service.realm, body, timeout=300) as response:
            return json.load(response)

    first = post(grant_type="password", username="alice", password="secret of alice", access_type="offline")
    second = post(grant_type="refresh_token", refresh_token=first["refresh_token"])
    with registry.client() as client:
        for answer in (first, second):
            started = client.post("/v2/alice/app/blobs/uploads/", bearer(answer["access_token"]))
            assert started.status == 202


def test_a_token_service_may_be_on_https(start_registry, tmp_path):
    certificate = jose.Certificate(jose.Key(tmp_path / "tls"), "127.0.0.1")
    users = {"alice": User("secret", {"alice/*": "pull"})}
    files = (certificate.path, certificate.key.path)
    with TokenService(tmp_path / "service", users=users, tls=files) as service:
        registry = start_registry(settings=service.settings())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate.path)
        context.check_hostname = False
        alice = TokenClient(registry.client(), "alice", "secret", tls=context)
        assert alice.request("GET", "/v2/alice/app/tags/list").status == 404
        assert alice.fetched[0]["realm"].startswith("https://")
