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
import tarfile
import tempfile

import pytest
from support import images
from support.client_tools import BUILDAH, CTR, DOCKER, PODMAN, SKOPEO, TIMEOUT_S
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


class Containerd:
    """containerd, as Kubernetes has it, by its tool ctr: it has no logins, only a user with each command.

    The engine's own containerd is what it speaks to, with a namespace that the engine does not see.
    """

    program = CTR
    address = "127.0.0.1"

    def __init__(self, folder, image, engine):
        self.folder = pathlib.Path(folder)
        self.image = image
        self.folder.mkdir(parents=True)
        self.hosts = self.folder / "hosts.d"
        self.tool = Tool([CTR, f"--address={engine.folder}/exec/containerd/containerd.sock", "--namespace=test"],
                         dict(os.environ))
        self.options = [f"--hosts-dir={self.hosts}"]
        self.user = []

    def know(self, host, authority=None, own=None):
        """Writes the hosts.toml of a host, with the authority it has and the certificate to show."""
        place = self.hosts / host
        place.mkdir(parents=True, exist_ok=True)
        ca = f'  ca = "{authority.path}"\n' if authority else ""
        client = f'  client = [["{own.path}", "{own.key_path}"]]\n' if own else ""
        (place / "hosts.toml").write_text(f'server = "https://{host}"\n{ca}{client}[host."https://{host}"]\n{ca}{client}')

    def trust_everywhere(self, authority):
        """As if the machine's own list of authorities had it."""
        self.tool.environment["SSL_CERT_FILE"] = str(authority.path)

    def sign_in(self, user, password):
        self.user = ["--user", f"{user}:{password}"]

    def prepare(self):
        archive = self.folder / "import.tar"
        images.oci_layout(self.folder / "in", "v1", self.image)
        with tarfile.open(archive, "w") as tar:
            tar.add(self.folder / "in", arcname=".")
        self.tool("images", "import", "--base-name=made", "--no-unpack", archive)

    def push(self, name, **expected):
        self.tool("images", "tag", "--force", "made:v1", name)
        self.tool("images", "push", *self.options, *self.user, name, **expected)
        return None if expected else self.digest(name)

    def pull(self, name, **expected):
        self.forget()
        self.tool("images", "pull", *self.options, *self.user, name, **expected)
        return None if expected else self.digest(name)

    def digest(self, name):
        """What the name is, after everything below it is seen to be here."""
        (found,) = [line.split() for line in self.tool("images", "check").splitlines() if line.startswith(name)]
        assert found[3] == "complete", found
        return found[2]

    def forget(self):
        if found := self.tool("images", "ls", "--quiet").split():
            self.tool("images", "rm", "--sync", *found)
        assert not self.tool("content", "ls", "--quiet").split()

    def close(self):
        self.forget()


KINDS = {kind.__name__.lower(): kind for kind in (Docker, Podman, Skopeo, Buildah)}


def make_client(request, name, folder, image):
    """The client @name, which ends with the test; skips when it is not installed."""
    kind = (KINDS | {"containerd": Containerd})[name]
    if not kind.program.exists():
        pytest.skip(f"{name} is not installed")
    more = [request.getfixturevalue("engine")] if kind in (Docker, Containerd) else []
    client = kind(folder, image, *more)
    request.addfinalizer(client.close)
    client.prepare()
    return client
