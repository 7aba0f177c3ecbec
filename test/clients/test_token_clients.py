# SPDX-License-Identifier: Apache-2.0
"""The real clients with a token service over TLS, its certificate of the same authority as the registry's."""
import json

import pytest
from support import layout
from support.certificates import Certificate
from support.container_clients import KINDS, make_client
from support.docker_engine import VERIFIED_HOST
from support.tls import tls_settings
from support.token_service import TokenService, User

USERS = {
    "alice": User("secret", {"alice/*": "pull,push,delete", "base/*": "pull"}),
    "bob": User("other", {"base/*": "pull,push", "bob/*": "pull,push"}),
    "": User("", {"public/*": "pull"}),
    "press": User("printed", {"public/*": "pull,push"}),
}
NAMED = {name: user for name, user in USERS.items() if name}


@pytest.fixture(scope="module")
def certificate(folder, authority):
    return Certificate(folder, "server", issuer=authority, hosts=[VERIFIED_HOST])


@pytest.fixture
def start_service(tmp_path, certificate):
    """Starts a token service; keywords as those of TokenService."""
    started = []

    def start(certificate=certificate, **more):
        service = TokenService(tmp_path / "service", tls=(certificate.path, certificate.key_path),
                               **{"users": USERS} | more)
        started.append(service)
        return service.__enter__()

    yield start
    for service in started:
        service.__exit__()


@pytest.fixture
def start_server(start_registry, certificate):
    """Starts a registry that believes a service."""

    def start(service):
        return start_registry(settings=service.settings() | tls_settings(certificate))

    return start


@pytest.fixture(params=KINDS)
def client(request, tmp_path, small_image):
    return make_client(request, request.param, tmp_path / "client", small_image)


@pytest.fixture
def skopeo(request, tmp_path, small_image):
    return make_client(request, "skopeo", tmp_path / "skopeo", small_image)


@pytest.fixture
def trusting(authority):
    """Lets a client trust the authority, and returns the name of the registry for it."""

    def trust(client, server):
        host = f"{client.address}:{server.port}"
        client.trust(client.known_place(host), authority)
        return host

    return trust


def statuses(server):
    return {line.split('" ')[1].split()[0] for line in server.stdout().splitlines()}


def test_a_client_does_what_its_tokens_allow(start_service, start_server, trusting, client):
    server = start_server(start_service(users=NAMED))
    host = trusting(client, server)
    own, base, foreign = (f"{host}/{name}:v1" for name in ("alice/app", "base/image", "bob/app"))

    client.login(host, "alice", "wrong", says=client.wrong_password)
    client.login(host, "alice", "secret")
    digest = client.push(own)
    assert client.pull(own) == digest
    client.push(base, says="denied")
    client.pull(foreign, says="denied")
    client.logout(host)
    client.pull(own, says="un")

    client.login(host, "bob", "other")
    assert client.push(base) == digest
    client.pull(own, says="denied")
    client.login(host, "alice", "secret")
    assert client.pull(base) == digest
    assert statuses(server) <= {"200", "201", "202", "401", "404"}
    layout.check(server.root)


def test_nobody_pulls_what_is_public(start_service, start_server, trusting, client):
    server = start_server(start_service())
    host = trusting(client, server)
    client.login(host, "press", "printed")
    digest = client.push(f"{host}/public/it:v1")
    client.logout(host)
    assert client.pull(f"{host}/public/it:v1") == digest
    client.push(f"{host}/public/it:v2", says="denied")


def test_skopeo_inspects_copies_and_deletes(start_service, start_server, trusting, skopeo):
    server = start_server(start_service())
    host = trusting(skopeo, server)
    own, base = f"{host}/alice/app:v1", f"{host}/base/image:v1"
    skopeo.login(host, "bob", "other")
    digest = skopeo.push(base)
    skopeo.delete(base, says="unauthorized")
    skopeo.login(host, "alice", "secret")
    skopeo.tool("copy", f"docker://{base}", f"docker://{own}")
    assert json.loads(skopeo.inspect(own))["Digest"] == digest
    assert [line for line in server.stdout().splitlines() if "mount=sha256" in line and '" 201 ' in line]
    skopeo.delete(own)
    skopeo.pull(own, says="manifest unknown")
    skopeo.delete(base, says="unauthorized")
    assert skopeo.pull(base) == digest


@pytest.mark.parametrize("client", ["docker"], indirect=True)
@pytest.mark.parametrize("oauth", [True, False], ids=["oauth", "get"])
def test_docker_keeps_a_refresh_token_where_there_is_one(start_service, start_server, trusting, client, oauth):
    """Then it asks by POST with that; a service that knows GET alone is asked with the password."""
    service = start_service(oauth=oauth)
    server = start_server(service)
    host = trusting(client, server)
    client.login(host, "alice", "secret")
    (kept,) = json.loads(client.config.read_text())["auths"].values()
    assert kept.get("identitytoken") in (service.refresh_tokens if oauth else [None])
    service.requests.clear()
    digest = client.push(f"{host}/alice/app:v1")
    assert client.pull(f"{host}/alice/app:v1") == digest
    assert {request.get("grant_type") for request in service.requests} == {"refresh_token" if oauth else None}
    service.refresh_tokens.clear()
    service.users = {}
    client.pull(f"{host}/alice/app:v1", says="un")


@pytest.mark.parametrize("client", ["docker", "skopeo"], indirect=True)
def test_a_service_of_another_authority_gets_no_password_until_that_is_there_too(start_service, start_server, trusting, client, folder):
    other = Certificate(folder, "authority", is_authority=True)
    service = start_service(Certificate(folder, "server", issuer=other))
    server = start_server(service)
    host = trusting(client, server)
    client.login(host, "alice", "secret", says="x509")
    client.pull(f"{host}/alice/app:v1", says="x509")
    assert service.requests == []
    assert statuses(server) <= {"401"}
    with open(client.known_place(host) / "ca.crt", "a", encoding="ascii") as file:
        file.write(other.path.read_text())
    client.login(host, "alice", "secret")
