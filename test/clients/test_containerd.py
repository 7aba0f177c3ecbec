# SPDX-License-Identifier: Apache-2.0
"""containerd, which pulls for Kubernetes: over TLS, with passwords, tokens and a certificate of its own."""
import pytest
from support import layout
from support.access import entry
from support.certificates import Certificate
from support.container_clients import make_client
from support.tls import tls_settings
from support.token_service import TokenService, User


@pytest.fixture(scope="module")
def certificate(folder, authority):
    return Certificate(folder, "server", issuer=authority)


@pytest.fixture
def containerd(request, tmp_path, small_image):
    return make_client(request, "containerd", tmp_path / "client", small_image)


@pytest.fixture
def start_server(start_registry, certificate):
    """Starts a registry with TLS; `host` is its name in image references."""

    def start(settings):
        registry = start_registry(settings=tls_settings(certificate) | settings)
        registry.host = f"127.0.0.1:{registry.port}"
        return registry

    return start


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(entry("writer", "retirw") + "\n")
    return {"auth.htpasswd.realm": "the realm", "auth.htpasswd.path": str(path)}


def test_an_image_is_pushed_and_pulled_with_a_password(start_server, passwords, containerd, authority):
    server = start_server(passwords)
    containerd.know(server.host, authority)
    name = f"{server.host}/inner/it:v1"
    containerd.push(name, says="401 unauthorized")
    containerd.sign_in("writer", "wrong")
    containerd.push(name, says="401 unauthorized")
    containerd.sign_in("writer", "retirw")
    digest = containerd.push(name)
    assert containerd.pull(name) == digest
    assert containerd.pull(f"{server.host}/inner/it@{digest}") == digest
    layout.check(server.root)


def test_layers_are_mounted_from_another_repository(start_server, passwords, containerd, authority, small_image):
    server = start_server(passwords)
    containerd.know(server.host, authority)
    containerd.sign_in("writer", "retirw")
    containerd.push(f"{server.host}/first/it:v1")
    containerd.pull(f"{server.host}/first/it:v1")
    containerd.tool("images", "tag", f"{server.host}/first/it:v1", "made:v1")
    containerd.push(f"{server.host}/second/it:v1")
    mounts = [line for line in server.stdout().splitlines() if "mount=sha256" in line and '" 201 ' in line]
    assert len(mounts) == len(small_image.layers) + 1  # the configuration too


def test_without_the_authority_it_refuses(start_server, passwords, containerd, authority):
    server = start_server(passwords)
    containerd.know(server.host)
    containerd.sign_in("writer", "retirw")
    containerd.pull(f"{server.host}/inner/it:v1", says="x509")
    assert server.stdout() == ""
    assert "level=error" not in server.stderr()
    containerd.trust_everywhere(authority)
    containerd.pull(f"{server.host}/inner/it:v1", says="not found")


def test_it_shows_its_certificate(start_server, passwords, containerd, authority, folder):
    clients = Certificate(folder, "clients", is_authority=True)
    server = start_server(passwords | {"http.tls.clientcas": [str(clients.path)]})
    name = f"{server.host}/inner/it:v1"
    containerd.sign_in("writer", "retirw")
    containerd.know(server.host, authority, Certificate(folder, "writer", issuer=clients))
    digest = containerd.push(name)
    assert containerd.pull(name) == digest
    containerd.know(server.host, authority)
    containerd.pull(name, says="tls: ")


# It asks a token service by POST with the password, and by GET where there is no POST.
@pytest.mark.parametrize("oauth", [True, False], ids=["oauth", "get"])
def test_it_does_what_its_tokens_allow(start_server, containerd, authority, certificate, tmp_path, oauth):
    users = {"alice": User("secret", {"alice/*": "pull,push", "base/*": "pull"}), "": User("", {"base/*": "pull"})}
    with TokenService(tmp_path / "service", users=users, tls=(certificate.path, certificate.key_path),
                      oauth=oauth) as service:
        server = start_server(service.settings())
        own, base = f"{server.host}/alice/app:v1", f"{server.host}/base/image:v1"
        containerd.know(server.host, authority)  # which is for the token service, too
        containerd.sign_in("alice", "wrong")
        containerd.push(own, says="401 unauthorized")
        containerd.sign_in("alice", "secret")
        digest = containerd.push(own)
        containerd.push(base, says="insufficient_scope")
        assert containerd.pull(own) == digest
        assert any(request.get("grant_type") == "password" for request in service.requests)
        containerd.user = []
        containerd.pull(own, says="insufficient_scope")
        containerd.pull(base, says="not found")  # which nobody may see
