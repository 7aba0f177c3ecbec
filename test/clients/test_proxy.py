# SPDX-License-Identifier: Apache-2.0
"""The real clients with haproxy in front: it has the certificate, the registry behind it speaks plain HTTP."""
import pathlib
import socket

import pytest
from support import layout
from support.access import entry
from support.certificates import Certificate
from support.client_tools import start
from support.container_clients import make_client
from support.docker_engine import VERIFIED_HOST
from support.token_service import TokenService, User

HAPROXY = pathlib.Path("/usr/sbin/haproxy")
CONFIGURATION = """
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend registry
    bind fd@{descriptor} ssl crt {certificate}
    http-request set-header X-Forwarded-Proto https
    use_backend tokens if {{ path /auth/token }}
    default_backend registry
backend registry
    server registry 127.0.0.1:{registry_port}
backend tokens
    http-request set-path /token
    server tokens 127.0.0.1:{tokens_port}
"""


@pytest.fixture
def start_proxy(tmp_path, folder, authority):
    """Starts haproxy before a registry and, at /auth/token, a token service; returns its port."""
    if not HAPROXY.exists():
        pytest.skip("haproxy is not installed")
    started = []

    def start_before(registry, tokens_port=9):
        certificate = Certificate(folder, "server", issuer=authority, hosts=[VERIFIED_HOST])
        both = tmp_path / "proxy.pem"
        both.write_text(certificate.path.read_text() + certificate.key_path.read_text())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            configuration = tmp_path / "haproxy.cfg"
            configuration.write_text(CONFIGURATION.format(descriptor=listener.fileno(), certificate=both,
                                                          registry_port=registry.port, tokens_port=tokens_port))
            log = tmp_path / "haproxy.log"
            process = start([HAPROXY, "-db", "-f", configuration], log, pass_fds=[listener.fileno()])
            started.append(process)
            return listener.getsockname()[1]

    yield start_before
    for process in started:
        process.terminate()
        process.wait(300)


@pytest.fixture(params=["docker", "skopeo"])
def client(request, tmp_path, small_image):
    return make_client(request, request.param, tmp_path / "client", small_image)


def host_behind(client, port, authority):
    host = f"{client.address}:{port}"
    client.trust(client.known_place(host), authority)
    return host


def test_passwords_and_uploads_go_through_the_proxy(start_registry, start_proxy, client, authority, tmp_path):
    passwords = tmp_path / "htpasswd"
    passwords.write_text(entry("writer", "retirw") + "\n")
    registry = start_registry(settings={"auth.htpasswd.realm": "the realm", "auth.htpasswd.path": str(passwords)})
    host = host_behind(client, start_proxy(registry), authority)
    client.login(host, "writer", "wrong", says=client.wrong_password)
    client.login(host, "writer", "retirw")
    digest = client.push(f"{host}/inner/it:v1")
    assert client.pull(f"{host}/inner/it:v1") == digest
    layout.check(registry.root)


def test_tokens_come_from_the_host_that_was_asked(start_registry, start_proxy, client, authority, tmp_path):
    """With `autoredirect` the clients find the token service beside the registry, whatever the host is called."""
    users = {"alice": User("secret", {"alice/*": "pull,push"})}
    with TokenService(tmp_path / "service", users=users) as service:
        more = {"auth.token.autoredirect": True, "auth.token.realm": "https://nowhere.invalid/token"}
        registry = start_registry(settings=service.settings(**more))
        host = host_behind(client, start_proxy(registry, service.server.server_port), authority)
        client.login(host, "alice", "wrong", says=client.wrong_password)
        client.login(host, "alice", "secret")
        digest = client.push(f"{host}/alice/app:v1")
        assert client.pull(f"{host}/alice/app:v1") == digest
        client.push(f"{host}/other/app:v1", says="denied")
