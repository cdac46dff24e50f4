"""Archives that lie, break or swell: refused with a reason, nothing tagged, never much memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError, NotFound, OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.reference import Reference
from tests.testbed import archives, images
from tests.testbed.archives import Members
from tests.testbed.images import OCI_MANIFEST, Image, compressed, layer, path_of
from tests.testbed.memory import peak_bytes
from tests.testbed.opened import directory_service, push

IMAGE = Image((layer("one"), layer("two", 200_000)))
MEMORY_BYTES = 150_000_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with directory_service(tmp_path / "store") as opened:
        yield opened


def fails(service: Service, image: str) -> IntegrityError:
    """The error of a push, after which nothing has the tag."""
    with pytest.raises(IntegrityError) as caught:
        push(service, "app:1", image)
    with pytest.raises(NotFound):
        service.inspect(Reference.parse("app:1"))
    assert caught.value.message
    assert caught.value.where
    assert caught.value.fix
    return caught.value


def layout() -> Members:
    return Members(images.layout_members({"1": (OCI_MANIFEST, IMAGE.manifest)}, IMAGE.contents))


def written(form: str, members: Members, tmp_path: Path) -> str:
    if form == "oci":
        return f"oci:{images.oci_layout(tmp_path / 'layout', members)}"
    return f"{form}:{members.write(tmp_path / 'image.tar')}"


LAYOUTS = ("oci", "oci-archive")
CONTENT = {"oci": layout, "oci-archive": layout, "docker-archive": lambda: archives.containerd("rt/app:1", IMAGE)}
CLASSIC: dict[str, Callable[[], Members]] = {
    "docker 20": lambda: archives.docker_20({"rt/app:1": IMAGE}),
    "docker 26": lambda: archives.docker_26("rt/app:1", IMAGE),
    "podman": lambda: archives.podman("rt/app:1", IMAGE),
    "crane": lambda: archives.crane("rt/app:1", IMAGE),
}


def holder(members: Members, raw: bytes) -> str:
    """The member that holds these bytes."""
    return next(name for name, found in members.items() if found == raw)


# Bytes that are not what their name says.


@pytest.mark.parametrize("form", CONTENT)
@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_a_blob_that_is_not_what_its_name_says(what: str, form: str, service: Service, tmp_path: Path) -> None:
    members = CONTENT[form]()
    raw = {"manifest": IMAGE.manifest, "config": IMAGE.config, "layer": IMAGE.blobs[1]}[what]
    members[path_of(raw)] = raw[:-9] + b" " + raw[-9:] if what == "manifest" else raw.replace(b"linux", b"linuX")
    if what == "layer":
        members[path_of(raw)] = raw[:-1] + b" "
    fails(service, written(form, members, tmp_path))


@pytest.mark.parametrize("form", CONTENT)
@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_a_blob_that_is_missing(what: str, form: str, service: Service, tmp_path: Path) -> None:
    members = CONTENT[form]()
    del members[path_of({"manifest": IMAGE.manifest, "config": IMAGE.config, "layer": IMAGE.blobs[1]}[what])]
    if (form, what) == ("docker-archive", "manifest"):
        # Then it is like the archive of an engine without manifests.
        assert push(service, "app:1", written(form, members, tmp_path)).digest != IMAGE.digest
    else:
        fails(service, written(form, members, tmp_path))


@pytest.mark.parametrize("kind", CLASSIC)
@pytest.mark.parametrize("how", ["changed", "missing", "exchanged"])
def test_a_layer_that_is_not_what_the_config_says(how: str, kind: str, service: Service, tmp_path: Path) -> None:
    members = CLASSIC[kind]()
    stored = IMAGE.blobs if kind == "crane" else IMAGE.layers
    one, two = (holder(members, raw) for raw in stored)
    if how == "missing":
        del members[two]
    else:
        changed = compressed(layer("changed"), "gzip" if kind == "crane" else "")
        members[two] = changed if how == "changed" else members[one]
    fails(service, written("docker-archive", members, tmp_path))


@pytest.mark.parametrize("kind", CLASSIC)
@pytest.mark.parametrize(
    ("how", "config"),
    [
        ("missing", None),
        ("no JSON", b"{"),
        ("a list", b"[]"),
        ("nested", b'{"rootfs":' + b"[" * 100_000),
        ("large", b'{"rootfs":{},"x":"' + b"x" * 30_000_000 + b'"}'),
        ("other layers", json.dumps({"rootfs": {"diff_ids": [str(Digest.of(b"x"))] * 2}}).encode()),
        ("fewer layers", json.dumps({"rootfs": {"diff_ids": [str(Digest.of(IMAGE.layers[0]))]}}).encode()),
        ("no digests", b'{"rootfs":{"diff_ids":["sha256:../../x","y"]}}'),
    ],
)
def test_a_config_of_no_use(how: str, config: bytes | None, kind: str, service: Service, tmp_path: Path) -> None:
    members = CLASSIC[kind]()
    name = holder(members, IMAGE.config)
    if config is None:
        del members[name]
    else:
        members[name] = config
    fails(service, written("docker-archive", members, tmp_path))


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"{", b"[]", b"null", b"5", b"[5]", b'[{"Config":5}]', b'[{"Layers":[]}]', b"[" * 100_000,
        b'[{"Config":"\xff"}]', b'[{"Config":"../../etc/passwd","Layers":["../../etc/shadow"]}]',
        b'[{"Config":"x","Layers":[5]}]',
    ],
)  # fmt: skip
def test_a_manifest_json_of_no_use(manifest: bytes, service: Service, tmp_path: Path) -> None:
    members = CLASSIC["docker 20"]()
    members["manifest.json"] = manifest
    image = written("docker-archive", members, tmp_path)
    with pytest.raises(OciStoreError) as caught:
        push(service, "app:1", image)
    assert caught.value.exit_code in (2, 6)
    assert caught.value.fix


def test_links_that_turn_in_circles_lead_nowhere(service: Service, tmp_path: Path) -> None:
    members = CLASSIC["docker 20"]()
    first, second = (holder(members, raw) for raw in IMAGE.layers)
    members[first], members[second] = f"->../{second}".encode(), f"->../{first}".encode()
    fails(service, written("docker-archive", members, tmp_path))


@pytest.mark.parametrize("coding", ["", "gzip", "zstd"])
def test_an_archive_cut_off_anywhere(coding: str, service: Service, tmp_path: Path) -> None:
    archive = archives.docker_20({"rt/app:1": IMAGE}).write(tmp_path / "image.tar", coding=coding)
    whole = archive.read_bytes()
    used = len(whole.rstrip(b"\0"))
    for length in (3, 100, used // 3, used // 2, used - 5000, used - 9):
        archive.write_bytes(whole[:length])
        fails(service, f"docker-archive:{archive}")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_an_archive_damaged_in_its_compression(coding: str, service: Service, tmp_path: Path) -> None:
    archive = archives.docker_20({"rt/app:1": IMAGE}).write(tmp_path / "image.tar", coding=coding)
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 40] = b"\xff" * 40
    archive.write_bytes(raw)
    fails(service, f"docker-archive:{archive}")


@pytest.mark.parametrize("form", LAYOUTS)
def test_what_an_index_names_has_to_be_a_manifest(form: str, service: Service, tmp_path: Path) -> None:
    nested = b'{"schemaVersion":2,"manifests":' + b"[" * 100_000
    schema1 = b'{"schemaVersion":1,"fsLayers":[],"history":[]}'
    for number, raw in enumerate((nested, schema1, b'{"schemaVersion":2}', IMAGE.config, IMAGE.blobs[0])):
        members = Members(images.layout_members({"1": (OCI_MANIFEST, raw)}, [raw]))
        (tmp_path / str(number)).mkdir()
        fails(service, written(form, members, tmp_path / str(number)))


def test_a_blob_that_is_a_pipe_or_a_link_to_nowhere_does_not_hold_us(service: Service, tmp_path: Path) -> None:
    import os

    directory = images.oci_layout(tmp_path / "layout", layout())
    path = directory / path_of(IMAGE.blobs[1])
    path.unlink()
    os.mkfifo(path)
    fails(service, f"oci:{directory}")
    path.unlink()
    path.symlink_to("/nonexistent")
    fails(service, f"oci:{directory}")


# Archives that swell.

PUSH = """
import sys
from pathlib import Path
from ocistore_tui.errors import IntegrityError, OciStoreError
from tests.testbed.opened import directory_service, push
with directory_service(Path(sys.argv[1])) as service:
    try:
        push(service, "app:1", sys.argv[2])
    except OciStoreError as error:
        assert error.exit_code in (2, 6), error
        print(error.message, error.cause)
    else:
        raise SystemExit("it was taken")
"""


def swollen(path: Path, pieces: Iterator[bytes], coding: str) -> Path:
    """A compressed file of endless-looking contents, made without holding them."""
    import zstandard
    from isal import isal_zlib

    compressor = (
        zstandard.ZstdCompressor(level=1).compressobj() if coding == "zstd" else isal_zlib.compressobj(1, 8, 16 + 15)
    )
    with path.open("wb") as file:
        for piece in pieces:
            file.write(compressor.compress(piece))
        file.write(compressor.flush())
    assert path.stat().st_size < 20_000_000
    return path


def member(name: str, raw: bytes) -> bytes:
    from ocistore_tui.daemon.tar import tar_header, tar_padding

    return tar_header(name, len(raw)) + raw + tar_padding(len(raw))


def documents(form: str) -> Iterator[bytes]:
    """Documents without end, each a different manifest."""
    filler = b"x" * 2_000_000
    for number in range(200):
        yield member(form.format(number, Digest.of(b"%d" % number).encoded), b'{"schemaVersion":2,"a":"%s"}' % filler)


SWELLING: dict[str, Callable[[], Iterator[bytes]]] = {
    "one huge layer": lambda: iter([_huge_header(), *[bytes(1 << 20)] * 600]),
    "countless members": lambda: (member(f"{number:090}", b"") for number in range(200_000)),
    "long names": lambda: (member(f"{number}" + "n" * 900_000, b"") for number in range(300)),
    "many documents": lambda: documents("blobs/sha256/{1}"),
    "many texts": lambda: documents("{0}.json"),
    "a huge manifest.json": lambda: iter([member("manifest.json", b"[" + b'{"Config":""},' * 1_000_000)]),
}


def _huge_header() -> bytes:
    from ocistore_tui.daemon.tar import tar_header

    return tar_header("layer.tar", 1 << 40)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", SWELLING)
def test_an_archive_that_swells_takes_little_memory(kind: str, coding: str, tmp_path: Path) -> None:
    archive = swollen(tmp_path / "bomb", SWELLING[kind](), coding)
    assert peak_bytes(PUSH, str(tmp_path / "store"), f"docker-archive:{archive}") < MEMORY_BYTES


def test_an_index_that_names_the_same_child_forever_is_read_once(service: Service, tmp_path: Path) -> None:
    """Followed naively, four levels of ten thousand would be ten to the sixteenth."""
    roots: list[bytes] = [IMAGE.manifest]
    for _ in range(4):
        child = images.descriptor(images.OCI_INDEX if len(roots) > 1 else OCI_MANIFEST, roots[-1])
        document = {"schemaVersion": 2, "mediaType": images.OCI_INDEX, "manifests": [child] * 10_000}
        roots.append(json.dumps(document).encode())
    members = Members(images.layout_members({"1": (images.OCI_INDEX, roots[-1])}, [*roots, *IMAGE.contents]))
    for form in LAYOUTS:
        assert push(service, f"{form}:1", written(form, members, tmp_path)).digest == Digest.of(roots[-1])
    members.update(archives.docker_26("rt/app:1", IMAGE) | {"index.json": members["index.json"]})
    assert push(service, "docker:1", written("docker-archive", members, tmp_path)).digest == Digest.of(roots[-1])
