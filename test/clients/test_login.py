# SPDX-License-Identifier: Apache-2.0
"""Public pulls and private pushes with the real clients as they are: docker, podman, skopeo, curl."""
import json
import shutil
import tempfile

import pytest
from support import images
from support.access import Files
from support.client_tools import CURL, DOCKER, PODMAN, SKOPEO
from support.container_clients import Tool
from support.docker_engine import forget

RULES = "allow anonymous pull public/**\nallow writer pull,push,delete **\nallow reader pull inner/**\n"


@pytest.fixture
def guarded(start_registry, tmp_path):
    files = Files(tmp_path / "files", ["writer", "reader"], RULES)
    registry = start_registry(settings=files.settings)
    registry.host = f"127.0.0.1:{registry.port}"
    return registry


@pytest.fixture
def layout(tmp_path, small_image):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    return f"oci:{tmp_path}/in:v1"


@pytest.fixture
def skopeo(tmp_path):
    if not SKOPEO.exists():
        pytest.skip("skopeo is not installed")
    auth = tmp_path / "skopeo-auth.json"
    auth.write_text("{}")
    tool = Tool([SKOPEO, "--insecure-policy"])
    tool.file = f"--authfile={auth}"
    return tool


def test_skopeo_pulls_without_and_pushes_with_a_login(guarded, skopeo, layout, tmp_path):
    public, inner = (f"docker://{guarded.host}/{name}:v1" for name in ("public/it", "inner/it"))
    push, pull = ("copy", skopeo.file, "--dest-tls-verify=false"), ("copy", skopeo.file, "--src-tls-verify=false")
    login = ("login", skopeo.file, "--tls-verify=false", "--password-stdin", guarded.host)

    skopeo(*push, layout, public, says="authentication required")
    skopeo(*login, "--username=writer", stdin="wrong", says="invalid username/password")
    skopeo(*login, "--username=writer", stdin="retirw")
    skopeo(*push, layout, public)
    skopeo(*push, layout, inner)
    skopeo("logout", skopeo.file, guarded.host)
    skopeo(*pull, public, f"oci:{tmp_path}/out:v1")
    skopeo("inspect", skopeo.file, "--tls-verify=false", public)
    skopeo(*pull, inner, f"oci:{tmp_path}/out:v2", says="authentication required")
    skopeo(*login, "--username=reader", stdin="redaer")
    skopeo(*pull, inner, f"oci:{tmp_path}/out:v2")
    skopeo(*push, layout, inner, says="denied")
    skopeo("delete", skopeo.file, "--tls-verify=false", inner, says="denied")


def test_skopeo_sends_a_password_with_one_command(guarded, skopeo, layout, tmp_path):
    inner = f"docker://{guarded.host}/inner/it:v1"
    skopeo("copy", skopeo.file, "--dest-tls-verify=false", "--dest-creds=writer:retirw", layout, inner)
    skopeo("copy", skopeo.file, "--src-tls-verify=false", "--src-creds=reader:redaer", inner, f"oci:{tmp_path}/out:v1")
    skopeo("copy", skopeo.file, "--src-tls-verify=false", "--src-creds=reader:no", inner, f"oci:{tmp_path}/out:v2",
           says="unauthorized")
    skopeo("delete", "--tls-verify=false", "--creds=writer:retirw", inner)


@pytest.fixture
def podman(tmp_path):
    if not PODMAN.exists():
        pytest.skip("podman is not installed")
    # A short path: podman takes no more than 50 characters.
    folder = tempfile.mkdtemp(prefix="kist-podman-")
    auth = tmp_path / "podman-auth.json"
    auth.write_text("{}")
    tool = Tool([PODMAN, f"--root={folder}/root", f"--runroot={folder}/run", "--storage-driver=vfs",
                 "--cgroup-manager=cgroupfs", "--events-backend=file"])
    tool.file = f"--authfile={auth}"
    yield tool
    shutil.rmtree(folder, ignore_errors=True)


def test_podman_pulls_without_and_pushes_with_a_login(guarded, podman, layout):
    public, inner = (f"{guarded.host}/{name}:v1" for name in ("public/it", "inner/it"))
    options = (podman.file, "--tls-verify=false")
    login = ("login", *options, "--password-stdin", guarded.host)

    name = podman("pull", "--quiet", layout).split()[-1]
    podman("push", *options, name, public, says="authentication required")
    podman(*login, "--username=writer", stdin="wrong", says="invalid username/password")
    podman(*login, "--username=writer", stdin="retirw")
    podman("push", *options, name, public)
    podman("push", *options, name, inner)
    podman("logout", podman.file, guarded.host)
    podman("pull", *options, public)
    podman("pull", *options, inner, says="authentication required")
    podman(*login, "--username=reader", stdin="redaer")
    podman("pull", *options, inner)
    podman("push", *options, name, inner, says="denied")


@pytest.fixture
def docker(engine, tmp_path):
    tool = Tool([DOCKER, f"--config={tmp_path}/docker"], engine.environment())
    tool.config = tmp_path / "docker" / "config.json"
    return tool


def test_docker_pulls_without_and_pushes_with_a_login(guarded, docker, engine, small_image, tmp_path):
    public, inner = (f"{guarded.host}/{name}:v1" for name in ("public/it", "inner/it"))
    login = ("login", guarded.host, "--password-stdin")
    images.docker_archive(tmp_path / "load.tar", small_image, public)
    docker("load", "--quiet", "--input", tmp_path / "load.tar")
    docker("tag", public, inner)

    docker("push", public, says="denied")  # as it says when a token of nobody does not suffice
    docker(*login, "--username=writer", stdin="wrong", says="unauthorized")
    docker(*login, "--username=writer", stdin="retirw")
    (kept,) = json.loads(docker.config.read_text())["auths"].values()
    assert "identitytoken" not in kept  # it keeps the password: there are no refresh tokens
    docker("push", public)
    docker("push", inner)
    docker("logout", guarded.host)
    forget(engine, public, inner)
    docker("pull", public)
    docker("pull", inner, says="denied")
    docker("push", public, says="denied")
    docker(*login, "--username=reader", stdin="redaer")
    docker("pull", inner)
    docker("push", inner, says="denied")
    forget(engine, public, inner)


def test_docker_mounts_layers_it_may_pull(guarded, docker, engine, small_image, tmp_path):
    first, second = f"{guarded.host}/public/it:v1", f"{guarded.host}/other/it:v1"
    images.docker_archive(tmp_path / "load.tar", small_image, first)
    docker("load", "--quiet", "--input", tmp_path / "load.tar")
    docker("login", guarded.host, "--password-stdin", "--username=writer", stdin="retirw")
    docker("push", first)
    docker("tag", first, second)
    assert "Mounted from public/it" in docker("push", second)
    forget(engine, first, second)


def test_curl_sends_a_password_to_any_route(guarded):
    curl = Tool([CURL, "--silent", "--show-error", "--fail-with-body"])
    base = f"http://{guarded.host}"
    curl(f"{base}/v2/", says="unauthorized")
    curl("--user", "reader:redaer", f"{base}/v2/")
    curl("--user", "reader:wrong", f"{base}/v2/", says="unauthorized")
    curl("--user", "reader:redaer", f"{base}/v2/_catalog", says="denied")
    curl("--user", "reader:redaer", f"{base}/v2/inner/it/tags/list", says="name_unknown")
    reply = json.loads(curl("--user", "reader:redaer", f"{base}/auth/token"))
    curl("--header", f"Authorization: Bearer {reply['token']}", f"{base}/v2/")
