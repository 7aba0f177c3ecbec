# SPDX-License-Identifier: Apache-2.0
"""The clients of registries as Debian installs them, behind the same few verbs: a test of one is a test of all.

    client = make_client(request, "skopeo", folder, image)
    client.trust(client.known_place("127.0.0.1:5000"), authority)
    client.login("127.0.0.1:5000", "alice", "secret")
    digest = client.push("127.0.0.1:5000/alice/app:v1")
    assert client.pull("127.0.0.1:5000/alice/app:v1") == digest

What a verb is given as `says` has to be among what the client says when it fails, in small letters; without it the
client has to succeed. push() and pull() return the digest of the manifest, as the client names it, and pull()
begins with nothing of the image at hand and compares every layer.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from support import images
from support.client_tools import BUILDAH, DOCKER, PODMAN, SKOPEO, TIMEOUT_S
from support.docker_engine import VERIFIED_HOST

LOCAL = "localhost/made:v1"


class Tool:
    """A program with the arguments and the environment that every call of it gets."""

    def __init__(self, program, environment=None):
        self.program = program
        self.environment = environment

    def __call__(self, *arguments, says=None, stdin=""):
        """Runs it and returns what it said; @says: it has to fail, with this among what it says."""
        done = subprocess.run([str(part) for part in (*self.program, *arguments)], input=stdin.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, env=self.environment)
        text = done.stdout.decode("utf-8", "replace")
        assert (done.returncode != 0) == (says is not None), f"{arguments}: {done.returncode}\n{text[-3000:]}"
        if says:
            assert says in text.lower(), text[-3000:]
        return text


def home_environment(home):
    """A home without a configuration: images of any origin are good, logins stay in the home."""
    configuration = home / ".config" / "containers"
    configuration.mkdir(parents=True, exist_ok=True)
    (configuration / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    (configuration / "registries.conf").write_text("unqualified-search-registries = []\n")
    (home / "auth.json").write_text("{}")
    return {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_RUNTIME_DIR": str(home), "REGISTRY_AUTH_FILE": str(home / "auth.json")}


class _Client:
    """What the clients share: a home, and where certificates lie."""

    address = "127.0.0.1"  # where a registry of this machine is, so that its certificate is verified
    wrong_password = "invalid username/password"
    not_logged_in = "authentication required"

    def __init__(self, folder, image):
        self.folder = pathlib.Path(folder)
        self.image = image
        self.home = self.folder / "home"
        self.option = None
        self.environment = home_environment(self.home)
        self.numbers = itertools.count()

    def known_place(self, host):
        """The folder of certificates for @host that the client reads of itself."""
        return self.home / ".config" / "containers" / "certs.d" / host

    def named_place(self):
        """A folder that is named with every command from now on."""
        self.option = self.folder / "certificates"
        return self.option

    def options(self, prefix=""):
        return [f"--{prefix}cert-dir={self.option}"] if self.option else []

    def login(self, host, user, password, **expected):
        self.tool("login", *self.options(), f"--username={user}", "--password-stdin", host, stdin=password, **expected)

    def logout(self, host):
        self.tool("logout", host)

    def close(self):
        pass

    @staticmethod
    def trust(place, authority, own=None):
        """Puts an authority into a folder of certificates, and the certificate that the client shows."""
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(authority.path, place / "ca.crt")
        if own:
            shutil.copy(own.path, place / "client.cert")
            shutil.copy(own.key_path, place / "client.key")

    @staticmethod
    def show_nothing(place):
        for name in ("client.cert", "client.key"):
            (place / name).unlink()


class Skopeo(_Client):
    program = SKOPEO

    def __init__(self, folder, image):
        super().__init__(folder, image)
        self.tool = Tool([SKOPEO], self.environment)

    def prepare(self):
        self.digest = images.oci_layout(self.folder / "in", "v1", self.image)

    def push(self, name, **expected):
        self.tool("copy", *self.options("dest-"), f"oci:{self.folder}/in:v1", f"docker://{name}", **expected)
        return self.digest

    def pull(self, name, **expected):
        folder = self.folder / f"out-{next(self.numbers)}"
        self.tool("copy", *self.options("src-"), f"docker://{name}", f"oci:{folder}:v1", **expected)
        if expected:
            return None
        digest = images.layout_digest(folder)
        assert images.layout_blobs(folder) == self.image.blob_digests() | {digest}
        return digest

    def inspect(self, name, **expected):
        return self.tool("inspect", *self.options(), f"docker://{name}", **expected)

    def delete(self, name, **expected):
        return self.tool("delete", *self.options(), f"docker://{name}", **expected)


class _Storing(_Client):
    """podman and buildah: images go through a store of the client."""

    more = ()
    always = ()  # what makes a pull ask the registry although the image is there

    def __init__(self, folder, image):
        super().__init__(folder, image)
        # A short path: podman takes no more than 50 characters.
        self.store = tempfile.mkdtemp(prefix="kist-store-")
        self.tool = Tool([self.program, f"--root={self.store}/root", f"--runroot={self.store}/run",
                          "--storage-driver=vfs", *self.more], self.environment)

    def prepare(self):
        images.oci_layout(self.folder / "in", "v1", self.image)
        self.id = self.tool("pull", "--quiet", f"oci:{self.folder}/in:v1").split()[-1]

    def push(self, name, **expected):
        digest = self.folder / f"digest-{next(self.numbers)}"
        self.tool("push", *self.options(), f"--digestfile={digest}", self.id, f"docker://{name}", **expected)
        return None if expected else digest.read_text()

    def pull(self, name, **expected):
        pull = ("pull", *self.always, *self.options(), f"docker://{name}")
        if expected:
            self.tool(*pull, **expected)
            return None
        self.tool("rmi", "--force", "--all")
        self.tool(*pull)
        digest, layers = self.inspect(name)
        assert layers == [layer.diff_id for layer in self.image.layers]
        return digest

    def close(self):
        shutil.rmtree(self.store, ignore_errors=True)


class Podman(_Storing):
    program = PODMAN
    more = ("--cgroup-manager=cgroupfs", "--events-backend=file")

    def inspect(self, name):
        (found,) = json.loads(self.tool("image", "inspect", name))
        return found["Digest"], found["RootFS"]["Layers"]


class Buildah(_Storing):
    program = BUILDAH
    always = ("--policy=always",)

    def inspect(self, name):
        found = json.loads(self.tool("inspect", "--type=image", name))
        return found["FromImageDigest"], found["OCIv1"]["rootfs"]["diff_ids"]


class Docker(_Client):
    """The client and the engine, which is who speaks to the registry."""

    program = DOCKER
    address = VERIFIED_HOST
    wrong_password = "unauthorized"
    not_logged_in = "no basic auth credentials"

    def __init__(self, folder, image, engine):
        super().__init__(folder, image)
        self.engine = engine
        self.config = self.folder / "docker" / "config.json"
        self.tool = Tool([DOCKER, f"--config={self.config.parent}"], engine.environment())
        self.places = []

    def prepare(self):
        archive = self.folder / "load.tar"
        images.docker_archive(archive, self.image, LOCAL)
        self.tool("load", "--quiet", "--input", archive)
        archive.unlink()

    def known_place(self, host):
        self.places.append(self.engine.certificates / host)
        return self.places[-1]

    def push(self, name, **expected):
        self.tool("tag", LOCAL, name)
        said = self.tool("push", name, **expected)
        return None if expected else re.search(r"digest: (sha256:[0-9a-f]{64})", said).group(1)

    def pull(self, name, **expected):
        if expected:
            self.tool("pull", name, **expected)
            return None
        self.forget()
        said = self.tool("pull", name)
        (found,) = json.loads(self.tool("image", "inspect", name))
        assert found["RootFS"]["Layers"] == [layer.diff_id for layer in self.image.layers]
        assert found["Id"] == self.image.config_digest
        self.tool("tag", name, LOCAL)
        return re.search(r"Digest: (sha256:[0-9a-f]{64})", said).group(1)

    def forget(self):
        if found := set(self.tool("images", "--quiet").split()):
            self.tool("image", "rm", "--force", *found)

    def close(self):
        self.forget()
        for place in self.places:
            shutil.rmtree(place, ignore_errors=True)


KINDS = {kind.__name__.lower(): kind for kind in (Docker, Podman, Skopeo, Buildah)}


def make_client(request, name, folder, image):
    """The client @name, which ends with the test; skips when it is not installed."""
    kind = KINDS[name]
    if not kind.program.exists():
        pytest.skip(f"{name} is not installed")
    more = [request.getfixturevalue("engine")] if kind is Docker else []
    client = kind(folder, image, *more)
    request.addfinalizer(client.close)
    client.prepare()
    return client
