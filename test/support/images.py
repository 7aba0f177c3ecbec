# SPDX-License-Identifier: Apache-2.0
"""Container images made from nothing, without a network, in the formats the real clients read.

A Layer is a gzip file on disk; an Image is a list of layers and a config; from an image come an OCI
manifest or a Docker one. Layouts: oci_layout() for oci:PATH:TAG, docker_dir() for dir:PATH,
docker_archive() for `docker load`. The bytes depend only on the seed.
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import tarfile
import zlib

from support.content import LIST as DOCKER_LIST  # noqa: F401 - part of what this module offers
from support.content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of
from support.content import SCHEMA2 as DOCKER_MANIFEST

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

MIB = 1024 * 1024


def digest_of_file(path):
    hasher = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(MIB):
            hasher.update(piece)
    return "sha256:" + hasher.hexdigest()


def dump(document):
    return json.dumps(document, indent=2, sort_keys=True).encode()


class Layer:
    """One tar file in gzip: its file, its digest and size, and the digest of the tar inside."""

    def __init__(self, path, diff_id):
        self.path = pathlib.Path(path)
        self.diff_id = diff_id
        self.digest = digest_of_file(path)
        self.size = self.path.stat().st_size


class _HashingGzip(io.RawIOBase):
    """What tarfile writes goes through a hash of the tar and a gzip stream without a time stamp."""

    def __init__(self, stream, level):
        self.tar_hash = hashlib.sha256()
        self.gzip = gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=level, mtime=0, filename="")

    def writable(self):
        return True

    def write(self, data):
        self.tar_hash.update(data)
        self.gzip.write(data)
        return len(data)

    def close(self):
        self.gzip.close()


class _Random(io.RawIOBase):
    """A stream of size random bytes, the same for the same seed."""

    def __init__(self, seed, size):
        self.source = random.Random(seed)
        self.left = size

    def readable(self):
        return True

    def read(self, size=-1):
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        return self.source.randbytes(size)


def make_layer(folder, name, seed, size):
    """A layer that holds the file @name of @size random bytes."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"layer-{seed}-{size}.tar.gz"
    with open(path, "wb") as stream:
        # Level 0 stores: random bytes do not shrink, and compressing them would only cost time.
        writer = _HashingGzip(stream, 0 if size > MIB else 6)
        with tarfile.open(fileobj=writer, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
            info = tarfile.TarInfo(name)
            info.size = size
            info.mode = 0o644
            tar.addfile(info, _Random(seed, size))
        writer.close()
    return Layer(path, "sha256:" + writer.tar_hash.hexdigest())


class Image:
    def __init__(self, layers, architecture="amd64", comment=""):
        self.layers = layers
        self.architecture = architecture
        self.config = dump({
            "created": "2026-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"], "Labels": {"comment": comment}},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"layer {n}"}
                        for n in range(len(layers))],
        })
        self.config_digest = digest_of(self.config)

    def _manifest(self, media_type, config_type, layer_type):
        return dump({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": config_type, "digest": self.config_digest, "size": len(self.config)},
            "layers": [{"mediaType": layer_type, "digest": layer.digest, "size": layer.size}
                       for layer in self.layers],
        })

    def oci_manifest(self):
        return self._manifest(OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)

    def docker_manifest(self):
        return self._manifest(DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)

    def blob_digests(self):
        return {self.config_digest} | {layer.digest for layer in self.layers}


def index_of(images):
    """An OCI index of images, one per architecture."""
    return dump({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(image.oci_manifest(), OCI_MANIFEST,
                       platform={"os": "linux", "architecture": image.architecture})
            for image in images
        ],
    })


def _write_blob(folder, data):
    path = folder / "blobs" / "sha256" / digest_of(data).split(":")[1]
    path.write_bytes(data)


def _link_layer(layer, path):
    if not path.exists():
        os.link(layer.path, path)


def oci_layout(folder, tag, *images):
    """oci:FOLDER:TAG with one image, or with an index when there are several. Returns the digest."""
    folder = pathlib.Path(folder)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    for image in images:
        _write_blob(folder, image.config)
        _write_blob(folder, image.oci_manifest())
        for layer in image.layers:
            _link_layer(layer, folder / "blobs" / "sha256" / layer.digest.split(":")[1])
    if len(images) == 1:
        root, media_type = images[0].oci_manifest(), OCI_MANIFEST
    else:
        root, media_type = index_of(images), OCI_INDEX
        _write_blob(folder, root)
    name = {"org.opencontainers.image.ref.name": tag}
    (folder / "index.json").write_bytes(
        dump({"schemaVersion": 2, "manifests": [descriptor(root, media_type, annotations=name)]}))
    return digest_of(root)


def docker_dir(folder, image):
    """dir:FOLDER with a Docker manifest, schema 2. Returns its digest."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    (folder / "manifest.json").write_bytes(image.docker_manifest())
    (folder / image.config_digest.split(":")[1]).write_bytes(image.config)
    for layer in image.layers:
        _link_layer(layer, folder / layer.digest.split(":")[1])
    return digest_of(image.docker_manifest())


def docker_archive(path, image, name):
    """A file for `docker load` that brings @image as @name."""
    layer_names = []
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        def add(file_name, data):
            info = tarfile.TarInfo(file_name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        for layer in image.layers:
            layer_names.append(layer.diff_id.split(":")[1] + ".tar")
            add(layer_names[-1], zlib.decompress(layer.path.read_bytes(), wbits=31))
        add(image.config_digest.split(":")[1] + ".json", image.config)
        add("manifest.json", dump([{
            "Config": image.config_digest.split(":")[1] + ".json",
            "RepoTags": [name],
            "Layers": layer_names,
        }]))


def layout_blobs(folder):
    """Digests of every blob of an OCI layout, each checked against its name."""
    digests = set()
    for path in (pathlib.Path(folder) / "blobs" / "sha256").iterdir():
        assert digest_of_file(path) == "sha256:" + path.name
        digests.add("sha256:" + path.name)
    return digests


def layout_digest(folder):
    """The digest of the one manifest or index an OCI layout holds."""
    index = json.loads((pathlib.Path(folder) / "index.json").read_text())
    assert len(index["manifests"]) == 1
    return index["manifests"][0]["digest"]
