# SPDX-License-Identifier: Apache-2.0
"""Tokens of every form, good and bad, and whether each is taken: here, and by upstream.

All of them would grant pull on a/b. `VECTOR` is one that was signed once and for all.
"""
import base64
import dataclasses
import json
import pathlib
import time
import typing

from support.jose import (
    DROP,
    Certificate,
    Key,
    access,
    b64url,
    bundle,
    claims,
    hmac_signature,
    mint,
)

# The private scalar is 1234567890abcdef, four times: for tests only, never to be trusted.
VECTOR_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBLzCB1qADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC3Rlc3QtaXNz
dWVyMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkwMTAxMDAwMDAwWjAWMRQwEgYDVQQD
DAt0ZXN0LWlzc3VlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEccPnWMSQQo
W7p+UxGO0PUkresHV9Jb0vjnsNdt+nFM3VIPesqKi5F6zDf1HejwybvjrYWDgucC
3CWhLQn3qFijEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh
ALWXRrJ2hQbhfW7Riwbqhddlhnd5dlTNN3//mE+Y7fDPAiABBKvZ6v7UzjP1nHrS
YyLooJ3oKWotVBMJxm6+X7Wh1A==
-----END CERTIFICATE-----
"""
VECTOR_LIBTRUST_ID = "YTMR:CQZD:BUZQ:PAEQ:5WE4:EBY6:XCT3:4KS2:H4RY:ZPNK:F6FS:PH2K"
VECTOR_THUMBPRINT = "D8HvZq-fumkXpCwYIpjAPoqJx7WoEcJUS7tPPyIEJKI"
VECTOR = (
    "eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJFUzI1NiIsICJraWQiOiAiWVRNUjpDUVpEOkJVWlE6UEFFUTo1V0U0"
    "OkVCWTY6WENUMzo0S1MyOkg0Ulk6WlBOSzpGNkZTOlBIMksifQ.eyJpc3MiOiAidGVzdC1pc3N1ZXIiLCAic"
    "3ViIjogImFsaWNlIiwgImF1ZCI6ICJyZWdpc3RyeS50ZXN0IiwgImV4cCI6IDQwMDAwMDAwMDAsICJuYmYiO"
    "iAxNjAwMDAwMDAwLCAiaWF0IjogMTYwMDAwMDAwMCwgImp0aSI6ICJpZC0xIiwgImFjY2VzcyI6IFt7InR5c"
    "GUiOiAicmVwb3NpdG9yeSIsICJuYW1lIjogImxpYnJhcnkvYnVzeWJveCIsICJhY3Rpb25zIjogWyJwdWxsI"
    "l19XX0.tTyduvpHepc44z3dxDgkgAvyOW90GbpbhHmrjXst86XwDoUvwuWIdxwpkFpsiGd-K97hQLNsgO5xJ"
    "QYDUuBpVA"
)


class Keys:
    """The operator's keys and those of others."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.ec = Key(folder)
        self.p384 = Key(folder, "P-384")
        self.p521 = Key(folder, "P-521")
        self.rsa = Key(folder, "RSA")
        self.stranger = Key(folder)
        self.leaf = Key(folder)
        self.middle = Key(folder)
        self.root = Certificate(self.ec, "root")
        self.intermediate = Certificate(self.middle, "middle", self.root)
        self.below = Certificate(self.leaf, "leaf", self.intermediate, is_authority=False)
        self.direct = Certificate(self.leaf, "leaf", self.root, is_authority=False)
        self.own = Certificate(self.stranger, "root")
        self.end = Certificate(self.stranger, "end", self.root, is_authority=False)
        self.below_end = Certificate(self.leaf, "leaf", self.end, is_authority=False)
        others = [Certificate(key, key.kind) for key in (self.rsa, self.p384, self.p521)]
        self.bundle = bundle(folder / "bundle.pem", self.root, *others)


@dataclasses.dataclass
class Form:
    name: str
    make: typing.Callable
    is_taken: bool
    is_taken_upstream: bool
    why: str = ""  # where the two differ


def good(**changes):
    return claims(access("a/b", "pull"), **changes)


def now():
    return int(time.time())


def _cut(token, count):
    return token[:-count]


def _recoded(token):
    """The signature in the other alphabet of base64, which is not the same text."""
    head, _, signature = token.rpartition(".")
    return head + "." + signature.replace("-", "+").replace("_", "/")


def _with_signs(make):
    """Some token whose signature has a character that the alphabets do not share."""
    for _ in range(100):
        token = make()
        if set("-_") & set(token.rpartition(".")[2]):
            return token
    raise AssertionError("signatures without - and _")


def _tampered(token):
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _other_claims(token):
    head, _, signature = token.split(".")
    return f"{head}.{b64url(json.dumps(good(sub='eve')).encode())}.{signature}"


def _x5c(*certificates):
    return {"kid": DROP, "x5c": [certificate.x5c for certificate in certificates]}


def _pem_of(key):
    lines = base64.encodebytes(key.spki).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{lines}-----END PUBLIC KEY-----\n".encode()


def _signed_again(key, data_size):
    """A signature of ECDSA, longer or shorter by some bytes."""
    def make(data):
        signature = key.sign(data)
        return signature[:data_size] if data_size < 64 else signature + bytes(data_size - 64)
    return make


FORMS = []


def taken(name, make, upstream=True, why=""):
    FORMS.append(Form(name, make, True, upstream, why))


def refused(name, make, upstream=False, why=""):
    FORMS.append(Form(name, make, False, upstream, why))


THREE = "3.x takes it"

taken("kid of an EC key", lambda k: mint(k.ec, good()))
taken("kid of an RSA key", lambda k: mint(k.rsa, good()))
taken("RS384", lambda k: mint(k.rsa, good(), algorithm="RS384"))
taken("RS512", lambda k: mint(k.rsa, good(), algorithm="RS512"))
taken("ES384", lambda k: mint(k.p384, good()))
taken("ES512", lambda k: mint(k.p521, good()))
taken("thumbprint", lambda k: mint(k.ec, good(), {"kid": k.ec.thumbprint}), False, THREE)
taken("PS256", lambda k: mint(k.rsa, good(), algorithm="PS256"), False, THREE)
taken("x5c root", lambda k: mint(k.ec, good(), _x5c(k.root)))
taken("x5c leaf", lambda k: mint(k.leaf, good(), _x5c(k.direct)))
taken("x5c leaf, intermediate", lambda k: mint(k.leaf, good(), _x5c(k.below, k.intermediate)))
taken("jwk", lambda k: mint(k.ec, good(), {"kid": DROP, "jwk": k.ec.jwk}))
taken("jwk RSA", lambda k: mint(k.rsa, good(), {"kid": DROP, "jwk": k.rsa.jwk}))
taken("jwk with kid",
      lambda k: mint(k.ec, good(), {"kid": DROP, "jwk": k.ec.jwk | {"kid": k.ec.libtrust_id}}))
taken("jwk with x5c",
      lambda k: mint(k.leaf, good(), {"kid": DROP, "jwk": k.leaf.jwk | {"x5c": [k.direct.x5c]}}))
taken("expired 30 s ago", lambda k: mint(k.ec, good(exp=now() - 30)))
taken("good in 30 s", lambda k: mint(k.ec, good(nbf=now() + 30)))
taken("without nbf", lambda k: mint(k.ec, good(nbf=DROP, iat=DROP, jti=DROP)))
taken("null members", lambda k: mint(k.ec, good(nbf=None, iat=None), {"x5c": None, "jwk": None}))
taken("action *", lambda k: mint(k.ec, claims(access("a/b", "*"))))
taken("padded signature", lambda k: mint(k.ec, good()) + "==")
taken("half padded signature", lambda k: mint(k.ec, good()) + "=")
taken("no typ", lambda k: mint(k.ec, good(), {"typ": DROP}))
taken("unknown members", lambda k: mint(k.ec, good(more={"a": [1.5]}), {"more": [1e9]}))
taken("aud list", lambda k: mint(k.ec, good(aud=["x", "registry.test"])), False, THREE)

refused("wrong issuer", lambda k: mint(k.ec, good(iss="other")))
refused("no issuer", lambda k: mint(k.ec, good(iss=DROP)))
refused("wrong audience", lambda k: mint(k.ec, good(aud="other")))
refused("aud list of others", lambda k: mint(k.ec, good(aud=["x", "y"])))
refused("aud a number", lambda k: mint(k.ec, good(aud=1)))
refused("exp a float", lambda k: mint(k.ec, good(exp=now() + 300.5)))
refused("exp with exponent", lambda k: mint(k.ec, json.dumps(good(exp=0)).replace('"exp": 0', '"exp": 9e9')))
refused("exp a text", lambda k: mint(k.ec, good(exp=str(now() + 300))))
refused("no exp", lambda k: mint(k.ec, good(exp=DROP)))
refused("expired", lambda k: mint(k.ec, good(exp=now() - 62)))
refused("not yet good", lambda k: mint(k.ec, good(nbf=now() + 70)))
refused("sub a list", lambda k: mint(k.ec, good(sub=["alice"])))
refused("access an object", lambda k: mint(k.ec, good(access={})))
refused("actions a text", lambda k: mint(k.ec, good(access=[{"type": "repository", "name": "a/b", "actions": "pull"}])))
refused("unknown kid", lambda k: mint(k.stranger, good()))
refused("another's kid", lambda k: mint(k.stranger, good(), {"kid": k.ec.libtrust_id}))
refused("no key named", lambda k: mint(k.ec, good(), {"kid": DROP}))
refused("kid a number", lambda k: mint(k.ec, good(), {"kid": 1}))
refused("unknown jwk", lambda k: mint(k.stranger, good(), {"kid": DROP, "jwk": k.stranger.jwk}))
refused("unknown jwk beside a kid", lambda k: mint(k.ec, good(), {"jwk": k.stranger.jwk}))
refused("another's jwk", lambda k: mint(k.stranger, good(), {"kid": DROP, "jwk": k.ec.jwk}))
refused("jwk with a wrong kid",
        lambda k: mint(k.ec, good(), {"kid": DROP, "jwk": k.ec.jwk | {"kid": k.rsa.libtrust_id}}))
refused("jwk with another's x5c",
        lambda k: mint(k.stranger, good(), {"kid": DROP, "jwk": k.stranger.jwk | {"x5c": [k.direct.x5c]}}))
refused("jwk with an x5c of its own",
        lambda k: mint(k.stranger, good(), {"kid": DROP, "jwk": k.stranger.jwk | {"x5c": [k.own.x5c]}}))
refused("x5c of its own", lambda k: mint(k.stranger, good(), _x5c(k.own)))
refused("x5c of its own, root", lambda k: mint(k.stranger, good(), _x5c(k.own, k.root)))
refused("x5c without the intermediate", lambda k: mint(k.leaf, good(), _x5c(k.below)))
refused("x5c below an end certificate", lambda k: mint(k.leaf, good(), _x5c(k.below_end, k.end)))
refused("another's x5c", lambda k: mint(k.stranger, good(), _x5c(k.direct)))
refused("x5c beside a kid", lambda k: mint(k.ec, good(), {"x5c": [k.own.x5c]}))
refused("x5c of no certificate", lambda k: mint(k.ec, good(), {"x5c": ["AAAA"]}))
refused("x5c in base64url", lambda k: mint(k.leaf, good(), {"x5c": [k.direct.x5c.replace("+", "-").replace("/", "_") + "-"]}))
refused("alg none", lambda k: mint(k.ec, good(), {"alg": "none"}, signature=lambda data: b""))
refused("alg none, signed", lambda k: mint(k.ec, good(), {"alg": "none"}))
refused("alg missing", lambda k: mint(k.ec, good(), {"alg": DROP}))
refused("HS256 with the public key",
        lambda k: mint(k.ec, good(), {"alg": "HS256"}, signature=hmac_signature(_pem_of(k.ec))))
refused("HS256 with the key as DER",
        lambda k: mint(k.rsa, good(), {"alg": "HS256"}, signature=hmac_signature(k.rsa.spki)))
refused("alg of another curve", lambda k: mint(k.ec, good(), {"alg": "ES384"}))
refused("alg of another type", lambda k: mint(k.ec, good(), {"alg": "RS256"}))
refused("RS256 signed as PS256", lambda k: mint(k.rsa, good(), {"alg": "RS256"}, "PS256"))
refused("RS256 signed as RS512", lambda k: mint(k.rsa, good(), {"alg": "RS256"}, "RS512"))
refused("alg in small letters", lambda k: mint(k.ec, good(), {"alg": "es256"}))
refused("DER signature",
        lambda k: mint(k.ec, good(), signature=lambda data: k.ec.sign(data, raw=False)))
refused("signature too short", lambda k: mint(k.ec, good(), signature=_signed_again(k.ec, 63)))
refused("signature too long", lambda k: mint(k.ec, good(), signature=_signed_again(k.ec, 65)))
refused("signature of zeros", lambda k: mint(k.ec, good(), signature=lambda data: bytes(64)))
refused("signature tampered with", lambda k: _tampered(mint(k.ec, good())))
refused("claims changed", lambda k: _other_claims(mint(k.ec, good())))
refused("cut", lambda k: _cut(mint(k.ec, good()), 5))
refused("other base64", lambda k: _recoded(_with_signs(lambda: mint(k.ec, good()))))
refused("no signature", lambda k: mint(k.ec, good(), signature=lambda data: b""))
refused("two parts", lambda k: mint(k.ec, good()).rpartition(".")[0])
refused("four parts", lambda k: mint(k.ec, good()) + ".")
refused("header a list", lambda k: mint(k.ec, good(), "[]"))
refused("claims no JSON", lambda k: mint(k.ec, "{"))
refused("claims with more behind", lambda k: mint(k.ec, json.dumps(good()) + "{}"))
refused("crit", lambda k: mint(k.ec, good(), {"crit": ["exp"]}), True, "RFC 7515 section 4.1.11")
refused("a claim twice",
        lambda k: mint(k.ec, json.dumps(good())[:-1] + ', "sub": "eve"}'), True,
        "which of the two is meant?")
refused("alg twice",
        lambda k: mint(k.ec, good(), '{"alg":"none","alg":"ES256","kid":"%s"}' % k.ec.libtrust_id),
        True, "which of the two is meant?")
refused("names in other case",
        lambda k: mint(k.ec, json.dumps(good()).replace('"iss"', '"ISS"')), True,
        "names are taken as they are specified")
