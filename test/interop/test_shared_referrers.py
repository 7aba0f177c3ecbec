# SPDX-License-Identifier: Apache-2.0
"""Referrers where upstream's registry, which knows nothing of them, works on the same storage."""
import subprocess

import pytest
from conftest import UPSTREAM
from support import layout
from support.content import (
    OCI_INDEX,
    OCI_MANIFEST,
    UNKNOWN_DIGEST,
    descriptor,
    digest_of,
    image,
    to_json,
)

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def artifact(subject, kind="application/spdx+json"):
    return to_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": descriptor(EMPTY, EMPTY_TYPE),
            "layers": [descriptor(EMPTY, EMPTY_TYPE)],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
        }
    )


def push(client, repository, content, reference=None):
    client.push_blob(repository, EMPTY)
    return client.push_manifest(repository, reference or digest_of(content), content, OCI_MANIFEST)


def referrers(client, repository, subject):
    response = client.get(f"/v2/{repository}/referrers/{subject}")
    assert response.status == 200, response
    return {entry["digest"] for entry in response.json()["manifests"]}


def test_what_upstream_takes_we_list(cluster, repo):
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        value = image(repo, OCI_MANIFEST)
        theirs.push_image(repo, "v1", value)
        found = set()
        for number in range(4):
            client = theirs if number % 2 == 0 else ours
            found.add(push(client, repo, artifact(value.digest, f"x/{number}"), f"tag{number}"))
            assert referrers(ours, repo, value.digest) == found
        gone = min(found)
        assert theirs.delete(f"/v2/{repo}/manifests/{gone}").status == 202
        assert referrers(ours, repo, value.digest) == found - {gone}
        push(theirs, repo, artifact(value.digest, "x/5"), "again")
        assert len(referrers(ours, repo, value.digest)) == 4


def test_upstream_serves_and_lists_as_before(cluster, repo):
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        content = artifact(UNKNOWN_DIGEST)
        digest = push(ours, repo, content, "v1")
        assert referrers(ours, repo, UNKNOWN_DIGEST) == {digest}
        assert theirs.get_manifest(repo, "v1", OCI_MANIFEST).body == content
        assert theirs.get(f"/v2/{repo}/tags/list").json()["tags"] == ["v1"]
        names = theirs.get("/v2/_catalog?n=1000").json()["repositories"]
        assert repo in names
        assert not any("_referrers" in name for name in names)


def test_a_client_of_upstream_keeps_its_list_under_a_tag(cluster, repo):
    with cluster.ours.client() as ours, cluster.theirs.client() as theirs:
        value = image(repo, OCI_MANIFEST)
        theirs.push_image(repo, "v1", value)
        assert theirs.get(f"/v2/{repo}/referrers/{value.digest}").status == 404
        content = artifact(value.digest)
        digest = push(theirs, repo, content)
        fallback = {"schemaVersion": 2, "mediaType": OCI_INDEX}
        fallback["manifests"] = [descriptor(content, OCI_MANIFEST)]
        tag = value.digest.replace(":", "-")
        theirs.push_manifest(repo, tag, to_json(fallback), OCI_INDEX)
        assert referrers(ours, repo, value.digest) == {digest}


@pytest.mark.parametrize("options", [[], ["--delete-untagged"]], ids=["", "delete-untagged"])
def test_upstreams_garbage_collection_leaves_the_rest_of_them(start_registry, repo, options):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    ours = start_registry()
    value = image(repo, OCI_MANIFEST)
    with ours.client() as client:
        client.push_image(repo, "v1", value)
        kept = push(client, repo, artifact(value.digest, "x/kept"), "kept")
        untagged = push(client, repo, artifact(value.digest, "x/untagged"))
        dropped = push(client, repo, artifact(value.digest, "x/dropped"))
        alone = push(client, f"{repo}/below", artifact(value.digest, "x/alone"), "v1")
        assert referrers(client, repo, value.digest) == {kept, untagged, dropped}
        assert referrers(client, f"{repo}/below", value.digest) == {alone}
        assert client.delete(f"/v2/{repo}/manifests/{dropped}").status == 202
    ours.stop()
    command = [UPSTREAM, "garbage-collect", *options, ours.config_path]
    subprocess.run(command, check=True, capture_output=True)
    assert not ours.blob_path(dropped).exists()
    assert ours.blob_path(untagged).exists() == (not options)
    index = ours.repository_path(repo) / "_referrers/index"
    assert kept[7:] in index.read_text()
    ours.start()
    wanted = {kept} if options else {kept, untagged}
    with ours.client() as client:
        assert referrers(client, repo, value.digest) == wanted
        assert referrers(client, f"{repo}/below", value.digest) == {alone}
        index.unlink()
        assert referrers(client, repo, value.digest) == wanted
        push(client, repo, artifact(value.digest, "x/dropped"))
        assert referrers(client, repo, value.digest) == wanted | {dropped}
    layout.check(ours.root, foreign=("_referrers",))
