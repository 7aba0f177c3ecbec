# SPDX-License-Identifier: Apache-2.0
"""HTTPS until the first request: certificates, versions, suites, clients' certificates, resumption."""
import ssl
import time

import pytest
from support.certificates import Certificate
from support.registry import Registry, wait_until
from support.tls import is_served, session_of, tls_settings

TLS_12 = ssl.TLSVersion.TLSv1_2
TLS_13 = ssl.TLSVersion.TLSv1_3

_clientauth = pytest.mark.ours("http.tls.clientauth is of upstream 3.x")


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
def test_older_versions_are_refused(tls_registry, authority):
    assert not is_served(tls_registry, old_client(authority, ssl.TLSVersion.TLSv1_1))
    wait_until(lambda: "TLS handshake error" in tls_registry.stderr(), what="the refusal is logged")
    assert is_served(tls_registry, old_client(authority, TLS_12))


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
def test_http_1_1_is_chosen(tls_registry, authority, offered, chosen):
    context = authority.client()
    context.set_alpn_protocols(offered)
    with tls_registry.connect(tls=context) as connection:
        assert connection.socket.selected_alpn_protocol() == chosen
        assert connection.request("GET", "/v2/").status == 200


def test_other_protocols_are_refused(tls_registry, authority):
    context = authority.client()
    context.set_alpn_protocols(["spdy/3"])
    assert not is_served(tls_registry, context)


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


def test_tls_is_announced(tls_registry):
    assert f"listening on 127.0.0.1:{tls_registry.port}, tls" in tls_registry.stderr()
    assert "restricting TLS version to tls1.2 or higher" in tls_registry.stderr()


@pytest.mark.ours("upstream does not look at the date")
@pytest.mark.parametrize("days, words", [
    (3, "expires soon: it is valid until"), (-1, "has expired: it was valid until"),
])
def test_end_of_validity_is_foretold(start_tls, folder, authority, days, words):
    registry = start_tls(Certificate(folder, "localhost", issuer=authority, days=days))
    assert words in registry.stderr()


# ---- handshakes that fail -----------------------------------------------------------------------


@pytest.mark.parametrize("request_line", ["GET /v2/ HTTP/1.1", "PUT / HTTP/1.1", "HEAD / HTTP/1.0"])
def test_plain_text_is_told_so(tls_registry, request_line):
    with tls_registry.connect() as connection:
        connection.send(f"{request_line}\r\nHost: x\r\n\r\n".encode())
        answer = connection.read_to_end()
    assert answer == (b"HTTP/1.0 400 Bad Request\r\n\r\n"
                      b"Client sent an HTTP request to an HTTPS server.\n")


@pytest.mark.ours("upstream resets the connection")
def test_plain_text_with_a_body_is_told_so_too(tls_registry):
    with tls_registry.connect() as connection:
        connection.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        connection.send(bytes(500_000))
        assert connection.read_to_end().endswith(b"to an HTTPS server.\n")


@pytest.mark.ours("clients have time limits", run=False)
@pytest.mark.parametrize("begin", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_slow_handshake_is_cut(start_tls, authority, begin):
    registry = start_tls(settings={"http.headertimeout": "300ms"})
    began = time.monotonic()
    with registry.connect() as connection:
        connection.send(begin)
        connection.read_to_end()
        assert time.monotonic() - began > 0.2
    wait_until(lambda: is_served(registry, authority.client()), what="others are served")


def test_client_that_does_not_trust_us_is_logged(tls_registry, authority, folder):
    stranger = Certificate(folder, "stranger", is_authority=True)
    with pytest.raises(ssl.SSLCertVerificationError):
        tls_registry.connect(tls=stranger.client())
    wait_until(lambda: "http: TLS handshake error from 127.0.0.1:" in tls_registry.stderr(),
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


@pytest.mark.parametrize("version", [TLS_12, TLS_13])
def test_session_is_resumed(tls_registry, authority, version):
    context = authority.client(version=version)
    session, was_reused = session_of(tls_registry, context)
    assert not was_reused
    assert session_of(tls_registry, context, session)[1]


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
