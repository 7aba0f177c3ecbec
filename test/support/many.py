# SPDX-License-Identifier: Apache-2.0
"""Very many tags and repositories, put straight into a storage directory."""
import os

from support.registry import wait_until

LINKS_MAX = 1000  # names of one file; hard links are made faster than files


def tags(count):
    return [f"tag-{number:06}" for number in range(count)]


def repositories(count):
    return [f"n/{number:06}" for number in range(count)]


def _base(root):
    return os.path.join(root, "docker/registry/v2/repositories")


def make_tags(root, repository, digest, count):
    """Current links alone: that is all a tag is read by."""
    directory = f"{_base(root)}/{repository}/_manifests/tags"
    os.makedirs(directory, exist_ok=True)
    for number, tag in enumerate(tags(count)):
        os.mkdir(f"{directory}/{tag}")
        os.mkdir(f"{directory}/{tag}/current")
        if number % LINKS_MAX == 0:
            first = f"{directory}/{tag}/current/link"
            with open(first, "w") as file:
                file.write(digest)
        else:
            os.link(first, f"{directory}/{tag}/current/link")


def make_repositories(root, count):
    """The least that makes a repository."""
    base = _base(root)
    os.makedirs(f"{base}/n", exist_ok=True)
    for name in repositories(count):
        os.mkdir(f"{base}/{name}")
        os.mkdir(f"{base}/{name}/_layers")


def wait_for(condition, what):
    return wait_until(condition, what=what)
