# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates and tokens, made with the openssl program.

    key = Key(folder, "P-256")
    token = mint(key, claims("a/b", "pull"))

For tests of what believes tokens, so everything can be made wrong: any header, any claims, any
signature.
"""
import base64
import hashlib
import hmac
import itertools
import json
import pathlib
import subprocess
import time

OPENSSL = "/usr/bin/openssl"
ISSUER = "test-issuer"
SERVICE = "registry.test"

_KINDS = {  # arguments of genpkey; the algorithm that such a key signs with by default
    "RSA": (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RS256"),
    "RSA-1024": (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RS256"),
    "P-256": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ES256"),
    "P-384": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "ES384"),
    "P-521": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ES512"),
    "Ed25519": (["-algorithm", "ED25519"], "EdDSA"),
}
_SIZES = {"P-256": 32, "P-384": 48, "P-521": 66}
_counter = itertools.count(1)


def openssl(*arguments, data=b""):
    done = subprocess.run([OPENSSL, *map(str, arguments)], input=data, capture_output=True)
    assert done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _der_integers(der):
    """The two numbers of an ECDSA signature."""
    at = 3 if der[1] & 0x80 else 2
    numbers = []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big"))
        at += 2 + length
    return numbers


class Key:
    """A private key in a file of @folder."""

    def __init__(self, folder, kind="P-256"):
        self.kind = kind
        self.algorithm = _KINDS[kind][1]
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"key{next(_counter)}.pem"
        self.path.write_bytes(openssl("genpkey", *_KINDS[kind][0]))
        self.spki = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")

    # ---- what it is called ----------------------------------------------------------------------

    @property
    def libtrust_id(self):
        text = base64.b32encode(hashlib.sha256(self.spki).digest()[:30]).decode()
        return ":".join(text[i : i + 4] for i in range(0, 48, 4))

    @property
    def jwk(self):
        """The public key, with the required members only."""
        if self.kind.startswith("RSA"):
            text = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode()
            modulus = bytes.fromhex(text.strip().partition("=")[2])
            return {"kty": "RSA", "n": b64url(modulus), "e": "AQAB"}
        if self.kind == "Ed25519":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64url(self.spki[-32:])}
        size = _SIZES[self.kind]
        return {"kty": "EC", "crv": self.kind, "x": b64url(self.spki[-2 * size : -size]),
                "y": b64url(self.spki[-size:])}

    @property
    def thumbprint(self):
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return b64url(hashlib.sha256(text.encode()).digest())

    # ---- signing --------------------------------------------------------------------------------

    def sign(self, data, algorithm=None, raw=True):
        """@raw: the two numbers of ECDSA as tokens have them, not as DER."""
        algorithm = algorithm or self.algorithm
        if algorithm == "EdDSA":
            message = self.path.with_suffix(f".message{next(_counter)}")
            message.write_bytes(data)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", message)
        options = ["-sha" + algorithm[2:], "-sign", self.path]
        if algorithm.startswith("PS"):
            options += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
        signature = openssl("dgst", *options, data=data)
        if not raw or not algorithm.startswith("ES"):
            return signature
        size = _SIZES[self.kind]
        return b"".join(number.to_bytes(size, "big") for number in _der_integers(signature))


class Certificate:
    """For a key, signed by another certificate's or its own."""

    def __init__(self, key, subject="test", issuer=None, is_authority=True):
        self.key = key
        self.path = key.path.with_suffix(f".{next(_counter)}.crt")
        extensions = self.path.with_suffix(".ext")
        extensions.write_text(f"basicConstraints=critical,CA:{str(is_authority).upper()}\n")
        request = openssl("req", "-new", "-key", key.path, "-subj", f"/CN={subject}")
        signer = ["-signkey", key.path]
        if issuer:
            signer = ["-CA", issuer.path, "-CAkey", issuer.key.path, "-set_serial", next(_counter)]
        openssl("x509", "-req", "-days", 30, "-extfile", extensions, *signer, "-out", self.path,
                data=request)

    @property
    def pem(self):
        return self.path.read_text()

    @property
    def x5c(self):
        """An element of the list of that name."""
        return "".join(self.pem.strip().split("\n")[1:-1])


def bundle(path, *certificates):
    """Writes a rootcertbundle, in one step."""
    next_one = path.with_suffix(".next")
    next_one.write_text("".join(certificate.pem for certificate in certificates))
    next_one.rename(path)
    return path


def jwks(path, *keys):
    """Writes a JWKS of Keys, or of ready JWKs, in one step."""
    entries = [key if isinstance(key, dict) else key.jwk | {"kid": key.thumbprint, "use": "sig"}
               for key in keys]
    next_one = path.with_suffix(".next")
    next_one.write_text(json.dumps({"keys": entries}))
    next_one.rename(path)
    return path


# ---- tokens -------------------------------------------------------------------------------------

DROP = object()


def access(name, *actions, kind="repository"):
    return {"type": kind, "class": "", "name": name, "actions": list(actions)}


def claims(*entries, lifetime=300, **changes):
    """Good claims with these entries of `access`; a change to DROP leaves the member out."""
    now = int(time.time())
    result = {"iss": ISSUER, "sub": "alice", "aud": SERVICE, "exp": now + lifetime,
              "nbf": now - 10, "iat": now, "jti": f"id-{next(_counter)}", "access": list(entries)}
    result.update(changes)
    return {name: value for name, value in result.items() if value is not DROP}


def mint(key, payload, header=None, algorithm=None, signature=None):
    """
    A token. @header replaces and adds members, kid=DROP leaves that out; @payload is a dict, or JSON
    text; @algorithm is how it is really signed; @signature(data) makes another signature.
    """
    members = {"typ": "JWT", "alg": algorithm or key.algorithm, "kid": key.libtrust_id}
    if isinstance(header, str):
        head = header
    else:
        members.update(header or {})
        head = json.dumps({name: value for name, value in members.items() if value is not DROP})
    text = payload if isinstance(payload, str) else json.dumps(payload)
    data = f"{b64url(head.encode())}.{b64url(text.encode())}"
    made = signature(data.encode()) if signature else key.sign(data.encode(), algorithm)
    return f"{data}.{made if isinstance(made, str) else b64url(made)}"


def hmac_signature(secret):
    """For tokens that pretend a public key is a shared secret."""
    return lambda data: hmac.new(secret, data, "sha256").digest()
