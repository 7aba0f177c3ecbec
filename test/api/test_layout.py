# SPDX-License-Identifier: Apache-2.0
"""What lies in the storage directory after each request: upstream's layout, byte for byte."""
import re
import shutil
import stat

import pytest
from support import layout, session
from support.client import with_query
from support.content import (
    LIST,
    SCHEMA2,
    UNKNOWN_DIGEST,
    digest_of,
    image,
    index,
    random_bytes,
)

DATA = b"hello world, part one;"


@pytest.fixture
def disk(start_registry):
    """A registry on an empty directory; `tree` tells its files."""
    registry = start_registry()
    registry.tree = lambda: tree(registry)
    return registry


@pytest.fixture
def push(disk):
    with disk.client() as client:
        yield client
        client.close()
        layout.check(disk.root, foreign=("_uploads",))


def tree(registry):
    """{path below docker/registry/v2: content} of all files."""
    base = registry.root / "docker/registry/v2"
    return {
        path.relative_to(base).as_posix(): path.read_bytes()
        for path in base.rglob("*")
        if path.is_file()
    }


def blob_key(data):
    digest = digest_of(data).partition(":")[2]
    return f"blobs/sha256/{digest[:2]}/{digest}/data"


def link(kind, repository, digest):
    return f"repositories/{repository}/{kind}/{digest.replace(':', '/')}/link"


def tag_links(repository, tag, digest, *earlier):
    base = f"repositories/{repository}/_manifests/tags/{tag}"
    links = {f"{base}/current/link": digest.encode()}
    for old in (digest, *earlier):
        links[f"{base}/index/{old.replace(':', '/')}/link"] = old.encode()
    return links


def image_files(repository, value, tag=None):
    files = {blob_key(value.manifest): value.manifest}
    files[link("_manifests/revisions", repository, value.digest)] = value.digest.encode()
    for blob in value.blobs:
        files[blob_key(blob)] = blob
        files[link("_layers", repository, digest_of(blob))] = digest_of(blob).encode()
    if tag:
        files |= tag_links(repository, tag, value.digest)
    return files


# ---- uploads ------------------------------------------------------------------------------------


def test_begun_session_is_these_files(disk, push):
    """And with upstream a state of no bytes, which nobody needs."""
    target = push.start_upload("a/b")
    base = f"repositories/a/b/_uploads/{session.uuid_of(target)}"
    files = disk.tree()
    started_at = files.pop(f"{base}/startedat")
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", started_at)
    assert files.pop(f"{base}/hashstates/sha256/0", session.hash_state(b"")) == session.hash_state(b"")
    assert files == {f"{base}/data": b""}


def test_appended_session_has_the_data_and_a_state_for_it(disk, push):
    target = push.append(push.start_upload("a"), DATA)
    target = push.append(target, bytes(100))
    base = f"repositories/a/_uploads/{session.uuid_of(target)}"
    files = disk.tree()
    assert files[f"{base}/data"] == DATA + bytes(100)
    for size in (22, 122):
        wanted = session.hash_state((DATA + bytes(100))[:size])
        assert files[f"{base}/hashstates/sha256/{size}"] == wanted


@pytest.mark.parametrize("size", [1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1000, 4096, 65537])
def test_digest_states_are_right_at_every_size(fs_registry, fs_client, repo, size):
    data = random_bytes(size, size)
    half = size // 2
    target = fs_client.append(fs_client.start_upload(repo), data[:half])
    target = fs_client.append(target, data[half:])
    directory = fs_registry.repository_path(repo) / "_uploads" / session.uuid_of(target)
    for end in {half, size} - {0}:
        found = (directory / "hashstates/sha256" / str(end)).read_bytes()
        assert found == session.hash_state(data[:end])
    fs_client.commit(target, digest_of(data))


def test_committed_blob_is_content_and_link(disk, push):
    push.push_blob("a/b", DATA)
    digest = digest_of(DATA)
    assert disk.tree() == {
        blob_key(DATA): DATA,
        link("_layers", "a/b", digest): digest.encode(),
    }
    assert layout.uploads(disk.root) == []


def test_blob_by_sha512_is_content_and_two_links(disk, push):
    alias, digest = digest_of(DATA, "sha512"), digest_of(DATA)
    push.commit(push.start_upload("a"), alias, DATA)
    assert disk.tree() == {
        blob_key(DATA): DATA,
        link("_layers", "a", digest): digest.encode(),
        link("_layers", "a", alias): digest.encode(),
    }


def test_blob_pushed_twice_is_stored_once(disk, push):
    for name in ("a", "a", "b"):
        push.push_blob(name, DATA)
    digest = digest_of(DATA)
    assert disk.tree() == {
        blob_key(DATA): DATA,
        link("_layers", "a", digest): digest.encode(),
        link("_layers", "b", digest): digest.encode(),
    }
    assert layout.uploads(disk.root) == []


def test_mount_is_one_link(disk, push):
    digest = push.push_blob("a", DATA)
    before = disk.tree()
    push.post(with_query("/v2/b/c/blobs/uploads/", mount=digest, **{"from": "a"}))
    assert disk.tree() == before | {link("_layers", "b/c", digest): digest.encode()}


@pytest.mark.ours("nothing is left of a canceled session")
def test_canceled_session_leaves_nothing(disk, push):
    target = push.append(push.start_upload("a"), DATA)
    assert push.delete(target).status == 204
    assert disk.tree() == {}
    assert layout.uploads(disk.root) == []


@pytest.mark.ours("what cannot match is removed")
def test_session_that_does_not_match_leaves_nothing(disk, push):
    target = push.append(push.start_upload("a"), DATA)
    assert push.put(with_query(target, digest=UNKNOWN_DIGEST), {}, b"x").status == 400
    assert disk.tree() == {}
    assert layout.uploads(disk.root) == []


@pytest.mark.ours("one POST pushes a blob")
@pytest.mark.parametrize("digest", [digest_of(DATA), UNKNOWN_DIGEST])
def test_push_in_one_post_leaves_no_session(disk, push, digest):
    push.post(with_query("/v2/a/blobs/uploads/", digest=digest), {}, DATA)
    assert layout.uploads(disk.root) == []


# ---- manifests ----------------------------------------------------------------------------------


def test_image_by_tag_is_these_files(disk, push):
    value = image("one", layer_count=2)
    push.push_image("a/b", "v1", value)
    assert disk.tree() == image_files("a/b", value, "v1")


def test_image_by_digest_has_no_tag(disk, push):
    value = image("one")
    push.push_image("a", value.digest, value)
    assert disk.tree() == image_files("a", value)


def test_moved_tag_keeps_its_index(disk, push):
    old, new = image("old"), image("new")
    for value in (old, new):
        push.push_image("a", "v1", value)
    wanted = image_files("a", old) | image_files("a", new)
    assert disk.tree() == wanted | tag_links("a", "v1", new.digest, old.digest)


def test_index_is_a_revision_like_any_other(disk, push):
    child = image("child")
    push.push_image("a", child.digest, child)
    content = index([(child, "linux/amd64")])
    push.push_manifest("a", "all", content, LIST)
    digest = digest_of(content)
    wanted = image_files("a", child) | {blob_key(content): content}
    wanted[link("_manifests/revisions", "a", digest)] = digest.encode()
    assert disk.tree() == wanted | tag_links("a", "all", digest)


def test_refused_manifest_leaves_nothing(disk, push):
    value = image("one")
    assert push.put_manifest("a", "v1", value.manifest, SCHEMA2).status == 400
    assert disk.tree() == {}


# ---- deletes ------------------------------------------------------------------------------------


def test_deleted_blob_loses_its_link_only(disk, push):
    digest = push.push_blob("a", DATA)
    push.delete(f"/v2/a/blobs/{digest}")
    assert disk.tree() == {blob_key(DATA): DATA}


def test_deleted_manifest_loses_revision_and_tags_only(disk, push):
    gone, kept = image("gone"), image("kept")
    for tag, value in [("v1", gone), ("v2", gone), ("v3", gone), ("v3", kept)]:
        push.push_image("a", tag, value)
    assert push.delete(f"/v2/a/manifests/{gone.digest}").status == 202
    wanted = image_files("a", gone) | image_files("a", kept)
    del wanted[link("_manifests/revisions", "a", gone.digest)]
    assert disk.tree() == wanted | tag_links("a", "v3", kept.digest, gone.digest)
    tags = disk.repository_path("a") / "_manifests/tags"
    assert [path.name for path in tags.iterdir()] == ["v3"]


@pytest.mark.ours("tags can be deleted")
def test_deleted_tag_loses_its_directory_only(disk, push):
    value = image("one")
    push.push_image("a", "v1", value)
    push.push_image("a", "v2", value)
    assert push.delete("/v2/a/manifests/v1").status == 202
    assert disk.tree() == image_files("a", value, "v2")
    tags = disk.repository_path("a") / "_manifests/tags"
    assert [path.name for path in tags.iterdir()] == ["v2"]


# ---- modes --------------------------------------------------------------------------------------


def test_files_and_directories_have_the_usual_modes(disk, push):
    push.push_image("a", "v1", image("one"))
    push.start_upload("a")
    for path in (disk.root / "docker").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path


# ---- what a peer, an accident or an operator left there -----------------------------------------


@pytest.mark.ours("a damaged link is an absent one")
@pytest.mark.parametrize(
    "text", ["", "\n", "sha256:abc", "{digest}\n", " {digest}", "x" * 100_000, "\0" * 71]
)
def test_damaged_link_is_unknown_and_can_be_mended(disk, push, text):
    value = image("one")
    push.push_image("a", "v1", value)
    text = text.replace("{digest}", value.digest)
    current = disk.repository_path("a") / "_manifests/tags/v1/current/link"
    layer = disk.root / "docker/registry/v2" / link("_layers", "a", digest_of(value.blobs[1]))
    revision = disk.root / "docker/registry/v2" / link("_manifests/revisions", "a", value.digest)
    for path, target in [
        (current, "/v2/a/manifests/v1"),
        (layer, f"/v2/a/blobs/{digest_of(value.blobs[1])}"),
        (revision, f"/v2/a/manifests/{value.digest}"),
    ]:
        path.write_text(text)
        assert push.get(target).status == 404, path
    push.push_image("a", "v1", value)
    assert push.get_manifest("a", "v1", SCHEMA2).body == value.manifest
    assert push.pull_blob("a", digest_of(value.blobs[1])) == value.blobs[1]


def test_link_without_content_is_unknown(disk, push):
    digest = push.push_blob("a", DATA)
    disk.blob_path(digest).unlink()
    assert push.get(f"/v2/a/blobs/{digest}").status == 404
    assert push.head(f"/v2/a/blobs/{digest}").status == 404
    push.push_blob("a", DATA)
    assert push.pull_blob("a", digest) == DATA


def test_directory_in_the_place_of_content_is_unknown(disk, push):
    digest = push.push_blob("a", DATA)
    disk.blob_path(digest).unlink()
    disk.blob_path(digest).mkdir()
    assert push.get(f"/v2/a/blobs/{digest}").status == 404
    disk.blob_path(digest).rmdir()
    disk.blob_path(digest).write_bytes(DATA)


def test_private_directories_of_others_are_ignored(disk, push):
    push.push_image("a", "v1", image("one"))
    for name in ("_something", "_referrers"):
        (disk.repository_path("a") / name / "deep").mkdir(parents=True)
        (disk.repository_path("a") / name / "deep/file").write_text("x")
    assert push.get("/v2/_catalog").json() == {"repositories": ["a"]}
    assert push.get("/v2/a/tags/list").json()["tags"] == ["v1"]
    for name in ("_something", "_referrers"):
        (disk.repository_path("a") / name / "deep/file").unlink()


def test_empty_directories_do_no_harm(disk, push):
    base = disk.repository_path("a")
    for path in ("_uploads/x", "_layers/sha256/00", "_manifests/revisions", "b/c"):
        (base / path).mkdir(parents=True)
    push.push_image("a", "v1", image("one"))
    assert push.get("/v2/_catalog").json() == {"repositories": ["a"]}


def test_content_that_is_cut_while_it_is_sent_closes_the_connection(disk, push):
    """The client cannot take a part for the whole, and the server goes on."""
    data = random_bytes(32 << 20, "cut")
    digest = push.push_blob("a", data)
    with disk.connect(receive_buffer=4096) as connection:
        connection.send_head("GET", f"/v2/a/blobs/{digest}")
        assert connection.read_head().header("Content-Length") == str(len(data))
        with open(disk.blob_path(digest), "r+b") as file:
            file.truncate(1000)
        try:
            assert len(connection.read_to_end()) < len(data)
        except ConnectionError:
            pass
    assert push.get("/v2/").status == 200
    disk.blob_path(digest).write_bytes(data)


def test_storage_that_vanishes_is_made_again(disk, push):
    push.push_blob("a", DATA)
    shutil.rmtree(disk.root)
    assert push.get("/v2/_catalog").json() == {"repositories": []}
    assert push.get(f"/v2/a/blobs/{digest_of(DATA)}").status == 404
    push.push_image("a", "v1", image("one"))
    push.push_blob("a", DATA)
    assert push.pull_blob("a", digest_of(DATA)) == DATA


def test_content_damaged_in_storage_is_not_made_worse(disk, push):
    """A push of the same bytes succeeds; what is served has the length that was promised."""
    digest = push.push_blob("a", DATA)
    disk.blob_path(digest).write_bytes(DATA[:5])
    response = push.get(f"/v2/a/blobs/{digest}")
    assert response.status in (200, 404, 500)
    if response.status == 200:
        assert int(response.header("Content-Length")) == len(response.body)
    disk.blob_path(digest).write_bytes(DATA)
