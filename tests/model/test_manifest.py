"""Manifests from outside are data: whatever they hold, they become values or one clear error."""

import json

import pytest

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.image import parse_config
from ocistore_tui.model.manifest import Descriptor, Index, Manifest, build_manifest, parse_manifest

D = "sha256:" + "a" * 64


def document(**fields: object) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}).encode()


CONFIG = {"mediaType": media_types.OCI_CONFIG, "digest": D, "size": 2}


def test_kind_is_decided_from_the_body() -> None:
    assert isinstance(parse_manifest(document(config=CONFIG, layers=[])), Manifest)
    assert isinstance(parse_manifest(document(manifests=[])), Index)
    assert isinstance(parse_manifest(document(manifests=[], mediaType=media_types.DOCKER_LIST)), Index)
    assert parse_manifest(document(config=CONFIG)).media_type == media_types.OCI_MANIFEST


def test_bytes_are_kept() -> None:
    raw = document(config=CONFIG, layers=[]) + b"\n  "
    found = parse_manifest(raw)
    assert found.raw == raw
    assert found.digest == Digest.of(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"not json",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"annotations":' * 100_000,
        document(),
        document(schemaVersion=1),
        document(mediaType=media_types.OCI_ARTIFACT),
        document(mediaType=media_types.DOCKER_SCHEMA1_SIGNED, config=CONFIG),
        document(config={**CONFIG, "digest": "sha256:../../../etc/passwd"}),
        document(config={**CONFIG, "digest": "sha256:" + "A" * 64}),
        document(config={**CONFIG, "digest": "md5:" + "a" * 32}),
        document(config={**CONFIG, "digest": 5}),
        document(config={**CONFIG, "size": -1}),
        document(config=CONFIG, layers="x"),
        b'{"x":"' + b"a" * (30 * 1024 * 1024) + b'"}',
    ],
    ids=lambda raw: f"{raw[:24]!r}-{len(raw)}",
)
def test_hostile_manifests_are_one_clear_error(raw: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        parse_manifest(raw, where="app:1")
    assert caught.value.where == "app:1"
    assert caught.value.fix


def test_a_made_manifest_is_always_the_same_and_always_oci() -> None:
    config = Descriptor(media_type=media_types.DOCKER_CONFIG, digest=Digest.of(b"c"), size=1)
    layer = Descriptor(
        media_type=media_types.DOCKER_LAYER_GZIP, digest=Digest.of(b"l"), size=1, annotations={"left": "out"}
    )
    made = build_manifest(config, (layer,))
    assert made.raw == build_manifest(config, (layer,)).raw
    assert json.loads(made.raw) == {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": {"mediaType": media_types.OCI_CONFIG, "digest": Digest.of(b"c"), "size": 1},
        "layers": [{"mediaType": media_types.OCI_LAYER_GZIP, "digest": Digest.of(b"l"), "size": 1}],
    }


@pytest.mark.parametrize("raw", [b"", b"{" * 100_000, b'{"rootfs":{"diff_ids":["../x"]}}', b'{"history":5}'])
def test_hostile_configs_are_one_clear_error(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_config(raw)


def test_history_lines_up_with_layers() -> None:
    raw = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [D, D]},
            "history": [{"created_by": "ADD"}, {"created_by": "ENV", "empty_layer": True}, {"created_by": "COPY"}],
        }
    ).encode()
    assert parse_config(raw).created_by() == ("ADD", "COPY")


@pytest.mark.parametrize(("written", "read"), [
    ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"), ("0001-01-01T00:00:00Z", ""), (None, ""),
])  # fmt: skip
def test_a_time_nobody_set_is_none(written: str | None, read: str) -> None:
    """Programs in Go, such as cosign, write their zero time."""
    assert parse_config(json.dumps({"created": written}).encode()).created == read
