# SPDX-License-Identifier: Apache-2.0
"""Passwords over TLS with the real clients: the authority where each looks for it, renewals, certificates of clients."""
import signal
import ssl
import threading

import pytest
from support import layout
from support.access import Files, basic, entry
from support.certificates import Certificate
from support.client_tools import CURL
from support.container_clients import KINDS, Tool, make_client
from support.content import OCI_MANIFEST, SCHEMA2
from support.docker_engine import VERIFIED_HOST
from support.registry import wait_until

PASSWORD = "retirw"
LEAST_ROUNDS = 3
LEAST_RENEWALS = 6


def new_certificate(folder, issuer):
    return Certificate(folder, "server", issuer=issuer, hosts=[VERIFIED_HOST])


@pytest.fixture(scope="module")
def certificate(folder, authority):
    return new_certificate(folder, authority)


class Pair:
    """The files that a registry reads."""

    def __init__(self, folder, certificate):
        self.path = folder / "tls.crt"
        self.key_path = folder / "tls.key"
        certificate.install(self.path, self.key_path)


@pytest.fixture
def start_guarded(start_registry, certificate, tmp_path):
    """Starts a registry with a password file and TLS; keywords go to http.tls."""

    def start(settings=None, **tls):
        pair = Pair(tmp_path, certificate)
        passwords = tmp_path / "htpasswd"
        passwords.write_text(entry("writer", PASSWORD) + "\n")
        tls = {"certificate": str(pair.path), "key": str(pair.key_path)} | tls
        htpasswd = {"auth.htpasswd.realm": "the realm", "auth.htpasswd.path": str(passwords)}
        registry = start_registry(settings=(settings or htpasswd) | {f"http.tls.{key}": tls[key] for key in tls})
        registry.pair = pair
        return registry

    return start


@pytest.fixture(params=KINDS)
def client(request, tmp_path, small_image):
    return make_client(request, request.param, tmp_path / "client", small_image)


def host_for(client, registry):
    return f"{client.address}:{registry.port}"


def assert_no_error(registry, since=0):
    """Nothing of what happened is the server's fault; @since: so much of the log is known."""
    wrong = [line for line in registry.stderr()[since:].splitlines() if "level=error" in line or "level=warn" in line]
    assert not wrong, wrong
    assert not [line for line in registry.stdout().splitlines() if '" 5' in line]


# ---- login, push, pull, logout ------------------------------------------------------------------


def login_push_pull_logout(client, registry, authority):
    host = host_for(client, registry)
    name = f"{host}/inner/it:v1"
    client.login(host, "writer", "wrong", says=client.wrong_password)
    client.push(name, says=client.not_logged_in)
    client.login(host, "writer", PASSWORD)
    digest = client.push(name)
    assert client.pull(name) == digest
    with registry.client(tls=authority.client()) as raw:
        headers = basic("writer", PASSWORD) | {"Accept": f"{OCI_MANIFEST}, {SCHEMA2}"}
        assert raw.get(f"/v2/inner/it/manifests/{digest}", headers).status == 200
    layout.check(registry.root)
    client.logout(host)
    client.pull(name, says=client.not_logged_in)
    client.push(name, says=client.not_logged_in)


def test_a_login_lasts_until_the_logout(start_guarded, client, authority):
    registry = start_guarded()
    client.trust(client.known_place(host_for(client, registry)), authority)
    login_push_pull_logout(client, registry, authority)


@pytest.mark.parametrize("client", [name for name in KINDS if name != "docker"], indirect=True)
def test_the_authority_may_be_named_with_each_command(start_guarded, client, authority):
    registry = start_guarded()
    client.trust(client.named_place(), authority)
    login_push_pull_logout(client, registry, authority)


@pytest.mark.ours("the access file")
def test_public_pulls_need_no_login(start_guarded, client, authority, tmp_path):
    """With an access file the registry is a token service, too: at the same place, over the same TLS."""
    rules = "allow anonymous pull public/**\nallow writer pull,push public/**\n"
    registry = start_guarded(Files(tmp_path / "files", ["writer"], rules).settings)
    host = host_for(client, registry)
    client.trust(client.known_place(host), authority)
    client.login(host, "writer", PASSWORD)
    digest = client.push(f"{host}/public/it:v1")
    client.logout(host)
    assert client.pull(f"{host}/public/it:v1") == digest
    client.pull(f"{host}/inner/it:v1", says="")
    client.push(f"{host}/public/it:v1", says="")


# ---- without the authority ----------------------------------------------------------------------


def test_without_the_authority_a_client_refuses(start_guarded, client):
    registry = start_guarded()
    host = host_for(client, registry)
    client.login(host, "writer", PASSWORD, says="x509")
    client.pull(f"{host}/inner/it:v1", says="x509")
    client.push(f"{host}/inner/it:v1", says="x509")
    assert registry.stdout() == ""  # no request arrived, and no password
    assert_no_error(registry)


def test_with_another_authority_a_client_refuses(start_guarded, client, folder):
    registry = start_guarded()
    host = host_for(client, registry)
    client.trust(client.known_place(host), Certificate(folder, "authority", is_authority=True))
    client.login(host, "writer", PASSWORD, says="x509")
    assert registry.stdout() == ""
    assert_no_error(registry)


# ---- renewal ------------------------------------------------------------------------------------


class Renewals(threading.Thread):
    """Replaces the files by a new pair of the same authority, again and again, until it is stopped."""

    def __init__(self, registry, folder, authority):
        super().__init__(daemon=True)
        self.registry = registry
        self.folder = folder
        self.authority = authority
        self.count = 0
        self.ended = threading.Event()
        self.problem = None

    def serial(self):
        with self.registry.connect(tls=self.authority.client()) as connection:
            return int(connection.socket.getpeercert()["serialNumber"], 16)

    def run(self):
        try:
            while not self.ended.is_set():
                certificate = new_certificate(self.folder, self.authority)
                certificate.install(self.registry.pair.path, self.registry.pair.key_path)
                if self.count:  # the first is noticed without
                    self.registry.signal(signal.SIGHUP)
                wait_until(lambda: self.serial() == certificate.serial, what="it is renewed")
                self.count += 1
        except (AssertionError, OSError, ssl.SSLError) as problem:
            self.problem = problem

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


@pytest.mark.ours("certificates are renewed while it runs", run=False)
@pytest.mark.parametrize("client", ["docker", "skopeo"], indirect=True)
def test_certificates_are_renewed_while_a_client_pushes_and_pulls(start_guarded, client, folder, authority):
    registry = start_guarded()
    host = host_for(client, registry)
    client.trust(client.known_place(host), authority)
    client.login(host, "writer", PASSWORD)
    with Renewals(registry, folder, authority) as renewals:
        rounds = 0
        while renewals.count < LEAST_RENEWALS or rounds < LEAST_ROUNDS:
            rounds += 1
            digest = client.push(f"{host}/inner/it{rounds}:v1")
            assert client.pull(f"{host}/inner/it{rounds}:v1") == digest
            assert renewals.problem is None, renewals.problem
    assert renewals.problem is None, renewals.problem
    assert not [line for line in registry.stdout().splitlines() if '" 5' in line]
    layout.check(registry.root)


# ---- certificates of clients --------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients_authority(folder):
    return Certificate(folder, "clients", is_authority=True)


def test_a_client_shows_its_certificate(start_guarded, client, folder, authority, clients_authority):
    """And its password besides: one does not stand for the other."""
    registry = start_guarded(clientcas=[str(clients_authority.path)])
    host = host_for(client, registry)
    name = f"{host}/inner/it:v1"
    place = client.known_place(host)
    client.trust(place, authority, Certificate(folder, "writer", issuer=clients_authority))
    client.push(name, says=client.not_logged_in)
    client.login(host, "writer", PASSWORD)
    digest = client.push(name)
    assert client.pull(name) == digest
    known = len(registry.stderr())
    client.show_nothing(place)
    client.pull(name, says="tls: ")
    client.login(host, "writer", PASSWORD, says="tls: ")
    client.trust(place, authority, Certificate(folder, "writer", issuer=authority))
    client.pull(name, says="tls: ")
    wait_until(lambda: "TLS handshake error" in registry.stderr()[known:], what="a refusal is logged")
    assert_no_error(registry, known)


# ---- curl ---------------------------------------------------------------------------------------


def curl_of(registry):
    """curl --fail to the base of the registry."""
    tool = Tool([CURL, "--silent", "--show-error", "--fail-with-body"])
    return lambda *options, **expected: tool(*options, f"https://127.0.0.1:{registry.port}/v2/", **expected)


def test_curl_knows_the_authority_by_option(start_guarded, authority):
    registry = start_guarded()
    curl = curl_of(registry)
    curl("--user", f"writer:{PASSWORD}", says="certificate")
    assert registry.stdout() == ""
    curl("--cacert", authority.path, says="unauthorized")
    curl("--cacert", authority.path, "--user", "writer:wrong", says="unauthorized")
    assert curl("--cacert", authority.path, "--user", f"writer:{PASSWORD}") == "{}"


@pytest.mark.ours("the alert says what is missing, and arrives")
def test_curl_shows_its_certificate(start_guarded, folder, authority, clients_authority):
    registry = start_guarded(clientcas=[str(clients_authority.path)])
    curl = curl_of(registry)
    own = Certificate(folder, "writer", issuer=clients_authority)
    known = ("--cacert", authority.path, "--user", f"writer:{PASSWORD}")
    curl(*known, says="certificate required")
    assert registry.stdout() == ""
    assert curl(*known, "--cert", own.path, "--key", own.key_path) == "{}"
