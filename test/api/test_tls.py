# SPDX-License-Identifier: Apache-2.0
"""HTTPS: certificates, versions, suites, clients' certificates, and renewal."""
import signal
import socket
import ssl
import threading
import time

import pytest
from support.certificates import Certificate
from support.client import OCTETS, Connection, ProtocolError, head, with_query
from support.content import digest_of, random_bytes
from support.registry import Registry, wait_until

TLS_12 = ssl.TLSVersion.TLSv1_2
TLS_13 = ssl.TLSVersion.TLSv1_3
MIB = 1 << 20

_clientauth = pytest.mark.ours("http.tls.clientauth is of upstream 3.x")


@pytest.fixture(scope="module")
def certificate(folder, authority):
    return Certificate(folder, "localhost", issuer=authority)


def tls_settings(pair, **more):
    return {
        "http.tls.certificate": str(pair.path),
        "http.tls.key": str(pair.key_path),
    } | {f"http.tls.{key}": value for key, value in more.items()}


@pytest.fixture
def start_tls(start_registry, certificate):
    """Starts a registry with the module's certificate, or another; keywords go to http.tls."""

    def start(certificate=certificate, settings=None, **more):
        return start_registry(settings=tls_settings(certificate, **more) | (settings or {}))

    return start


@pytest.fixture(scope="module")
def shared(tmp_path_factory, certificate):
    registry = Registry(tmp_path_factory.mktemp("tls"), settings=tls_settings(certificate))
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
def client(shared, authority):
    with shared.client(tls=authority.client()) as client:
        yield client
    assert shared.is_running()


def is_served(registry, context):
    """Whether a request through @context gets its answer."""
    try:
        with registry.connect(tls=context) as connection:
            return connection.request("GET", "/v2/").status == 200
    except (OSError, ProtocolError):
        return False


def serial_of(registry, context):
    """The serial number of the certificate that new connections get."""
    with registry.connect(tls=context) as connection:
        return int(connection.socket.getpeercert()["serialNumber"], 16)


# ---- versions, keys, suites ---------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
@pytest.mark.parametrize("kind", ["rsa", "ec", "ec384", "ec521", "ed25519"])
def test_every_kind_of_key_serves_both_versions(start_tls, folder, authority, kind, version):
    registry = start_tls(Certificate(folder, "localhost", issuer=authority, kind=kind))
    with registry.connect(tls=authority.client(version=version)) as connection:
        assert connection.request("GET", "/v2/").status == 200
        assert connection.socket.version() == version.name.replace("_", ".")
        assert "GCM" in connection.socket.cipher()[0]


def test_chain_is_sent(start_tls, folder, authority):
    middle = Certificate(folder, "middle", issuer=authority, is_authority=True)
    leaf = Certificate(folder, "localhost", issuer=middle)
    settings = {"http.tls.certificate": str(leaf.with_chain(middle))}
    assert is_served(start_tls(leaf, settings), authority.client())


def test_certificate_and_key_may_share_a_file(start_tls, certificate, authority, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text(certificate.key_path.read_text() + certificate.path.read_text())
    settings = {"http.tls.certificate": str(both), "http.tls.key": str(both)}
    assert is_served(start_tls(settings=settings), authority.client())


def old_client(authority, version):
    context = authority.client(suites="ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_are_refused(shared, authority):
    assert not is_served(shared, old_client(authority, ssl.TLSVersion.TLSv1_1))
    wait_until(lambda: "TLS handshake error" in shared.stderr(), what="the refusal is logged")
    assert is_served(shared, old_client(authority, TLS_12))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_minimum_may_be_lowered(start_tls, folder, authority):
    registry = start_tls(
        Certificate(folder, "localhost", issuer=authority, kind="rsa"), minimumtls="tls1.0",
        ciphersuites=["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"],
    )
    assert is_served(registry, old_client(authority, ssl.TLSVersion.TLSv1))
    assert is_served(registry, old_client(authority, ssl.TLSVersion.TLSv1_1))
    assert "restricting TLS version to tls1.0 or higher" in registry.stderr()


def test_minimum_may_be_raised(start_tls, authority):
    registry = start_tls(minimumtls="tls1.3")
    assert not is_served(registry, authority.client(version=TLS_12))
    assert is_served(registry, authority.client(version=TLS_13))


def test_suites_are_restricted(start_tls, authority):
    registry = start_tls(ciphersuites=["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"])
    assert ("restricting TLS cipher suites to: TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
            in registry.stderr())
    with registry.connect(tls=authority.client(version=TLS_12)) as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    other = authority.client(version=TLS_12, suites="ECDHE-ECDSA-AES128-GCM-SHA256")
    assert not is_served(registry, other)
    assert is_served(registry, authority.client(version=TLS_13))


@pytest.mark.ours("upstream's names for TLS 1.3 restrict nothing")
def test_suites_of_tls_1_3_are_restricted(start_tls, authority):
    registry = start_tls(ciphersuites=["TLS_CHACHA20_POLY1305_SHA256"])
    with registry.connect(tls=authority.client()) as connection:
        assert connection.socket.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"
    assert not is_served(registry, authority.client(version=TLS_12))


@pytest.mark.ours("OpenSSL lacks what nobody should use")
def test_suite_that_is_not_there_is_named(start_tls, authority):
    registry = start_tls(ciphersuites=[
        "TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ])
    assert "cipher suite TLS_RSA_WITH_RC4_128_SHA is not available" in registry.stderr()
    assert is_served(registry, authority.client(version=TLS_12))


@pytest.mark.parametrize("offered, chosen", [
    (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"),
])
@pytest.mark.ours("upstream also speaks HTTP/2")
def test_http_1_1_is_chosen(shared, authority, offered, chosen):
    context = authority.client()
    context.set_alpn_protocols(offered)
    with shared.connect(tls=context) as connection:
        assert connection.socket.selected_alpn_protocol() == chosen
        assert connection.request("GET", "/v2/").status == 200


def test_other_protocols_are_refused(shared, authority):
    context = authority.client()
    context.set_alpn_protocols(["spdy/3"])
    assert not is_served(shared, context)


# ---- starting -----------------------------------------------------------------------------------


def assert_does_not_start(tmp_path, settings, *words):
    registry = Registry(tmp_path / "registry", settings=settings)
    with pytest.raises(AssertionError) as problem:
        registry.start()
    for word in words:
        assert str(word) in str(problem.value)


def test_key_of_another_certificate_is_an_error(tmp_path, folder, certificate):
    other = Certificate(folder, "other", kind="rsa")
    settings = tls_settings(certificate) | {"http.tls.key": str(other.key_path)}
    assert_does_not_start(tmp_path, settings)


@pytest.mark.ours("upstream does not name the files")
def test_files_that_do_not_fit_are_named(tmp_path, folder, certificate):
    other = Certificate(folder, "other")
    settings = tls_settings(certificate) | {"http.tls.key": str(other.key_path)}
    assert_does_not_start(tmp_path, settings, certificate.path, other.key_path)


@pytest.mark.parametrize("key", ["certificate", "key", "clientcas"])
def test_file_that_is_not_there_is_named(tmp_path, certificate, key):
    value = "/nonexistent/file.pem"
    settings = tls_settings(certificate, **{key: [value] if key == "clientcas" else value})
    assert_does_not_start(tmp_path, settings, "open /nonexistent/file.pem: no such file or directory")


@pytest.mark.ours("upstream does not name the file")
@pytest.mark.parametrize("key", ["certificate", "key", "clientcas"])
def test_file_with_something_else_is_named(tmp_path, certificate, key):
    junk = tmp_path / "junk.pem"
    junk.write_text("something else\n")
    value = str(junk)
    settings = tls_settings(certificate, **{key: [value] if key == "clientcas" else value})
    assert_does_not_start(tmp_path, settings, junk)


def test_sealed_key_is_an_error_and_nobody_is_asked(tmp_path, folder):
    sealed = Certificate(folder, "sealed", passphrase="secret")
    assert_does_not_start(tmp_path, tls_settings(sealed))


def test_unknown_suite_is_an_error(tmp_path, certificate):
    settings = tls_settings(certificate, ciphersuites=["TLS_AES_128_GCM_SHA256", "NOPE"])
    message = "unknown TLS cipher suite 'NOPE' specified for http.tls.cipherSuites"
    assert_does_not_start(tmp_path, settings, message)


@pytest.mark.parametrize(
    "key, value",
    [("minimumtls", "TLS1.2"), pytest.param("clientauth", "maybe", marks=_clientauth)],
)
def test_other_unknown_names_are_errors(tmp_path, certificate, key, value):
    settings = tls_settings(certificate, clientcas=[str(certificate.path)]) | {
        f"http.tls.{key}": value
    }
    assert_does_not_start(tmp_path, settings, value, f"http.tls.{key}")


def test_clientcas_without_certificates_are_an_error(tmp_path, certificate):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    settings = tls_settings(certificate, clientcas=[str(empty)])
    assert_does_not_start(tmp_path, settings, "could not add CA to pool")


def test_tls_is_announced(shared):
    assert f"listening on 127.0.0.1:{shared.port}, tls" in shared.stderr()
    assert "restricting TLS version to tls1.2 or higher" in shared.stderr()


@pytest.mark.ours("upstream does not look at the date")
@pytest.mark.parametrize("days, words", [
    (3, "expires soon: it is valid until"), (-1, "has expired: it was valid until"),
])
def test_end_of_validity_is_foretold(start_tls, folder, authority, days, words):
    registry = start_tls(Certificate(folder, "localhost", issuer=authority, days=days))
    assert words in registry.stderr()


# ---- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_blob_goes_and_comes_back(shared, authority, repo, version):
    data = random_bytes(20 * MIB + 12345, repo + version.name)
    with shared.client(tls=authority.client(version=version)) as client:
        digest = client.push_blob(repo, data)
        assert client.pull_blob(repo, digest) == data
        part = client.get(f"/v2/{repo}/blobs/{digest}", {"Range": "bytes=70000-9000000"})
    assert part.status == 206
    assert part.body == data[70000:9000001]


def test_chunked_pieces_of_every_size(client, repo):
    chunks = [random_bytes(size, size) for size in (1, 2, 16383, 16384, 16385, 65536, 300_001)]
    location = client.start_upload(repo)
    response = client.patch(location, {"Content-Type": OCTETS}, chunks=chunks)
    assert response.status == 202
    data = b"".join(chunks)
    client.commit(response.location, digest_of(data))
    assert client.pull_blob(repo, digest_of(data)) == data


def test_locations_say_https(shared, client, repo):
    response = client.post(f"/v2/{repo}/blobs/uploads/")
    assert response.header("Location").startswith(f"https://127.0.0.1:{shared.port}/v2/")


def test_bytes_that_come_one_by_one(shared, authority):
    with shared.connect(tls=authority.client()) as connection:
        for byte in head("GET", "/v2/", {"Host": "x"}):
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200


def test_pipelined_requests_in_one_record(shared, client, authority, repo):
    """OpenSSL holds all of them while the socket is quiet."""
    data = random_bytes(50_000, repo)
    digest = client.push_blob(repo, data)
    request = head("GET", f"/v2/{repo}/blobs/{digest}", {"Host": "x"})
    with shared.connect(tls=authority.client()) as connection:
        connection.send(request * 40)
        for _ in range(40):
            assert connection.read_response().body == data


@pytest.mark.parametrize("after", [b"", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_body_in_the_record_of_its_head(shared, client, authority, repo, after):
    location = client.start_upload(repo)
    with shared.connect(tls=authority.client()) as connection:
        connection.send(head("PATCH", location, {"Host": "x", "Content-Length": 5}) + b"12345"
                        + after)
        assert connection.read_response().header("Range") == "0-4"
        if after:
            assert connection.read_response().status == 200


def test_100_continue(shared, client, authority, repo):
    location = client.start_upload(repo)
    with shared.connect(tls=authority.client()) as connection:
        connection.send_head("PATCH", location, {"Expect": "100-continue", "Content-Length": 5})
        assert connection.read_head().status == 100
        connection.send(b"12345")
        assert connection.read_response().status == 202


@pytest.mark.ours("the connection lingers")
def test_reply_to_a_body_nobody_wants_arrives(shared, authority):
    with shared.connect(tls=authority.client()) as connection:
        connection.send_head("PUT", "/nowhere", {"Content-Length": 100 * MIB})
        connection.send(bytes(MIB))
        assert connection.read_response().status == 404


class Session:
    """A TLS client whose steps can be taken one by one."""

    def __init__(self, address, context):
        self.raw = socket.create_connection(address, timeout=20)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coming, self.going, server_hostname="localhost")
        self.call(self.tls.do_handshake)

    def flush(self):
        if self.going.pending:
            self.raw.sendall(self.going.read())

    def call(self, function, *arguments):
        while True:
            try:
                result = function(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.raw.recv(65536)
                if data:
                    self.coming.write(data)
                else:
                    self.coming.write_eof()

    def say_goodbye(self):
        """Sends close_notify and goes on reading."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()


def test_half_closed_socket_gets_its_answer(shared, authority):
    session = Session(shared.address, authority.client())
    session.call(session.tls.write, head("GET", "/v2/", {"Host": "x"}))
    session.raw.shutdown(socket.SHUT_WR)
    assert b"200 OK" in session.call(session.tls.read, 1000)


def test_close_notify_before_the_answer(shared, authority):
    session = Session(shared.address, authority.client())
    session.call(session.tls.write, head("GET", "/v2/", {"Host": "x"}))
    session.say_goodbye()
    assert b"200 OK" in session.call(session.tls.read, 1000)


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_end_of_the_stream_is_said(shared, authority, version):
    """A client can tell the end from a cut."""
    with socket.create_connection(shared.address, timeout=20) as raw:
        context = authority.client(version=version)
        tls = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        tls.sendall(head("GET", "/v2/", {"Host": "x", "Connection": "close"}))
        while tls.recv(1000):
            pass


@pytest.mark.ours("clients have time limits")
def test_idle_connection_is_closed_with_a_word(start_tls, authority):
    registry = start_tls(settings={"http.idletimeout": "300ms"})
    with socket.create_connection(registry.address, timeout=20) as raw:
        tls = authority.client().wrap_socket(
            raw, server_hostname="localhost", suppress_ragged_eofs=False
        )
        assert tls.recv(1000) == b""


# ---- handshakes that fail -----------------------------------------------------------------------


@pytest.mark.parametrize("request_line", ["GET /v2/ HTTP/1.1", "PUT / HTTP/1.1", "HEAD / HTTP/1.0"])
def test_plain_text_is_told_so(shared, request_line):
    with shared.connect() as connection:
        connection.send(f"{request_line}\r\nHost: x\r\n\r\n".encode())
        answer = connection.read_to_end()
    assert answer == (b"HTTP/1.0 400 Bad Request\r\n\r\n"
                      b"Client sent an HTTP request to an HTTPS server.\n")


@pytest.mark.ours("upstream resets the connection")
def test_plain_text_with_a_body_is_told_so_too(shared):
    with shared.connect() as connection:
        connection.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        connection.send(bytes(500_000))
        assert connection.read_to_end().endswith(b"to an HTTPS server.\n")


@pytest.mark.ours("clients have time limits", run=False)
@pytest.mark.parametrize("begin", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_slow_handshake_is_cut(start_tls, authority, begin):
    registry = start_tls(settings={"http.headertimeout": "300ms"})
    with registry.connect() as connection:
        began = time.monotonic()
        connection.send(begin)
        connection.read_to_end()
        assert 0.2 < time.monotonic() - began < 10
    assert is_served(registry, authority.client())


def test_client_that_does_not_trust_us_is_logged(shared, authority, folder):
    stranger = Certificate(folder, "stranger", is_authority=True)
    with pytest.raises(ssl.SSLCertVerificationError):
        shared.connect(tls=stranger.client())
    wait_until(lambda: "http: TLS handshake error from 127.0.0.1:" in shared.stderr(),
               what="it is logged")


@pytest.mark.ours("upstream logs each of them")
def test_flood_of_bad_handshakes_does_not_flood_the_log(start_tls, authority):
    registry = start_tls()
    for _ in range(300):
        with registry.connect() as connection:
            connection.send(b"\x00 nonsense \x00")
            connection.read_to_end()
    assert is_served(registry, authority.client())
    assert registry.stderr().count("TLS handshake error") < 60


# ---- resumption ---------------------------------------------------------------------------------


def session_of(registry, context, session=None):
    """Makes a request and returns (the session to resume, whether one was resumed)."""
    with registry.connect() as connection:
        connection.socket = context.wrap_socket(
            connection.socket, server_hostname="localhost", session=session
        )
        assert connection.request("GET", "/v2/").status == 200
        return connection.socket.session, connection.socket.session_reused


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_session_is_resumed(shared, authority, version):
    context = authority.client(version=version)
    session, was_reused = session_of(shared, context)
    assert not was_reused
    assert session_of(shared, context, session)[1]


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_session_is_resumed_with_a_client_certificate(start_tls, authority, folder, version):
    registry = start_tls(clientcas=[str(authority.path)])
    own = Certificate(folder, "client", issuer=authority)
    context = authority.client(own, version=version)
    session, _ = session_of(registry, context)
    assert session_of(registry, context, session)[1]


# ---- certificates of clients --------------------------------------------------------------------

MODES = {
    # mode: whether a client gets in with none, a good and a foreign certificate
    None: (False, True, False),
    "require-and-verify-client-cert": (False, True, False),
    "verify-client-cert-if-given": (True, True, False),
    "require-any-client-cert": (False, True, True),
    "request-client-cert": (True, True, True),
}


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
@pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=[_clientauth] if mode else []) for mode in MODES]
)
def test_clients_get_in_by_their_certificate(start_tls, folder, authority, mode, version):
    trusted = Certificate(folder, "clients", is_authority=True)
    foreign = Certificate(folder, "foreigners", is_authority=True)
    more = {"clientauth": mode} if mode else {}
    registry = start_tls(clientcas=[str(trusted.path)], **more)
    shown = [None, Certificate(folder, "good", trusted), Certificate(folder, "bad", foreign)]
    answers = tuple(is_served(registry, authority.client(one, version)) for one in shown)
    assert answers == MODES[mode]
    if not all(answers):
        assert "TLS handshake error" in registry.stderr()


def test_several_authorities_and_files(start_tls, folder, authority):
    trusted = [Certificate(folder, f"clients{i}", is_authority=True) for i in range(3)]
    registry = start_tls(
        clientcas=[str(trusted[0].with_chain(trusted[1])), str(trusted[2].path)]
    )
    for one in trusted:
        assert is_served(registry, authority.client(Certificate(folder, "good", one)))
    assert not is_served(registry, authority.client())


def test_authority_that_another_has_signed_is_trusted_by_itself(start_tls, folder, authority):
    root = Certificate(folder, "root", is_authority=True)
    middle = Certificate(folder, "middle", issuer=root, is_authority=True)
    registry = start_tls(clientcas=[str(middle.path)])
    assert is_served(registry, authority.client(Certificate(folder, "good", middle)))
    assert not is_served(registry, authority.client(Certificate(folder, "bad", root)))


# ---- renewal ------------------------------------------------------------------------------------

RELOADED = "reloaded the TLS certificate, valid until "
renewal = pytest.mark.ours("upstream wants a restart", run=False)


@pytest.fixture
def renewable(start_tls, folder, authority, tmp_path):
    """A registry whose certificate is in files of its own: (registry, function that renews)."""

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


# ---- the end ------------------------------------------------------------------------------------


@pytest.mark.ours("upstream cuts requests that run")
def test_stop_waits_for_a_push_through_tls(start_tls, authority, repo):
    registry = start_tls(settings={"http.draintimeout": "20s"})
    with registry.client(tls=authority.client()) as client:
        location = client.start_upload(repo)
        waiting = registry.connect()  # in the middle of nothing: it is closed at once
        with registry.connect(tls=authority.client()) as connection:
            target = with_query(location, digest=digest_of(b"0123456789"))
            connection.send_head("PUT", target, {"Content-Length": 10, "Content-Type": OCTETS})
            connection.send(b"01234")
            registry.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in registry.stderr(), what="it is stopping")
            assert waiting.is_closed_by_server()
            connection.send(b"56789")
            response = connection.read_response()
            assert response.status == 201
            assert response.closes
        waiting.close()
    assert registry.wait() == 0
