# SPDX-License-Identifier: Apache-2.0
"""Referrers of OCI 1.1: what is listed, in which form, and that the list follows from what is
stored, whoever stored it."""
import pytest
from support import layout
from support.content import (
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA2,
    UNKNOWN_DIGEST,
    descriptor,
    digest_of,
    image,
    random_bytes,
    to_json,
)

pytestmark = pytest.mark.ours("referrers")

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.example.signature.v1"
FILTERS = "OCI-Filters-Applied"


def subject_of(digest, size=100):
    return {"mediaType": OCI_MANIFEST, "digest": digest, "size": size}


def artifact(digest, artifact_type=SBOM, **members):
    """An artifact with empty config and layer, as the image specification recommends."""
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(EMPTY, EMPTY_TYPE),
        "layers": [descriptor(EMPTY, EMPTY_TYPE)],
        "subject": subject_of(digest),
        **members,
    }
    return to_json({key: item for key, item in value.items() if item is not None})


def push(client, repository, content, reference=None, media_type=OCI_MANIFEST):
    """Pushes a manifest and returns its digest."""
    client.push_blob(repository, EMPTY)
    reference = reference or digest_of(content)
    response = client.put_manifest(repository, reference, content, media_type)
    assert response.status == 201, response
    return digest_of(content)


def get(client, repository, digest, query=""):
    response = client.get(f"/v2/{repository}/referrers/{digest}{query}")
    assert response.status == 200, response
    assert response.header("Content-Type") == OCI_INDEX
    value = response.json()
    assert list(value) == ["schemaVersion", "mediaType", "manifests"]
    assert (value["schemaVersion"], value["mediaType"]) == (2, OCI_INDEX)
    digests = [entry["digest"] for entry in value["manifests"]]
    assert digests == sorted(set(digests))
    return response


def entries(client, repository, digest, query=""):
    return get(client, repository, digest, query).json()["manifests"]


def digests(client, repository, digest, query=""):
    return [entry["digest"] for entry in entries(client, repository, digest, query)]


def pages(client, repository, digest, query):
    """All answers from the first on, as their links lead."""
    response = get(client, repository, digest, query)
    answers = [response]
    while link := response.header("Link"):
        target, relation = link.split("; ")
        assert relation == 'rel="next"'
        response = client.get(target[1:-1])
        assert response.status == 200, response
        answers.append(response)
    return answers


# ---- one referrer -------------------------------------------------------------------------------


def test_a_push_says_that_the_subject_was_understood(client, repo):
    subject = digest_of(b"some manifest")
    client.push_blob(repo, EMPTY)
    content = artifact(subject)
    for reference in (digest_of(content), "tag"):
        response = client.put_manifest(repo, reference, content, OCI_MANIFEST)
        assert response.status == 201
        assert response.header("OCI-Subject") == subject
    value = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", value)
    response = client.put_manifest(repo, "v1", value.manifest, value.media_type)
    assert response.header("OCI-Subject") is None


def test_an_artifact_is_listed_for_its_subject(client, repo):
    value = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", value)
    content = artifact(value.digest, annotations={"org.example.b": "2", "org.example.a": "<1>"})
    digest = push(client, repo, content)
    assert entries(client, repo, value.digest) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": len(content),
            "artifactType": SBOM,
            "annotations": {"org.example.a": "<1>", "org.example.b": "2"},
        }
    ]
    assert entries(client, repo, digest) == []


def test_without_annotations_there_are_none(client, repo):
    push(client, repo, artifact(UNKNOWN_DIGEST))
    (entry,) = entries(client, repo, UNKNOWN_DIGEST)
    assert "annotations" not in entry


@pytest.mark.parametrize("own", [None, ""])
def test_the_type_of_an_image_without_one_is_that_of_its_config(client, repo, own):
    config = descriptor(EMPTY, SIGNATURE)
    push(client, repo, artifact(UNKNOWN_DIGEST, own, config=config))
    (entry,) = entries(client, repo, UNKNOWN_DIGEST)
    assert entry["artifactType"] == SIGNATURE


@pytest.mark.parametrize("own", [SBOM, None])
def test_an_index_refers_too(client, repo, own):
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "artifactType": own,
        "manifests": [],
        "subject": subject_of(UNKNOWN_DIGEST),
        "annotations": {"a": "b"},
    }
    content = to_json({key: item for key, item in value.items() if item is not None})
    client.push_blob(repo, EMPTY)
    response = client.put_manifest(repo, "index", content, OCI_INDEX)
    assert response.status == 201
    assert response.header("OCI-Subject") == UNKNOWN_DIGEST
    expected = {"mediaType": OCI_INDEX, "digest": digest_of(content), "size": len(content)}
    if own:
        expected["artifactType"] = own
    assert entries(client, repo, UNKNOWN_DIGEST) == [{**expected, "annotations": {"a": "b"}}]


def test_a_subject_may_come_later(client, repo):
    value = image(repo, OCI_MANIFEST)
    digest = push(client, repo, artifact(value.digest))
    assert digests(client, repo, value.digest) == [digest]
    client.push_image(repo, "v1", value)
    assert digests(client, repo, value.digest) == [digest]


def test_a_subject_is_found_as_it_is_written(client, repo):
    """Two digests of one manifest are two subjects."""
    value = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", value)
    long = digest_of(value.manifest, "sha512")
    first = push(client, repo, artifact(value.digest))
    client.push_blob(repo, EMPTY)
    response = client.put_manifest(repo, "long", artifact(long), OCI_MANIFEST)
    assert response.header("OCI-Subject") == long
    assert digests(client, repo, value.digest) == [first]
    assert digests(client, repo, long) == [digest_of(artifact(long))]


def test_a_referrer_pushed_by_sha512_is_listed_by_its_sha256(client, repo):
    content = artifact(UNKNOWN_DIGEST)
    push(client, repo, content, digest_of(content, "sha512"))
    assert digests(client, repo, UNKNOWN_DIGEST) == [digest_of(content)]


def test_docker_manifests_have_no_subject(client, repo):
    value = image(repo, SCHEMA2, subject=subject_of(UNKNOWN_DIGEST))
    client.push_image(repo, "v1", value)
    response = client.put_manifest(repo, "v1", value.manifest, value.media_type)
    assert response.header("OCI-Subject") is None
    assert entries(client, repo, UNKNOWN_DIGEST) == []


def test_hostile_annotations_stay_text(client, repo):
    annotations = {"\"},{": "\\\"\n\u2028é\x00</script>", "": "", "k" * 5000: "v" * 5000}
    push(client, repo, artifact(UNKNOWN_DIGEST, annotations=annotations))
    (entry,) = entries(client, repo, UNKNOWN_DIGEST)
    wanted = {key: text.replace("\x00", "\ufffd") for key, text in annotations.items()}
    assert entry["annotations"] == wanted


# ---- requests -----------------------------------------------------------------------------------


def test_nothing_refers_to_what_is_unknown(client, repo):
    assert entries(client, f"{repo}/absent", UNKNOWN_DIGEST) == []
    client.push_image(repo, "v1", image(repo))
    assert entries(client, repo, UNKNOWN_DIGEST) == []
    assert client.get(f"/v2/{repo}/absent/tags/list").status == 404


@pytest.mark.parametrize(
    "reference",
    ["latest", "sha256:short", "sha256:" + "A" * 64, "md5:" + "0" * 32, "sha256", "%7Ex", "sha512:" + "0" * 64],
)
def test_a_malformed_digest_is_400(client, repo, reference):
    response = client.get(f"/v2/{repo}/referrers/{reference}")
    assert response.status == 400
    assert response.codes == ["DIGEST_INVALID"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(client, repo, method):
    response = client.request(method, f"/v2/{repo}/referrers/{UNKNOWN_DIGEST}")
    assert response.status == 405
    assert response.header("Allow") == "GET"


def test_a_repository_named_referrers(client, repo):
    name = f"{repo}/referrers"
    client.push_image(name, "list", image(repo))
    assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["list"]
    digest = push(client, name, artifact(UNKNOWN_DIGEST))
    assert digests(client, name, UNKNOWN_DIGEST) == [digest]


# ---- filter and pages ---------------------------------------------------------------------------


@pytest.fixture
def mixed(client, repo):
    """Nine referrers, of three types in turn; {type: digests}."""
    types = [SBOM, SIGNATURE, "text/x+y;z=1 2"]
    found = {kind: [] for kind in types}
    client.push_blob(repo, EMPTY)
    for number in range(9):
        content = artifact(UNKNOWN_DIGEST, types[number % 3], annotations={"n": f"{number}"})
        client.push_manifest(repo, digest_of(content), content, OCI_MANIFEST)
        found[types[number % 3]].append(digest_of(content))
    return {kind: sorted(found[kind]) for kind in types}


def quote(text):
    return text.replace("+", "%2B").replace(";", "%3B").replace(" ", "+")


def test_a_filter_lets_only_one_type_through(client, repo, mixed):
    assert get(client, repo, UNKNOWN_DIGEST).header(FILTERS) is None
    assert get(client, repo, UNKNOWN_DIGEST, "?artifactType=").header(FILTERS) is None
    for kind, wanted in mixed.items():
        response = get(client, repo, UNKNOWN_DIGEST, f"?artifactType={quote(kind)}")
        assert response.header(FILTERS) == "artifactType"
        assert [entry["digest"] for entry in response.json()["manifests"]] == wanted
    response = get(client, repo, UNKNOWN_DIGEST, "?artifactType=x/none")
    assert response.header(FILTERS) == "artifactType"
    assert response.json()["manifests"] == []


def test_a_filter_too_long_for_a_type_is_none(client, repo, mixed):
    response = get(client, repo, UNKNOWN_DIGEST, f"?artifactType={'x' * 5000}")
    assert response.header(FILTERS) is None
    assert len(response.json()["manifests"]) == 9


@pytest.mark.parametrize("size", [1, 2, 4, 8, 9, 10])
def test_pages_together_are_the_list(client, repo, mixed, size):
    answers = pages(client, repo, UNKNOWN_DIGEST, f"?n={size}")
    assert len(answers) == -(-9 // size)
    found = [entry["digest"] for answer in answers for entry in answer.json()["manifests"]]
    assert found == sorted(sum(mixed.values(), []))


@pytest.mark.parametrize("kind", [SBOM, "text/x+y;z=1 2"])
def test_pages_keep_the_filter(client, repo, mixed, kind):
    answers = pages(client, repo, UNKNOWN_DIGEST, f"?n=2&artifactType={quote(kind)}")
    assert [len(answer.json()["manifests"]) for answer in answers] == [2, 1]
    assert all(answer.header(FILTERS) == "artifactType" for answer in answers)
    found = [entry["digest"] for answer in answers for entry in answer.json()["manifests"]]
    assert found == mixed[kind]


def test_last_need_not_exist(client, repo, mixed):
    every = sorted(sum(mixed.values(), []))
    assert digests(client, repo, UNKNOWN_DIGEST, f"?last={every[3]}") == every[4:]
    assert digests(client, repo, UNKNOWN_DIGEST, "?last=sha256:") == every
    assert digests(client, repo, UNKNOWN_DIGEST, "?last=sha256:g") == []
    assert get(client, repo, UNKNOWN_DIGEST, "?n=0").header("Link") is None
    assert digests(client, repo, UNKNOWN_DIGEST, "?n=0") == []
    response = client.get(f"/v2/{repo}/referrers/{UNKNOWN_DIGEST}?n=x")
    assert (response.status, response.codes) == (400, ["PAGINATION_NUMBER_INVALID"])


def test_no_answer_has_more_than_a_thousand(memory_client, repo):
    memory_client.push_blob(repo, EMPTY)
    for number in range(1005):
        content = artifact(UNKNOWN_DIGEST, annotations={"n": f"{number}"})
        memory_client.push_manifest(repo, digest_of(content), content, OCI_MANIFEST)
    for query in ("", "?n=5000"):
        answers = pages(memory_client, repo, UNKNOWN_DIGEST, query)
        assert [len(answer.json()["manifests"]) for answer in answers] == [1000, 5]


def test_an_answer_is_no_longer_than_a_manifest_may_be(memory_client, repo):
    """A client reads the list as it reads a manifest."""
    annotations = {"text": "x" * (1 << 20)}
    wanted = []
    for number in range(6):
        content = artifact(UNKNOWN_DIGEST, annotations={**annotations, "n": f"{number}"})
        wanted.append(push(memory_client, repo, content))
    answers = pages(memory_client, repo, UNKNOWN_DIGEST, "")
    assert [len(answer.json()["manifests"]) for answer in answers] == [3, 3]
    assert all(len(answer.body) <= 4 << 20 for answer in answers)
    found = [entry["digest"] for answer in answers for entry in answer.json()["manifests"]]
    assert found == sorted(wanted)


def test_annotations_too_long_for_any_answer_are_left_out(memory_client, repo):
    """`<` is written as six bytes; the manifest itself says the rest."""
    content = artifact(UNKNOWN_DIGEST, annotations={"text": "<" * (3 << 20)})
    other = artifact(UNKNOWN_DIGEST, artifact_type="<" * (1 << 20))
    found = {push(memory_client, repo, content), push(memory_client, repo, other)}
    answers = entries(memory_client, repo, UNKNOWN_DIGEST)
    assert {entry["digest"] for entry in answers} == found
    assert all("annotations" not in entry for entry in answers)


# ---- what is stored -----------------------------------------------------------------------------


def test_a_deleted_referrer_disappears(client, repo):
    first = push(client, repo, artifact(UNKNOWN_DIGEST, SBOM))
    second = push(client, repo, artifact(UNKNOWN_DIGEST, SIGNATURE))
    assert digests(client, repo, UNKNOWN_DIGEST) == sorted([first, second])
    assert client.delete(f"/v2/{repo}/manifests/{first}").status == 202
    assert digests(client, repo, UNKNOWN_DIGEST) == [second]
    push(client, repo, artifact(UNKNOWN_DIGEST, SBOM))
    assert digests(client, repo, UNKNOWN_DIGEST) == sorted([first, second])


def test_deleting_the_subject_keeps_its_referrers(client, repo):
    value = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", value)
    digest = push(client, repo, artifact(value.digest))
    assert client.delete(f"/v2/{repo}/manifests/{value.digest}").status == 202
    assert digests(client, repo, value.digest) == [digest]


def test_deleting_a_tag_keeps_the_referrer(client, repo):
    digest = push(client, repo, artifact(UNKNOWN_DIGEST), "v1")
    assert client.delete(f"/v2/{repo}/manifests/v1").status == 202
    assert digests(client, repo, UNKNOWN_DIGEST) == [digest]


def test_referrers_are_of_one_repository(client, repo):
    digest = push(client, f"{repo}/a", artifact(UNKNOWN_DIGEST))
    push(client, f"{repo}/a/b", artifact(UNKNOWN_DIGEST, SIGNATURE))
    assert digests(client, f"{repo}/a", UNKNOWN_DIGEST) == [digest]
    assert digests(client, repo, UNKNOWN_DIGEST) == []


def test_referrers_survive_a_restart(start_registry):
    registry = start_registry()
    with registry.client() as client:
        digest = push(client, "a", artifact(UNKNOWN_DIGEST))
    for _ in range(2):
        registry.kill()
        registry.start()
        with registry.client() as client:
            assert digests(client, "a", UNKNOWN_DIGEST) == [digest]


def index_path(registry, repository):
    return registry.repository_path(repository) / "_referrers/index"


def test_the_index_is_all_that_is_added_and_only_when_somebody_asks(start_registry):
    registry = start_registry()
    with registry.client() as client:
        digest = push(client, "a", artifact(UNKNOWN_DIGEST))
        layout.check(registry.root)
        entries(client, "a", UNKNOWN_DIGEST)
        entries(client, "b", UNKNOWN_DIGEST)
        seen = layout.check(registry.root, foreign=("_referrers",))
        assert seen.private == ["repositories/a/_referrers/index"]
        assert not registry.repository_path("b").exists()
        line = f"{digest[7:]} {UNKNOWN_DIGEST}\n".encode()
        assert index_path(registry, "a").read_bytes() == f"1 {digest_of(line)}\n".encode() + line


@pytest.mark.parametrize(
    "damage",
    [b"", b"\n", b"1 sha256:\n", b"x" * 100, b"\x00" * 5000, b"1 " + digest_of(b"").encode() + b"\n"],
)
def test_a_damaged_index_is_made_anew(fs_registry, fs_client, repo, damage):
    wanted = [push(fs_client, repo, artifact(UNKNOWN_DIGEST, SBOM))]
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == wanted
    path = index_path(fs_registry, repo)
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == wanted
    assert path.read_bytes() == whole
    path.unlink()
    path.mkdir()
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == wanted
    assert path.read_bytes() == whole
    path.unlink()
    path.parent.rmdir()
    path.parent.write_bytes(b"in the way")
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == wanted
    assert path.read_bytes() == whole


def write_as_peer(registry, repository, content):
    """What upstream's registry leaves of a push by digest; it indexes nothing."""
    digest = digest_of(content)
    for path, text in (
        (registry.blob_path(digest), content),
        (
            registry.repository_path(repository) / "_manifests/revisions/sha256" / digest[7:] / "link",
            digest.encode(),
        ),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return digest


def test_what_a_peer_stores_is_found(fs_registry, fs_client, repo):
    found = []
    for number in range(3):
        content = artifact(UNKNOWN_DIGEST, annotations={"n": f"{repo} {number}"})
        found.append(write_as_peer(fs_registry, repo, content))
        broken = artifact("sha256:broken", annotations={"n": f"{repo} {number}"})
        write_as_peer(fs_registry, repo, broken)
        assert digests(fs_client, repo, UNKNOWN_DIGEST) == sorted(found)


def test_what_a_peer_deletes_disappears(fs_registry, fs_client, repo):
    """Upstream removes the link and leaves its directory."""
    digest = push(fs_client, repo, artifact(UNKNOWN_DIGEST))
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == [digest]
    revisions = fs_registry.repository_path(repo) / "_manifests/revisions/sha256"
    (revisions / digest[7:] / "link").unlink()
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == []
    index_path(fs_registry, repo).unlink()
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == []
    (revisions / digest[7:] / "link").write_text(digest)
    assert digests(fs_client, repo, UNKNOWN_DIGEST) == [digest]


@pytest.mark.parametrize("damage", [b"", b"{}", b"not a manifest"])
def test_damage_hides_only_what_is_damaged(fs_registry, fs_client, repo, damage):
    damaged = push(fs_client, repo, artifact(UNKNOWN_DIGEST, f"x/{repo}"))
    whole = push(fs_client, repo, artifact(UNKNOWN_DIGEST, f"y/{repo}"))
    content = fs_registry.blob_path(damaged).read_bytes()
    for is_known in (False, True):
        fs_registry.blob_path(damaged).write_bytes(damage)
        assert digests(fs_client, repo, UNKNOWN_DIGEST) == [whole]
        fs_registry.blob_path(damaged).write_bytes(content)
        assert digests(fs_client, repo, UNKNOWN_DIGEST) == sorted([damaged, whole])


def test_what_a_fallback_tag_lists_is_found(client, repo):
    """Older clients keep a list of referrers themselves, in an index under a tag."""
    value = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", value)
    contents = [artifact(value.digest, kind) for kind in (SBOM, SIGNATURE)]
    found = [push(client, repo, content) for content in contents]
    other = push(client, repo, artifact(UNKNOWN_DIGEST))
    listed = [
        {**descriptor(content, OCI_MANIFEST), "artifactType": "x/wrong"}
        for content in [*contents, artifact(UNKNOWN_DIGEST)]
    ]
    fallback = to_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
    client.push_manifest(repo, value.digest.replace(":", "-"), fallback, OCI_INDEX)
    answer = entries(client, repo, value.digest)
    assert [entry["digest"] for entry in answer] == sorted(found)
    assert {entry["artifactType"] for entry in answer} == {SBOM, SIGNATURE}
    assert digests(client, repo, UNKNOWN_DIGEST) == [other]


def test_a_client_that_leaves_leaves_nothing_open(start_registry):
    registry = start_registry()
    with registry.client() as client:
        for number in range(200):
            push_only = artifact(UNKNOWN_DIGEST, annotations={"n": f"{number}"})
            write_as_peer(registry, "a", push_only)
        entries(client, "b", UNKNOWN_DIGEST)
        before = registry.fd_count()
        for _ in range(10):
            with registry.connect() as connection:
                connection.send_head("GET", f"/v2/a/referrers/{UNKNOWN_DIGEST}")
                connection.reset()
        assert len(entries(client, "a", UNKNOWN_DIGEST)) == 200
        assert registry.fd_count() <= before + 1


def test_others_are_served_while_much_is_read(start_registry):
    registry = start_registry()
    for number in range(1000):
        write_as_peer(registry, "a", artifact(UNKNOWN_DIGEST, annotations={"n": f"{number}"}))
    with registry.connect() as asking, registry.client() as client:
        asking.send_head("GET", f"/v2/a/referrers/{UNKNOWN_DIGEST}?n=1")
        count = 0
        while asking.is_silent(0):
            assert client.get("/v2/").status == 200
            count += 1
        assert asking.read_response().status == 200
        assert count > 3


# ---- mounts -------------------------------------------------------------------------------------


def test_mount_without_from_finds_what_is_here_already(client, repo):
    data = random_bytes(100, repo)
    digest = client.push_blob(repo, data)
    response = client.post(f"/v2/{repo}/blobs/uploads/?mount={digest}")
    assert response.status == 201
    assert response.location == f"/v2/{repo}/blobs/{digest}"
    assert response.header("Docker-Content-Digest") == digest


def test_mount_without_from_is_a_session_otherwise(client, repo):
    digest = client.push_blob(f"{repo}/other", random_bytes(100, repo))
    for parameters in (f"mount={digest}", "mount=sha256:short", f"mount={digest}&from=", "mount="):
        response = client.post(f"/v2/{repo}/blobs/uploads/?{parameters}")
        assert response.status == 202, parameters
        assert client.head(f"/v2/{repo}/blobs/{digest}").status == 404
        assert client.delete(response.location).status == 204
