# SPDX-License-Identifier: Apache-2.0
"""The files of a certificate are replaced while the registry runs."""
import signal
import ssl
import threading

import pytest
from support.certificates import Certificate
from support.client import Connection, ProtocolError
from support.content import random_bytes
from support.registry import wait_until
from support.tls import is_served, serial_of, session_of

TLS_12 = ssl.TLSVersion.TLSv1_2
TLS_13 = ssl.TLSVersion.TLSv1_3

RELOADED = "reloaded the TLS certificate, valid until "
renewal = pytest.mark.ours("upstream wants a restart", run=False)


@pytest.fixture
def renewable(start_tls, folder, authority, tmp_path):
    """A registry whose certificate is in files of its own, `files`."""

    class Files:
        path = tmp_path / "tls.crt"
        key_path = tmp_path / "tls.key"

    first = Certificate(folder, "localhost", issuer=authority)
    first.install(Files.path, Files.key_path)
    registry = start_tls(Files)
    registry.files = Files
    return registry


def wait_for_serial(registry, authority, serial):
    wait_until(lambda: serial_of(registry, authority.client()) == serial, what="it is renewed")


@renewal
def test_new_files_are_noticed(renewable, folder, authority):
    second = Certificate(folder, "localhost", issuer=authority, kind="rsa")
    with renewable.connect(tls=authority.client()) as old:
        assert old.request("GET", "/v2/").status == 200
        second.install(renewable.files.path, renewable.files.key_path)
        wait_for_serial(renewable, authority, second.serial)
        assert old.request("GET", "/v2/").status == 200
    assert RELOADED in renewable.stderr()


@renewal
def test_swapped_folder_is_noticed(start_tls, folder, authority, tmp_path):
    """As orchestrators renew secrets: the files stay, a symbolic link above them changes."""
    certificates = [Certificate(folder, "localhost", issuer=authority) for _ in range(2)]
    for index, one in enumerate(certificates):
        (tmp_path / f"v{index}").mkdir()
        one.install(tmp_path / f"v{index}/tls.crt", tmp_path / f"v{index}/tls.key")
    (tmp_path / "data").symlink_to("v0")
    registry = start_tls(settings={
        "http.tls.certificate": str(tmp_path / "data/tls.crt"),
        "http.tls.key": str(tmp_path / "data/tls.key"),
    })
    assert serial_of(registry, authority.client()) == certificates[0].serial
    (tmp_path / "next").symlink_to("v1")
    (tmp_path / "next").rename(tmp_path / "data")
    wait_for_serial(registry, authority, certificates[1].serial)


@renewal
def test_signal_renews_at_once(renewable, folder, authority):
    second = Certificate(folder, "localhost", issuer=authority)
    second.install(renewable.files.path, renewable.files.key_path)
    renewable.signal(signal.SIGHUP)
    wait_for_serial(renewable, authority, second.serial)


@renewal
def test_half_written_pair_changes_nothing_until_it_is_whole(renewable, folder, authority):
    before = serial_of(renewable, authority.client())
    second = Certificate(folder, "localhost", issuer=authority)
    second.install(renewable.files.path, tmp := renewable.files.path.with_suffix(".aside"))
    complaint = "the TLS certificate stays as it is: the key "
    wait_until(lambda: complaint in renewable.stderr(), what="the misfit is logged")
    assert serial_of(renewable, authority.client()) == before
    tmp.rename(renewable.files.key_path)
    wait_for_serial(renewable, authority, second.serial)
    assert renewable.stderr().count(complaint) == 1


@renewal
def test_bad_renewal_by_signal_keeps_what_is_there(renewable, authority):
    before = serial_of(renewable, authority.client())
    renewable.files.path.write_text("nothing\n")
    renewable.signal(signal.SIGHUP)
    wait_until(lambda: f"certificate {renewable.files.path}" in renewable.stderr(), what="an error")
    assert serial_of(renewable, authority.client()) == before


@renewal
@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_session_is_resumed_after_a_renewal(renewable, folder, authority, version):
    context = authority.client(version=version)
    session, _ = session_of(renewable, context)
    second = Certificate(folder, "localhost", issuer=authority)
    second.install(renewable.files.path, renewable.files.key_path)
    renewable.signal(signal.SIGHUP)
    wait_for_serial(renewable, authority, second.serial)
    assert session_of(renewable, context, session)[1]


@renewal
@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_session_ends_with_the_authority_that_let_it_in(
    start_tls, folder, authority, tmp_path, version
):
    """A ticket is no way around the renewed list of authorities."""
    trusted, other = (Certificate(folder, name, is_authority=True) for name in ("one", "two"))
    list_path = tmp_path / "clients.pem"
    list_path.write_text(trusted.path.read_text())
    registry = start_tls(clientcas=[str(list_path)])
    context = authority.client(Certificate(folder, "good", trusted), version)
    session, _ = session_of(registry, context)
    assert session_of(registry, context, session)[1]
    list_path.write_text(other.path.read_text())
    registry.signal(signal.SIGHUP)
    wait_until(lambda: RELOADED in registry.stderr(), what="it is reloaded")
    with pytest.raises((OSError, ProtocolError)):
        session_of(registry, context, session)
    newcomer = Certificate(folder, "good", other)
    assert is_served(registry, authority.client(newcomer, version))


class Load(threading.Thread):
    """Requests on a kept connection and on new ones, one after the other, until it is stopped."""

    def __init__(self, registry, authority, target):
        super().__init__()
        self.registry, self.context, self.target = registry, authority.client(), target
        self.is_stopping = threading.Event()
        self.problems = []
        self.count = 0

    def run(self):
        try:
            with self.registry.connect(tls=self.context) as kept:
                while not self.is_stopping.is_set():
                    assert kept.request("GET", self.target).status == 200
                    with self.registry.connect(tls=self.context) as fresh:
                        assert fresh.request("GET", self.target).status == 200
                    self.count += 1
        except (OSError, AssertionError) as problem:
            self.problems.append(problem)

    def finish(self):
        self.is_stopping.set()
        self.join()
        assert not self.problems
        assert self.count > 0


@renewal
def test_renewal_under_load_fails_no_request(renewable, folder, authority, repo):
    with renewable.client(tls=authority.client()) as client:
        digest = client.push_blob(repo, random_bytes(300_000, repo))
        load = [Load(renewable, authority, f"/v2/{repo}/blobs/{digest}") for _ in range(4)]
        for one in load:
            one.start()
        location = client.start_upload(repo)
        connection = Connection(renewable.address, tls=authority.client())
        connection.send_head("PATCH", location, {"Content-Length": 20})
        for index in range(4):
            next_one = Certificate(folder, "localhost", issuer=authority,
                                   kind=("rsa", "ec")[index % 2])
            next_one.install(renewable.files.path, renewable.files.key_path)
            if index < 3:
                renewable.signal(signal.SIGHUP)
            wait_for_serial(renewable, authority, next_one.serial)
            connection.send(b"12345")
        for one in load:
            one.finish()
        response = connection.read_response()
        connection.close()
    assert response.status == 202
    assert response.header("Range") == "0-19"
