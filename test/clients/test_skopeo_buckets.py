# SPDX-License-Identifier: Apache-2.0
"""skopeo and a registry on a bucket: blobs come from the service itself, opened by signed addresses."""
import pytest
from support import images
from support.client_tools import SKOPEO, skopeo

pytestmark = pytest.mark.skipif(not SKOPEO.exists(), reason="skopeo is not installed")


def assert_comes_back(server, bucket, big_image, tmp_path, is_redirecting):
    name = f"docker://127.0.0.1:{server.port}/on/bucket:v1"
    digest = images.oci_layout(tmp_path / "in", "v1", big_image)
    skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path}/in:v1", name)
    assert bucket.uploads() == []
    skopeo("copy", "--src-tls-verify=false", name, f"oci:{tmp_path}/out:v1")
    assert images.layout_digest(tmp_path / "out") == digest
    assert images.layout_blobs(tmp_path / "out") == big_image.blob_digests() | {digest}
    gets = [line for line in server.stdout().splitlines() if '"GET /v2/on/bucket/blobs/' in line]
    assert gets and all(('" 307 0 ' in line) == is_redirecting for line in gets), gets


@pytest.mark.parametrize("is_redirecting", [True, False])
def test_an_image_comes_back_byte_for_byte(start_s3_registry, bucket, big_image, tmp_path, is_redirecting):
    server = start_s3_registry({"storage.redirect.disable": not is_redirecting})
    assert_comes_back(server, bucket, big_image, tmp_path, is_redirecting)


@pytest.mark.parametrize("is_redirecting", [True, False])
def test_an_image_comes_back_over_tls(ceph, start_s3_registry, bucket, big_image, tmp_path, is_redirecting):
    server = start_s3_registry({"storage.redirect.disable": not is_redirecting}, url=ceph.secure_url,
                               environment={"SSL_CERT_FILE": str(ceph.authority.path)})
    assert_comes_back(server, bucket, big_image, tmp_path, is_redirecting)
