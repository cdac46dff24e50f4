"""Media types of manifests, configs and layers (OCI image-spec media-types.md; Docker image manifest v2, schema 2)."""

from __future__ import annotations

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"

INDEXES = frozenset({DOCKER_LIST, OCI_INDEX})
MANIFESTS = frozenset({DOCKER_MANIFEST, OCI_MANIFEST})
OCI_OF_DOCKER = {DOCKER_CONFIG: OCI_CONFIG, DOCKER_LAYER: OCI_LAYER, DOCKER_LAYER_GZIP: OCI_LAYER_GZIP}
UNCOMPRESSED_LAYERS = frozenset({OCI_LAYER, DOCKER_LAYER})
IMAGE_CONFIGS = frozenset({DOCKER_CONFIG, OCI_CONFIG})


def is_foreign(media_type: str) -> bool:
    """Whether layers of this type may legally have no blob (image-spec layer.md, "Non-Distributable Layers")."""
    return ".foreign." in media_type or ".nondistributable." in media_type


def compression(media_type: str) -> str:
    """``gzip``, ``zstd`` or ``""`` as a layer's media type declares it."""
    if media_type.endswith(("+gzip", ".gzip")):
        return "gzip"
    if media_type.endswith(("+zstd", ".zstd")):
        return "zstd"
    return ""
