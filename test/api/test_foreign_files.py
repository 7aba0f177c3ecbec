# SPDX-License-Identifier: Apache-2.0
"""A storage directory with more in it than a registry puts there: foreign files, odd names, symbolic links."""
import os
import shutil

import pytest
from support.content import SCHEMA2, digest_of, image
from support.damage import answers, make_socket

ODD = ["Upper", "white space", "ümlaut", "new\nline", "-dash", ".hidden", "a..b", "a___b", "x.tmp", "~",
       "n" * 255, ".0123456789abcdef.tmp", "%2e%2e", "back\\slash", "\udcff\udcfe"]


def _litter(directory):
    """Foreign files, directories, FIFOs, sockets and links, everywhere below @directory."""
    for path in [directory, *(path for path in directory.rglob("*") if path.is_dir())]:
        for number, name in enumerate(ODD):
            if path.name in ("tags", "repositories") and number % 2:
                (path / name / "_layers").mkdir(parents=True)
            elif number % 2:
                (path / name).mkdir()
            else:
                (path / name).write_text("foreign")
        os.mkfifo(path / "fifo.x")
        make_socket(path / "socket.x")
        (path / "loop").symlink_to("loop")
        (path / "dangling").symlink_to("/nowhere/at/all")


@pytest.mark.ours("a link to itself does not end the catalog")
def test_foreign_files_everywhere_are_ignored(start_registry):
    registry = start_registry()
    value = image("foreign")
    names = ["a", "a/b", "c"]
    with registry.client() as client:
        for name in names:
            client.push_image(name, "v1", value)
            client.start_upload(name)
        _litter(registry.root)
        assert client.get("/v2/_catalog").json() == {"repositories": names}
        for name in names:
            tags = client.get(f"/v2/{name}/tags/list").json()["tags"]
            assert "v1" in tags
            assert client.get_manifest(name, "v1", SCHEMA2).body == value.manifest
            assert client.get_manifest(name, "fifo.x", SCHEMA2).status == 404
            for blob in value.blobs:
                assert client.pull_blob(name, digest_of(blob)) == blob
            client.push_image(name, "v2", value)
            assert client.delete(f"/v2/{name}/manifests/{value.digest}").status == 202
            assert client.get_manifest(name, "v2", SCHEMA2).status == 404
    assert registry.restart().is_running()


@pytest.mark.ours("what cannot be a tag is not listed")
def test_only_what_can_be_a_tag_is_listed(fs_registry, fs_client, repo):
    fs_client.push_image(repo, "v1", image(repo))
    tags = fs_registry.repository_path(repo) / "_manifests/tags"
    for name in ODD:
        (tags / name).mkdir()
    listed = fs_client.get(f"/v2/{repo}/tags/list").json()["tags"]
    assert listed == sorted(["Upper", "a..b", "a___b", "x.tmp", "v1"])


@pytest.mark.ours("names that no request can name are not listed")
def test_very_deep_trees_are_walked_as_far_as_names_go(start_registry):
    registry = start_registry()
    root = registry.root / "docker/registry/v2/repositories"
    deep = "/".join("d" * 128)
    (root / deep / "_layers").mkdir(parents=True)
    (root / deep / "d/d/d/_layers").mkdir(parents=True)
    with registry.client() as client:
        assert client.get("/v2/_catalog").json() == {"repositories": [deep]}
        assert client.get(f"/v2/{deep}/tags/list").status == 404
        value = image("deep")
        client.push_image(deep, "v1", value)
        assert client.get_manifest(deep, "v1", SCHEMA2).body == value.manifest
        answers(client)


def test_longest_names_work(fs_client):
    name = "n" * 255
    value = image("long")
    fs_client.push_image(name, "t" * 128, value)
    assert fs_client.get_manifest(name, "t" * 128, SCHEMA2).body == value.manifest
    assert name in fs_client.get("/v2/_catalog?n=1000").json()["repositories"]


@pytest.mark.ours("tags can be deleted")
def test_symlinked_directories_are_followed(start_registry, tmp_path):
    registry = start_registry()
    value = image("linked")
    with registry.client() as client:
        client.push_image("here", "v1", value)
        for path in (registry.repository_path("here"), registry.blob_path(value.digest).parent):
            elsewhere = tmp_path / "elsewhere" / path.name
            elsewhere.parent.mkdir(exist_ok=True)
            shutil.move(path, elsewhere)
            path.symlink_to(elsewhere)
        registry.repository_path("again").symlink_to(tmp_path / "elsewhere/here")
        assert client.get("/v2/_catalog").json() == {"repositories": ["again", "here"]}
        for name in ("here", "again"):
            assert client.get_manifest(name, "v1", SCHEMA2).body == value.manifest
            assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["v1"]
        other = image("linked later")
        client.push_image("here", "v2", other)
        assert client.get_manifest("again", "v2", SCHEMA2).body == other.manifest
        assert client.delete("/v2/here/manifests/v2").status == 202


@pytest.mark.ours("a loop of links does not end the catalog")
def test_directory_that_leads_back_to_itself_ends(start_registry):
    registry = start_registry()
    with registry.client() as client:
        client.push_image("a", "v1", image("a"))
        client.push_image("z", "v1", image("z"))
        (registry.repository_path("a") / "self").symlink_to(".")
        names = client.get("/v2/_catalog?n=1000").json()["repositories"]
        assert names[0] == "a" and names[-1] == "z" and len(names) < 260
        answers(client)


@pytest.mark.parametrize("at", [".", "_manifests", "_manifests/tags/v1"])
def test_dangling_symlink_fails_that_repository_alone(fs_registry, fs_client, repo, at):
    value = image(repo)
    fs_client.push_image(repo, "v1", value)
    path = fs_registry.repository_path(repo) / at
    shutil.rmtree(path)
    path.symlink_to("/nowhere/at/all")
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).status == 404
    assert fs_client.put_manifest(repo, "v1", value.manifest, SCHEMA2).status in (400, 500)
    answers(fs_client)
