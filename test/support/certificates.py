# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with the openssl program.

    authority = Certificate(folder, "authority", is_authority=True)
    server = Certificate(folder, "localhost", issuer=authority)
    server.path, server.key_path
"""
import itertools
import shutil
import ssl
import subprocess

OPENSSL = "/usr/bin/openssl"
_serials = itertools.count(1000)
_KINDS = {
    "ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ec384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ec521": ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa4096": ["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    "ed25519": ["ED25519"],
}


def _openssl(*arguments, data=b""):
    done = subprocess.run(
        [OPENSSL, *map(str, arguments)], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr.decode()}"
    return done.stdout


class Certificate:
    """A key and its certificate; signed by @issuer or by itself, for localhost, 127.0.0.1 and @hosts; with
    @names only for those. @days is negative for one that has expired."""

    def __init__(self, folder, name, issuer=None, kind="ec", is_authority=False, days=30,
                 passphrase=None, hosts=(), names=None):
        self.serial = next(_serials)
        self.path = folder / f"{name}-{self.serial}.crt"
        self.key_path = folder / f"{name}-{self.serial}.key"
        key = _openssl("genpkey", "-algorithm", *_KINDS[kind])
        self.key_path.write_bytes(key)
        names = names or ["DNS:localhost", "IP:127.0.0.1", *(f"DNS:{host}" for host in hosts)]
        extensions = folder / f"{name}-{self.serial}.ext"
        extensions.write_text(
            f"basicConstraints=critical,CA:{str(is_authority).upper()}\n"
            f"subjectAltName={','.join(names)}\n"
        )
        request = _openssl("req", "-new", "-key", self.key_path, "-subj", f"/CN={name}")
        signer = ["-signkey", self.key_path]
        if issuer:
            signer = ["-CA", issuer.path, "-CAkey", issuer.key_path]
        _openssl(
            "x509", "-req", "-days", days, "-set_serial", self.serial, "-extfile", extensions,
            *signer, "-out", self.path, data=request,
        )
        if passphrase:
            _openssl("pkey", "-aes256", "-passout", f"pass:{passphrase}", "-in", self.key_path,
                     "-out", self.key_path.with_suffix(".sealed"))
            self.key_path = self.key_path.with_suffix(".sealed")

    def with_chain(self, *others):
        """The path of a file with this certificate and those behind it."""
        path = self.path.with_suffix(".chain")
        path.write_text("".join(one.path.read_text() for one in (self, *others)))
        return path

    def install(self, certificate_path, key_path):
        """Replaces both files, one after the other, each in one step."""
        for source, target in ((self.path, certificate_path), (self.key_path, key_path)):
            next_one = target.with_suffix(".next")
            shutil.copy(source, next_one)
            next_one.rename(target)

    def server(self):
        """A context of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key_path)
        return context

    def client(self, certificate=None, version=None, suites=None):
        """A context of a client that trusts this authority and shows @certificate."""
        context = ssl.create_default_context(cafile=self.path)
        if certificate:
            context.load_cert_chain(certificate.path, certificate.key_path)
        if version:
            context.minimum_version = version
            context.maximum_version = version
        if suites:
            context.set_ciphers(suites)
        return context
