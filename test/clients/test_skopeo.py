# SPDX-License-Identifier: Apache-2.0
"""skopeo, the client of CI systems and mirrors: push, pull, mount, list, delete; in both formats."""
import json
import signal

import pytest
from support import images
from support.client_tools import SKOPEO, run, skopeo, start, wait_for_upload
from support.registry import wait_until

pytestmark = pytest.mark.skipif(not SKOPEO.exists(), reason="skopeo is not installed")


def copy(source, target, *options):
    return skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", *options, source, target)


def raw_manifest(server, reference):
    return run([SKOPEO, "inspect", "--tls-verify=false", "--raw", f"docker://{server.host}/{reference}"])


def assert_same_oci_image(folder, digest, image):
    assert images.layout_digest(folder) == digest
    assert images.layout_blobs(folder) == image.blob_digests() | {digest}


def test_an_oci_image_comes_back_byte_for_byte(server, big_image, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", big_image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/oci/big:v1")
    assert images.digest_of(raw_manifest(server, "oci/big:v1")) == digest
    copy(f"docker://{server.host}/oci/big:v1", f"oci:{tmp_path}/out:v1")
    assert_same_oci_image(tmp_path / "out", digest, big_image)


def test_a_docker_image_comes_back_byte_for_byte(server, big_image, tmp_path):
    digest = images.docker_dir(tmp_path / "in", big_image)
    copy(f"dir:{tmp_path}/in", f"docker://{server.host}/docker/big:v1")
    assert images.digest_of(raw_manifest(server, "docker/big:v1")) == digest
    copy(f"docker://{server.host}/docker/big@{digest}", f"dir:{tmp_path}/out")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == big_image.docker_manifest()
    for blob in big_image.blob_digests():
        assert images.digest_of_file(tmp_path / "out" / blob.split(":")[1]) == blob


def test_forty_layers_at_once(server, many_layers_image, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", many_layers_image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/many/layers:v1")
    copy(f"docker://{server.host}/many/layers:v1", f"oci:{tmp_path}/out:v1")
    assert_same_oci_image(tmp_path / "out", digest, many_layers_image)


def test_an_index_of_two_architectures_comes_back_whole(server, two_architectures, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", *two_architectures)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/multi/arch:v1", "--all")
    assert images.digest_of(raw_manifest(server, "multi/arch:v1")) == digest
    copy(f"docker://{server.host}/multi/arch:v1", f"oci:{tmp_path}/out:v1", "--all")
    assert images.layout_digest(tmp_path / "out") == digest
    wanted = {digest} | set().union(*(image.blob_digests() for image in two_architectures))
    assert wanted <= images.layout_blobs(tmp_path / "out")


def test_one_architecture_of_an_index_is_picked(server, two_architectures, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", *two_architectures)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/multi/arch:v1", "--all")
    skopeo("--override-arch=arm64", "copy", "--src-tls-verify=false",
           f"docker://{server.host}/multi/arch:v1", f"oci:{tmp_path}/out:v1")
    arm = two_architectures[1]
    assert images.layout_digest(tmp_path / "out") == images.digest_of(arm.oci_manifest())


def test_an_index_becomes_a_docker_manifest_list(server, two_architectures, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", *two_architectures)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/multi/list:v1", "--all", "--format=v2s2")
    manifest_list = json.loads(raw_manifest(server, "multi/list:v1"))
    assert manifest_list["mediaType"] == images.DOCKER_LIST
    assert [entry["mediaType"] for entry in manifest_list["manifests"]] == [images.DOCKER_MANIFEST] * 2
    copy(f"docker://{server.host}/multi/list:v1", f"dir:{tmp_path}/out", "--all")


@pytest.mark.parametrize("kind", ["v2s2", "oci"])
def test_skopeo_converts_on_the_way_in(server, small_image, tmp_path, kind):
    images.docker_archive(tmp_path / "image.tar", small_image, "a/b:c")
    copy(f"docker-archive:{tmp_path}/image.tar", f"docker://{server.host}/from/archive:{kind}",
         f"--format={kind}")
    manifest = json.loads(raw_manifest(server, f"from/archive:{kind}"))
    assert manifest.get("mediaType", images.OCI_MANIFEST) == {
        "v2s2": images.DOCKER_MANIFEST, "oci": images.OCI_MANIFEST}[kind]
    assert len(manifest["layers"]) == len(small_image.layers)
    copy(f"docker://{server.host}/from/archive:{kind}", f"dir:{tmp_path}/out")


def test_layers_are_mounted_from_another_repository(server, small_image, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", small_image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/mount/from:v1")
    copy(f"docker://{server.host}/mount/from:v1", f"docker://{server.host}/mount/to:v1")
    mounts = [line for line in server.stdout().splitlines()
              if "POST /v2/mount/to/blobs/uploads/?" in line and "mount=sha256" in line]
    assert len(mounts) >= len(small_image.layers)
    assert all('" 201 ' in line for line in mounts), mounts
    # Only the config is sent: skopeo mounts layers.
    assert server.stdout().count("PATCH /v2/mount/to/") == 1
    copy(f"docker://{server.host}/mount/to:v1", f"oci:{tmp_path}/out:v1")
    assert_same_oci_image(tmp_path / "out", digest, small_image)


def test_a_second_push_of_the_same_image_sends_no_layer(server, small_image, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/twice:v1")
    before = server.stdout().count("PATCH /v2/twice/")
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/twice:v2")
    assert server.stdout().count("PATCH /v2/twice/") == before


def test_tags_are_listed(server, small_image, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    for tag in ("v10", "latest", "v9"):
        copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/tags:{tag}")
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{server.host}/tags"))
    assert sorted(listed["Tags"]) == ["latest", "v10", "v9"]


def test_a_deleted_image_is_gone(server, small_image, tmp_path):
    images.oci_layout(tmp_path / "in", "v1", small_image)
    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/gone:v1")
    skopeo("delete", "--tls-verify=false", f"docker://{server.host}/gone:v1")
    inspect = start([SKOPEO, "inspect", "--tls-verify=false", "--raw",
                     f"docker://{server.host}/gone:v1"], tmp_path / "inspect.log")
    assert inspect.wait() != 0
    assert "manifest unknown" in (tmp_path / "inspect.log").read_text()


def test_a_push_cut_off_by_the_client_is_repeated(server, big_image, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", big_image)
    before = server.fd_count()
    push = start([SKOPEO, "--insecure-policy", "copy", "--dest-tls-verify=false",
                  f"oci:{tmp_path}/in:v1", f"docker://{server.host}/cut/client:v1"],
                 tmp_path / "push.log")
    wait_for_upload(server, "cut/client", 20 * images.MIB)
    push.send_signal(signal.SIGKILL)
    push.wait()
    wait_until(lambda: server.fd_count() <= before, what="the server closes what the dead client left open")

    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/cut/client:v1")
    copy(f"docker://{server.host}/cut/client:v1", f"oci:{tmp_path}/out:v1")
    assert_same_oci_image(tmp_path / "out", digest, big_image)


def test_a_push_cut_off_by_the_death_of_the_server_is_repeated(server, big_image, tmp_path):
    digest = images.oci_layout(tmp_path / "in", "v1", big_image)
    push = start([SKOPEO, "--insecure-policy", "copy", "--dest-tls-verify=false",
                  f"oci:{tmp_path}/in:v1", f"docker://{server.host}/cut/server:v1"],
                 tmp_path / "push.log")
    wait_for_upload(server, "cut/server", 20 * images.MIB)
    server.kill()
    assert push.wait() != 0
    server.start()

    copy(f"oci:{tmp_path}/in:v1", f"docker://{server.host}/cut/server:v1")
    copy(f"docker://{server.host}/cut/server:v1", f"oci:{tmp_path}/out:v1")
    assert_same_oci_image(tmp_path / "out", digest, big_image)
