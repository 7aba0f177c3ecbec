# SPDX-License-Identifier: Apache-2.0
"""Storage that years of use, crashes and people have damaged, seen from outside.

What is damaged counts as absent, is named in the log, does no harm to anything else, and can be
pushed again.
"""
import shutil

import pytest
from support.check import assert_error
from support.content import EMPTY_DIGEST, SCHEMA2, UNKNOWN_DIGEST, digest_of, image, random_bytes
from support.damage import (
    LINK_DAMAGE,
    answers,
    clear,
    make_directory,
    make_fifo,
    make_full_directory,
    make_loop,
    make_socket,
    rewrite,
    warnings_about,
)
from support.session import hash_state

NO_REPAIR = "upstream answers 500 for what is damaged and does not repair it"

damaged_link = pytest.mark.parametrize("damage", LINK_DAMAGE.values(), ids=LINK_DAMAGE)


def link(base, kind, digest):
    return base.joinpath(kind, *digest.split(":"), "link")


@pytest.fixture
def pushed(fs_client, repo):
    value = image(repo)
    fs_client.push_image(repo, "v1", value)
    return value


# ---- links -------------------------------------------------------------------------------------


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_tag_is_absent_and_can_be_pushed_again(fs_registry, fs_client, repo, pushed, damage):
    path = fs_registry.repository_path(repo) / "_manifests/tags/v1/current/link"
    damage(path)
    with warnings_about(fs_registry, path) as warnings:
        assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN", {"Tag": "v1"})
    assert len(warnings) == 1, warnings
    assert fs_client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
    assert fs_client.get_manifest(repo, pushed.digest, SCHEMA2).status == 200
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest
    answers(fs_client)


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_tag_can_be_deleted(fs_registry, fs_client, repo, pushed, damage):
    tag = fs_registry.repository_path(repo) / "_manifests/tags/v1"
    damage(tag / "current/link")
    assert fs_client.delete(f"/v2/{repo}/manifests/v1").status == 202
    assert not tag.exists()
    assert fs_client.get(f"/v2/{repo}/tags/list").json()["tags"] == []


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_tag_does_not_keep_a_manifest_from_being_deleted(fs_registry, fs_client, repo, pushed,
                                                                 damage):
    fs_client.push_manifest(repo, "v2", pushed.manifest, SCHEMA2)
    damage(fs_registry.repository_path(repo) / "_manifests/tags/v1/current/link")
    assert fs_client.delete(f"/v2/{repo}/manifests/{pushed.digest}").status == 202
    assert fs_client.get_manifest(repo, pushed.digest, SCHEMA2).status == 404
    assert fs_client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_tag_index_is_never_read(fs_registry, fs_client, repo, pushed, damage):
    path = link(fs_registry.repository_path(repo) / "_manifests/tags/v1", "index", pushed.digest)
    damage(path)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert path.read_text() == pushed.digest


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_revision_is_absent_and_can_be_pushed_again(fs_registry, fs_client, repo, pushed,
                                                            damage):
    path = link(fs_registry.repository_path(repo), "_manifests/revisions", pushed.digest)
    damage(path)
    with warnings_about(fs_registry, path) as warnings:
        assert_error(fs_client.get_manifest(repo, pushed.digest, SCHEMA2), 404, "MANIFEST_UNKNOWN")
    assert len(warnings) == 1, warnings
    assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN")
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_revision_can_be_deleted(fs_registry, fs_client, repo, pushed, damage):
    path = link(fs_registry.repository_path(repo), "_manifests/revisions", pushed.digest)
    damage(path)
    is_loop = path.is_symlink()
    deleted = fs_client.delete(f"/v2/{repo}/manifests/{pushed.digest}")
    assert deleted.status == (404 if is_loop else 202)
    if is_loop:
        return
    assert not path.exists()
    assert fs_client.get(f"/v2/{repo}/tags/list").json()["tags"] == []


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_layer_is_absent_and_can_be_pushed_again(fs_registry, fs_client, repo, damage):
    blob = random_bytes(1000, repo)
    digest = fs_client.push_blob(repo, blob)
    path = link(fs_registry.repository_path(repo), "_layers", digest)
    damage(path)
    with warnings_about(fs_registry, path) as warnings:
        assert_error(fs_client.get(f"/v2/{repo}/blobs/{digest}"), 404, "BLOB_UNKNOWN", digest)
    assert len(warnings) == 1, warnings
    assert fs_client.head(f"/v2/{repo}/blobs/{digest}").status == 404
    refused = fs_client.put_manifest(repo, "v1", _image_of(blob), SCHEMA2)
    assert (refused.status, set(refused.codes)) == (400, {"MANIFEST_BLOB_UNKNOWN"})
    fs_client.push_blob(repo, blob)
    assert fs_client.pull_blob(repo, digest) == blob
    answers(fs_client)


def _image_of(layer):
    value = image("broken")
    text = value.manifest.replace(digest_of(value.blobs[1]).encode(), digest_of(layer).encode())
    return text.replace(b'"size":%d' % len(value.blobs[1]), b'"size":%d' % len(layer))


@pytest.mark.ours(NO_REPAIR)
@damaged_link
def test_damaged_layer_can_be_mounted_over(fs_registry, fs_client, repo, damage):
    blob = random_bytes(1000, repo)
    digest = fs_client.push_blob(f"{repo}/good", blob)
    fs_client.push_blob(repo, blob)
    damage(link(fs_registry.repository_path(repo), "_layers", digest))
    mounted = fs_client.post(f"/v2/{repo}/blobs/uploads/?mount={digest}&from={repo}/good")
    assert mounted.status == 201
    assert fs_client.pull_blob(repo, digest) == blob


@pytest.mark.ours("a link that names other content is damaged")
@pytest.mark.parametrize("kind", ["_layers", "_manifests/revisions"])
def test_link_that_names_other_content_is_absent(fs_registry, fs_client, repo, pushed, kind):
    is_layer = kind == "_layers"
    digest = digest_of(pushed.blobs[1]) if is_layer else pushed.digest
    path = link(fs_registry.repository_path(repo), kind, digest)
    path.write_text(digest_of(pushed.blobs[0]))
    route = "blobs" if is_layer else "manifests"
    with warnings_about(fs_registry, path) as warnings:
        assert fs_client.get(f"/v2/{repo}/{route}/{digest}").status == 404
    assert len(warnings) == 1, warnings


def test_tag_of_a_deleted_manifest_is_absent(fs_registry, fs_client, repo, pushed):
    shutil.rmtree(link(fs_registry.repository_path(repo), "_manifests/revisions", pushed.digest).parent)
    assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN")
    assert fs_client.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest


# ---- files and directories in each other's place --------------------------------------------


@pytest.mark.ours(NO_REPAIR)
@pytest.mark.parametrize("at", ["_manifests/tags/v1", "_manifests/tags/v1/current", "_manifests/tags/v1/index",
                                "_manifests/tags", "_manifests/revisions", "_manifests", "_layers",
                                "_layers/sha256", "_uploads"])
def test_file_in_a_directory_s_place_is_replaced_by_a_push(fs_registry, fs_client, repo, pushed, at):
    path = fs_registry.repository_path(repo) / at
    shutil.rmtree(path)
    path.write_text("a file")
    answers(fs_client)
    with warnings_about(fs_registry, path) as warnings:
        fs_client.push_image(repo, "v1", pushed)
    assert any("in the way" in line for line in warnings), warnings
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest
    assert fs_client.pull_blob(repo, digest_of(pushed.blobs[0])) == pushed.blobs[0]


@pytest.mark.ours("a file in a repository's place is absence")
def test_file_in_a_repository_s_place_is_absent(fs_registry, fs_client, repo):
    path = fs_registry.repository_path(repo)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")
    assert_error(fs_client.get(f"/v2/{repo}/tags/list"), 404, "NAME_UNKNOWN", {"name": repo})
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).status == 404
    assert fs_client.get(f"/v2/{repo}/blobs/{UNKNOWN_DIGEST}").status == 404
    assert fs_client.post(f"/v2/{repo}/blobs/uploads/").status == 500
    assert path.read_text() == "a file"  # somebody's: it stays


@pytest.mark.ours(NO_REPAIR)
@pytest.mark.parametrize("damage", [make_directory, make_full_directory])
def test_directory_in_a_blob_s_place_is_replaced_by_a_push(fs_registry, fs_client, repo, damage):
    blob = random_bytes(5000, repo)
    digest = fs_client.push_blob(repo, blob)
    damage(fs_registry.blob_path(digest))
    assert_error(fs_client.get(f"/v2/{repo}/blobs/{digest}"), 404, "BLOB_UNKNOWN", digest)
    fs_client.push_blob(repo, blob)
    assert fs_client.pull_blob(repo, digest) == blob


@pytest.mark.ours(NO_REPAIR)
def test_file_in_the_place_of_a_blob_s_directory_is_replaced_by_a_push(fs_registry, fs_client, repo):
    blob = random_bytes(5000, repo)
    digest = fs_client.push_blob(repo, blob)
    directory = fs_registry.blob_path(digest).parent
    shutil.rmtree(directory)
    directory.write_text("a file")
    assert fs_client.get(f"/v2/{repo}/blobs/{digest}").status == 404
    fs_client.push_blob(repo, blob)
    assert fs_client.pull_blob(repo, digest) == blob


@pytest.mark.ours(NO_REPAIR)
@pytest.mark.parametrize("damage", [make_directory, make_fifo, make_socket, make_loop])
def test_what_is_no_file_in_a_manifest_s_place_is_replaced(fs_registry, fs_client, repo, pushed, damage):
    damage(fs_registry.blob_path(pushed.digest))
    assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN")
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest


# ---- content -----------------------------------------------------------------------------------


@pytest.mark.ours("a blob of no bytes is absent")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_blob_cut_to_nothing_is_absent(fs_registry, fs_client, repo, method):
    blob = random_bytes(5000, repo)
    digest = fs_client.push_blob(repo, blob)
    path = fs_registry.blob_path(digest)
    path.write_bytes(b"")
    with warnings_about(fs_registry, path) as warnings:
        assert fs_client.request(method, f"/v2/{repo}/blobs/{digest}").status == 404
    assert len(warnings) == 1, warnings
    refused = fs_client.put_manifest(repo, "v1", _image_of(blob), SCHEMA2)
    assert (refused.status, set(refused.codes)) == (400, {"MANIFEST_BLOB_UNKNOWN"})
    mount = fs_client.post(f"/v2/{repo}/other/blobs/uploads/?mount={digest}&from={repo}")
    assert mount.status == 202
    fs_client.push_blob(repo, blob)
    assert fs_client.pull_blob(repo, digest) == blob


@pytest.mark.ours("content of another size is replaced")
@pytest.mark.parametrize("rest", [b"", b"x", random_bytes(4999, 1), random_bytes(5001, 1)])
def test_blob_of_another_size_is_replaced_by_a_push(fs_registry, fs_client, repo, rest):
    blob = random_bytes(5000, repo)
    digest = fs_client.push_blob(repo, blob)
    fs_registry.blob_path(digest).write_bytes(rest)
    fs_client.push_blob(f"{repo}/other", blob)
    assert fs_client.pull_blob(repo, digest) == blob


@pytest.mark.ours("an empty blob has no bytes")
def test_empty_blob_that_is_not_empty_is_absent(start_registry):
    registry = start_registry()
    with registry.client() as client:
        client.push_blob("repo", b"")
        assert client.pull_blob("repo", EMPTY_DIGEST) == b""
        registry.blob_path(EMPTY_DIGEST).write_bytes(b"x")
        assert client.get(f"/v2/repo/blobs/{EMPTY_DIGEST}").status == 404
        client.push_blob("repo", b"")
        assert client.pull_blob("repo", EMPTY_DIGEST) == b""


@pytest.mark.ours("manifests are verified when read")
@pytest.mark.parametrize("rest", [b"", b"{", b"{}", b"\0" * 500, b"x" * (5 << 20)],
                         ids=["empty", "brace", "json", "zeros", "large"])
def test_damaged_manifest_is_absent_and_can_be_pushed_again(fs_registry, fs_client, repo, pushed, rest):
    path = fs_registry.blob_path(pushed.digest)
    path.write_bytes(rest)
    with warnings_about(fs_registry, path) as warnings:
        assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN")
    assert len(warnings) == 1, warnings
    fs_client.push_manifest(repo, "v1", pushed.manifest, SCHEMA2)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest
    answers(fs_client)


def test_missing_blobs_are_absent(fs_registry, fs_client, repo, pushed):
    for digest in (pushed.digest, digest_of(pushed.blobs[0])):
        fs_registry.blob_path(digest).unlink()
    assert_error(fs_client.get_manifest(repo, "v1", SCHEMA2), 404, "MANIFEST_UNKNOWN")
    assert fs_client.head(f"/v2/{repo}/blobs/{digest_of(pushed.blobs[0])}").status == 404
    fs_client.push_image(repo, "v1", pushed)
    assert fs_client.get_manifest(repo, "v1", SCHEMA2).body == pushed.manifest


# ---- sessions ----------------------------------------------------------------------------------


@pytest.fixture
def session(fs_registry, fs_client, repo):
    """The directory and the location of a session with 1000 bytes."""
    location = fs_client.append(fs_client.start_upload(repo), random_bytes(1000, repo))
    (directory,) = (fs_registry.repository_path(repo) / "_uploads").iterdir()
    return directory, location


def finish(client, repo, location):
    blob = random_bytes(1000, repo) + b"the rest"
    client.commit(client.append(location, b"the rest"), digest_of(blob))
    assert client.pull_blob(repo, digest_of(blob)) == blob


def test_session_without_startedat_is_unknown(fs_client, session):
    directory, location = session
    (directory / "startedat").unlink()
    assert_error(fs_client.patch(location, body=b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
    assert fs_client.delete(location).status == 404


@pytest.mark.ours("a time that does not parse is no reason to lose an upload")
@pytest.mark.parametrize("text", ["", "garbage", "2026-11-21T06:45:51Z\n", "x" * 5000,
                                  "2026-13-41T99:99:99Z"])
def test_session_with_an_unparsable_time_goes_on(fs_client, repo, session, text):
    directory, location = session
    (directory / "startedat").write_text(text)
    assert fs_client.get(location).status == 204
    finish(fs_client, repo, location)


@pytest.mark.parametrize("damage", [make_directory, make_fifo, make_socket, make_loop])
@pytest.mark.ours("what is no file is no session")
def test_session_whose_startedat_is_no_file_is_unknown(fs_client, session, damage):
    directory, location = session
    damage(directory / "startedat")
    assert_error(fs_client.patch(location, body=b"x"), 404, "BLOB_UPLOAD_UNKNOWN")


STATES = {
    "missing": clear,
    "empty": rewrite(lambda state: b""),
    "short": rewrite(lambda state: state[:-1]),
    "long": rewrite(lambda state: state + b"\0"),
    "magic": rewrite(lambda state: b"sha\x02" + state[4:]),
    "count": rewrite(lambda state: state[:-1] + bytes([state[-1] ^ 1])),
    "large": rewrite(lambda state: state * 10000),
    "directory": make_full_directory,
    "fifo": make_fifo,
    "socket": make_socket,
    "symlink-loop": make_loop,
    "right-shape": rewrite(lambda state: hash_state(b"x" * 1000)),
}


@pytest.mark.ours("a hash state that is damaged is made again from the data")
@pytest.mark.parametrize("damage", STATES.values(), ids=STATES)
def test_session_with_a_damaged_hash_state_goes_on(fs_client, repo, session, damage):
    directory, location = session
    damage(directory / "hashstates/sha256/1000")
    finish(fs_client, repo, location)


@pytest.mark.ours("a hash state that is damaged is made again from the data")
@pytest.mark.parametrize("damage", STATES.values(), ids=STATES)
def test_commit_without_bytes_survives_a_damaged_hash_state(fs_client, repo, session, damage):
    directory, location = session
    damage(directory / "hashstates/sha256/1000")
    blob = random_bytes(1000, repo)
    fs_client.commit(location, digest_of(blob))
    assert fs_client.pull_blob(repo, digest_of(blob)) == blob


@pytest.mark.ours("names beside the sizes are ignored without a word")
def test_foreign_files_in_a_session_are_ignored_and_removed_with_it(fs_client, repo, session):
    directory, location = session
    for name in ("data.tmp", "x", ".tmp", "hashstates/md5", "hashstates/sha256/abc",
                 "hashstates/sha256/-1", "hashstates/sha256/99999999999999999999"):
        (directory / name).write_text("foreign")
    finish(fs_client, repo, location)
    assert not directory.exists()


@pytest.mark.ours("what is no file is replaced")
@pytest.mark.parametrize("damage", [make_full_directory, make_fifo, make_socket, make_loop])
def test_session_whose_data_is_no_file_starts_again_or_fails_alone(fs_client, repo, session, damage):
    directory, location = session
    damage(directory / "data")
    assert fs_client.patch(location, body=b"x").status in (416, 500)
    assert fs_client.delete(location).status in (204, 500)
    answers(fs_client)
