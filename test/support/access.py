# SPDX-License-Identifier: Apache-2.0
"""Users, passwords and rights for registries under test."""
import base64
import ctypes
import ctypes.util
import pathlib
import re
import urllib.parse

_libcrypt = ctypes.CDLL(ctypes.util.find_library("crypt"))
_libcrypt.crypt.restype = ctypes.c_char_p
PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def entry(user, password, cost=4):
    """A line of an htpasswd file; a low cost keeps tests short."""
    setting = f"$2b${cost:02}$abcdefghijklmnopqrstuu"
    return f"{user}:{_libcrypt.crypt(password.encode(), setting.encode()).decode()}"


def basic(user, password):
    """The header of a client that sends a password."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def scheme(response):
    """Basic or Bearer: what a 401 asks for."""
    return response.header("WWW-Authenticate").partition(" ")[0]


def challenge(response):
    """The parameters of a challenge."""
    text = response.header("WWW-Authenticate").partition(" ")[2]
    return dict(PARAMETER.findall(text))


def record(name, action, kind="repository"):
    """How an error's detail names one thing that was asked for."""
    return {"Type": kind, "Class": "", "Name": name, "Action": action}


class Files:
    """An htpasswd file and an access file; every user's password is his name, backwards."""

    def __init__(self, directory, users, rules):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.passwords = directory / "htpasswd"
        self.rules = directory / "access"
        self.passwords.write_text("".join(entry(user, user[::-1]) + "\n" for user in users))
        self.rules.write_text(rules)

    @property
    def settings(self):
        return {
            "auth.htpasswd.realm": "the realm",
            "auth.htpasswd.path": str(self.passwords),
            "auth.htpasswd.access": str(self.rules),
        }


def user_header(user):
    """Basic credentials of one of the users of Files; none for None."""
    return basic(user, user[::-1]) if user else {}


def token(client, user=None, scope=None, target="/auth/token"):
    """Asks the token endpoint, as clients do."""
    query = {"service": "the realm"} | ({"scope": scope} if scope else {})
    response = client.get(f"{target}?{urllib.parse.urlencode(query)}", user_header(user))
    assert response.status == 200, response
    return response.json()["token"]
