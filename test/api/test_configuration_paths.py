# SPDX-License-Identifier: Apache-2.0
"""Where the configuration is looked for."""
import os
import shutil
import subprocess

import pytest
from support.configuration import settings, write
from support.registry import binary, clean_environment, is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="looks at what only we print")

IMAGE_2 = "/etc/docker/registry/config.yml"
IMAGE_3 = "/etc/distribution/config.yml"


def can_hide_etc():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


def run_with_etc(folder, files, *arguments, **variables):
    """Runs with another /etc, which holds those @files only; nobody else sees it."""
    etc = folder / "etc"
    for path in files:
        target = etc / os.path.relpath(path, "/etc")
        target.parent.mkdir(parents=True)
        target.write_text("version: 0.1\nstorage: inmemory\n")
    etc.mkdir(exist_ok=True)
    shutil.copy(binary(), folder / "registry")
    script = 'mount --bind "$0" /etc && shift 0 && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(etc), str(folder / "registry"), *arguments],
        env=clean_environment(**variables), capture_output=True, text=True, timeout=300, check=False,
    )


needs_mounts = pytest.mark.skipif(not can_hide_etc(), reason="needs the right to mount")


@needs_mounts
@pytest.mark.parametrize(
    "files, found",
    [([IMAGE_2, IMAGE_3], IMAGE_2), ([IMAGE_2], IMAGE_2), ([IMAGE_3], IMAGE_3)],
)
def test_without_a_path_those_of_the_images_are_tried(tmp_path, files, found):
    done = run_with_etc(tmp_path, files, "config", "check")
    assert (done.returncode, done.stdout) == (0, f"{found}: good\n"), done.stderr


@needs_mounts
def test_the_variable_comes_before_the_paths_of_the_images(tmp_path):
    path = write(tmp_path, settings())
    done = run_with_etc(tmp_path, [IMAGE_2], "config", "check",
                        REGISTRY_CONFIGURATION_PATH=str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: good\n", "")
    missing = run_with_etc(tmp_path, [], "config", "check", REGISTRY_CONFIGURATION_PATH="/nowhere")
    assert missing.returncode == 1
    assert missing.stderr == "configuration error: open /nowhere: no such file or directory\n"


@needs_mounts
@pytest.mark.parametrize("command", [["serve"], ["config", "check"], ["config", "show"]])
def test_without_any_configuration_it_says_where_it_looked(tmp_path, command):
    done = run_with_etc(tmp_path, [], *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "configuration error: configuration path unspecified: no argument, no "
        f"REGISTRY_CONFIGURATION_PATH, no {IMAGE_2}, no {IMAGE_3}\n"
        f"Run 'registry help {command[0]}' for usage.\n"
    )
