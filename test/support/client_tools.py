# SPDX-License-Identifier: Apache-2.0
"""Running the real clients, named by the paths Debian installs them at, and watching their uploads."""
import pathlib
import subprocess

from support.registry import wait_until

SKOPEO = pathlib.Path("/usr/bin/skopeo")
BUILDAH = pathlib.Path("/usr/bin/buildah")
PODMAN = pathlib.Path("/usr/bin/podman")
DOCKER = pathlib.Path("/usr/bin/docker")
DOCKERD = pathlib.Path("/usr/sbin/dockerd")
CTR = pathlib.Path("/usr/bin/ctr")
CURL = pathlib.Path("/usr/bin/curl")

TIMEOUT_S = 600


def run(command, **more):
    """Runs to the end and returns stdout; a failure shows what the client said."""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT_S, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:].decode()}\n{done.stderr[-4000:].decode()}"
    return done.stdout


def start(command, log, **more):
    """Starts in the background, with everything it says in the file @log."""
    with open(log, "wb") as stream:
        return subprocess.Popen(list(map(str, command)), stdout=stream, stderr=stream, **more)


def skopeo(*arguments):
    return run([SKOPEO, "--insecure-policy", *arguments])


def upload_sizes(server, repository):
    """Bytes on disk in each open upload session of a repository."""
    sizes = []
    for path in (server.repository_path(repository) / "_uploads").glob("*/data"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            pass  # finished meanwhile
    return sizes


def wait_for_upload(server, repository, size):
    """Until some upload session of the repository holds at least @size bytes."""
    wait_until(lambda: max(upload_sizes(server, repository), default=0) >= size, TIMEOUT_S,
               f"{size} bytes of an upload to {repository}")
