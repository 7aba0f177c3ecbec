# SPDX-License-Identifier: Apache-2.0
"""What the registry may not read or write fails alone."""
import os
import shlex
import subprocess

import pytest
from support.content import SCHEMA2, digest_of, image
from support.damage import answers, warnings_about
from support.registry import Registry, binary


@pytest.fixture
def plain_user(tmp_path):
    """A registry that the permissions of files hold for, also when root runs the tests."""
    program = binary()
    if os.geteuid() == 0:
        program = tmp_path / binary().name
        program.write_text("#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search"
                           f" {shlex.quote(str(binary()))} \"$@\"\n")
        program.chmod(0o755)
    with Registry(tmp_path / "server", program=program) as registry:
        yield registry
        _readable(registry.root)


def _readable(root):
    subprocess.run(["chmod", "-R", "u+rwX", str(root)], check=True)


@pytest.fixture
def two(plain_user):
    """Two repositories, of which "a" can be damaged."""
    with plain_user.client() as client:
        client.push_image("a", "v1", image("a"))
        client.push_image("a", "v2", image("other"))
        client.push_image("b", "v1", image("b"))
        yield plain_user, client


@pytest.mark.ours("the catalog goes on past what may not be read")
@pytest.mark.parametrize("at", [".", "_manifests", "_manifests/tags", "_manifests/tags/v1",
                                "_manifests/tags/v1/current", "_manifests/tags/v1/current/link"])
def test_what_may_not_be_read_fails_alone(two, at):
    registry, client = two
    (registry.repository_path("a") / at).chmod(0)
    assert client.get_manifest("a", "v1", SCHEMA2).status == 500
    assert client.get_manifest("b", "v1", SCHEMA2).status == 200
    assert client.get("/v2/b/tags/list").json()["tags"] == ["v1"]
    answers(client)


@pytest.mark.ours("the catalog goes on")
def test_catalog_goes_on_past_what_may_not_be_read(two):
    registry, client = two
    path = registry.repository_path("a")
    path.chmod(0)
    with warnings_about(registry, path) as warnings:
        assert client.get("/v2/_catalog").json() == {"repositories": ["b"]}
    assert len(warnings) == 1, warnings


@pytest.mark.ours("a tag that cannot be read does not keep the manifest")
def test_manifest_is_deleted_past_a_tag_that_may_not_be_read(two):
    registry, client = two
    (registry.repository_path("a") / "_manifests/tags/v2/current/link").chmod(0)
    assert client.delete(f"/v2/a/manifests/{image('a').digest}").status == 202
    assert client.get("/v2/a/tags/list").json()["tags"] == ["v2"]


@pytest.mark.ours("a link that cannot be read is written again")
def test_link_that_may_not_be_read_can_be_pushed_again(two):
    registry, client = two
    (registry.repository_path("a") / "_manifests/tags/v1/current/link").chmod(0)
    client.push_image("a", "v1", image("a"))
    assert client.get_manifest("a", "v1", SCHEMA2).status == 200


@pytest.mark.ours("what cannot be read is answered, not cut off")
def test_blob_that_may_not_be_read_is_500(two):
    registry, client = two
    digest = digest_of(image("a").blobs[0])
    registry.blob_path(digest).chmod(0)
    assert client.get(f"/v2/a/blobs/{digest}").status == 500
    answers(client)


def test_directory_that_may_not_be_written_fails_the_push_alone(two):
    registry, client = two
    tags = registry.repository_path("a") / "_manifests/tags"
    tags.chmod(0o555)
    assert client.put_manifest("a", "new", image("a").manifest, SCHEMA2).status == 500
    assert client.get_manifest("a", "v1", SCHEMA2).status == 200
    answers(client)
