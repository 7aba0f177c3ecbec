# SPDX-License-Identifier: Apache-2.0
"""Things to push: bytes with a digest, images and indexes."""
import hashlib
import json
import random
from dataclasses import dataclass

SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
ALL_TYPES = (SCHEMA2, LIST, OCI_MANIFEST, OCI_INDEX)

_CONFIG = {
    SCHEMA2: "application/vnd.docker.container.image.v1+json",
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
}
_LAYER = {
    SCHEMA2: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
}

UNKNOWN_DIGEST = "sha256:" + "0123456789abcdef" * 4
EMPTY_DIGEST = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def random_bytes(size, seed):
    """The same bytes for the same seed; another seed, other bytes."""
    return random.Random(f"{seed}").randbytes(size)


def to_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


def descriptor(content, media_type, **more):
    return {"mediaType": media_type, "size": len(content), "digest": digest_of(content), **more}


@dataclass
class Image:
    media_type: str
    manifest: bytes
    blobs: list

    @property
    def digest(self):
        return digest_of(self.manifest)


def image(seed, media_type=SCHEMA2, layer_count=1, **members):
    """An image unlike that of any other seed. @members are added to the manifest."""
    config = to_json({"architecture": "amd64", "os": "linux", "seed": f"{seed}"})
    layers = [f"layer {index} of {seed}".encode() for index in range(layer_count)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, _CONFIG[media_type]),
        "layers": [descriptor(layer, _LAYER[media_type]) for layer in layers],
        **members,
    }
    return Image(media_type, to_json(manifest), [config, *layers])


def index(children, media_type=LIST, **members):
    """@children: (Image, "os/architecture") pairs. Members given as None are left out."""
    entries = []
    for child, platform in children:
        system, architecture = platform.split("/")
        entries.append(
            descriptor(
                child.manifest,
                child.media_type,
                platform={"architecture": architecture, "os": system},
            )
        )
    value = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **members}
    return to_json({key: item for key, item in value.items() if item is not None})
