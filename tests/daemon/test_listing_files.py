"""What folders of archives by whatever program and OCI layouts hold; broken and hostile files keep their row."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocistore_tui.daemon import folder
from ocistore_tui.errors import IntegrityError, NotFound, UsageError
from ocistore_tui.model.digest import Digest
from tests.daemon.places import CREATED, listed, nobody, opens, rows
from tests.testbed import archives, images
from tests.testbed.images import OCI_INDEX, OCI_MANIFEST, Image, descriptor, layer
from tests.testbed.need import missing, program

ONE, TWO = Image((layer("one"),)), Image((layer("two"),), architecture="arm64")


# -- archives in a folder --


@pytest.mark.parametrize(
    ("write", "ids"),
    [
        (lambda: archives.docker_20({"app:1": ONE}), {ONE.id}),
        (lambda: archives.docker_26("app:1", ONE), {ONE.id}),
        (lambda: archives.containerd("app:1", ONE), {ONE.id, ONE.digest}),
        (lambda: archives.podman("docker.io/library/app:1", ONE), {ONE.id}),
        (lambda: archives.podman("localhost/app:1", ONE), {ONE.id}),
        (lambda: archives.crane("app:1", ONE), {ONE.id}),
    ],
    ids=["docker 20", "docker 26", "containerd", "podman", "podman, local", "crane"],
)
def test_a_docker_archive_of_every_program(write: Any, ids: set[Digest], tmp_path: Path) -> None:
    write().write(tmp_path / "image.tar")
    (row,) = listed("folder", tmp_path).rows
    assert (row.name, row.flaw, row.platforms, row.created) == ("app:1", "", ("linux/amd64",), CREATED)
    assert row.image.startswith(f"docker-archive:{tmp_path}/image.tar:")
    assert row.ids == ids
    assert row.size_bytes
    assert opens(row) in ids


def test_several_images_of_one_archive(tmp_path: Path) -> None:
    archives.docker_20({"app:1": ONE, "other:2": TWO}).write(tmp_path / "both.tar")
    found = rows("folder", tmp_path)
    assert {name: row.ids for name, row in found.items()} == {"app:1": {ONE.id}, "other:2": {TWO.id}}
    assert [opens(row) for row in found.values()] == [ONE.id, TWO.id]
    assert found["other:2"].platforms == ("linux/arm64",)


def test_an_archive_without_a_name(tmp_path: Path) -> None:
    archives.docker_20({"": ONE}).write(tmp_path / "image.tar")
    (row,) = listed("folder", tmp_path).rows
    assert (row.name, row.image, row.ids) == ("", f"docker-archive:{tmp_path}/image.tar", frozenset({ONE.id}))


def test_an_oci_archive_is_called_by_its_file_and_tag(tmp_path: Path) -> None:
    images.oci_archive(tmp_path / "app.tar", "1.0", ONE)
    (row,) = listed("folder", tmp_path).rows
    assert (row.name, row.image) == ("app:1.0", f"oci-archive:{tmp_path}/app.tar:1.0")
    assert row.ids == {ONE.id, ONE.digest}
    assert opens(row) == ONE.digest


def test_an_index_is_identified_by_all_that_is_in_it_but_no_attestation(tmp_path: Path) -> None:
    nothing = b"{}"
    config = descriptor("application/vnd.oci.image.config.v1+json", nothing)
    statement = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config}).encode()
    attestation = descriptor(OCI_MANIFEST, statement) | {
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"}
    }
    index = images.index_of([ONE, TWO], more=[attestation])
    members = images.layout_members({"1": (OCI_INDEX, index)}, [*ONE.contents, *TWO.contents, statement, nothing])
    (tmp_path / "multi.tar").write_bytes(images.tar_of(members.items()))
    (row,) = listed("folder", tmp_path).rows
    assert row.ids == {Digest.of(index), ONE.digest, ONE.id, TWO.digest, TWO.id}
    assert row.platforms == ("linux/amd64", "linux/arm64")


def test_files_are_in_natural_order_and_others_are_left_out(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        images.oci_archive(tmp_path / f"app{number}.tar", "1", ONE)
    (tmp_path / "notes.txt").write_text("not an archive")
    (tmp_path / ".hidden.tar").write_text("hidden")
    (tmp_path / "empty directory").mkdir()
    found = listed("folder", tmp_path)
    assert [row.name for row in found.rows] == ["app1:1", "app9:1", "app10:1"]
    assert found.label == "folder of 3 archives"


def test_an_archive_of_any_name_is_known_by_its_content(tmp_path: Path) -> None:
    archives.docker_20({"app:1": ONE}).write(tmp_path / "image")
    (tmp_path / "other").write_bytes(images.tar_of([("readme", b"no image")]))
    assert list(rows("folder", tmp_path)) == ["app:1"]


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_an_archive_that_is_compressed_as_a_whole(coding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives.docker_20({"app:1": ONE}).write(tmp_path / "image.tar.gz", coding=coding)
    (row,) = listed("folder", tmp_path).rows
    assert (row.name, row.ids) == ("app:1", frozenset({ONE.id}))
    monkeypatch.setattr(folder, "_MAX_COMPRESSED_BYTES", 1000)
    (row,) = listed("folder", tmp_path).rows
    assert "compressed as a whole" in row.flaw


def test_a_path_with_colons(tmp_path: Path) -> None:
    directory = tmp_path / "12:30:00"
    directory.mkdir()
    archives.docker_20({"app:1": ONE}).write(directory / "a:b.tar")
    (row,) = listed("folder", directory).rows
    assert opens(row) == ONE.id


def test_no_layer_is_read(tmp_path: Path) -> None:
    """A sparse file of 40 GB is listed at once."""
    members = archives.docker_20({"app:1": ONE})
    whole = members.tar()
    path = tmp_path / "image.tar"
    header = images.tar_of([("huge", b"")])[:512]
    size = 40 * 1024**3
    field = b"\x80\0\0\0" + size.to_bytes(8, "big")
    block = header[:124] + field + header[136:148] + b" " * 8 + header[156:]
    block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    with path.open("wb") as file:
        file.write(block)
        file.seek(size, 1)
        file.write(whole)
    assert path.stat().st_size > size
    (row,) = listed("folder", tmp_path).rows
    assert (row.name, row.flaw) == ("app:1", "")


# -- broken and hostile ones --


DAMAGED = {
    "empty": b"",
    "noise": b"\x93" * 5000,
    "cut": archives.docker_20({"app:1": ONE}).tar()[:4000],
    "no image": images.tar_of([("readme", b"hello")]),
    "no config": images.tar_of([("manifest.json", b'[{"Config":"gone.json","RepoTags":["app:1"],"Layers":[]}]')]),
    "not JSON": images.tar_of([("manifest.json", b"{")]),
    "index not JSON": images.tar_of([("index.json", b"{")]),
    "no blobs": images.tar_of([("index.json", images.layout_members({"1": (OCI_MANIFEST, b"")}, [])["index.json"])]),
    "cut gzip": gzip.compress(archives.docker_20({"app:1": ONE}).tar())[:2000],
    "outside": images.tar_of([("../manifest.json", b"[]")]),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_keeps_its_row_and_says_why(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(DAMAGED[name])
    images.oci_archive(tmp_path / "good.tar", "1", ONE)
    bad, good = listed("folder", tmp_path).rows
    assert bad.flaw
    assert bad.ids == frozenset()
    assert (good.name, good.flaw) == ("good:1", "")


def test_names_are_inert(tmp_path: Path) -> None:
    archives.docker_20({"app:\x1b[31m": ONE}).write(tmp_path / "image.tar")
    (tmp_path / "bad\x1b[31m.tar").write_bytes(b"")
    assert not any("\x1b" in row.name + row.flaw for row in listed("folder", tmp_path).rows)


def test_pipes_and_loops_hold_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tar")
    (tmp_path / "loop.tar").symlink_to("loop.tar")
    (tmp_path / "dangling.tar").symlink_to("nowhere")
    images.oci_archive(tmp_path / "good.tar", "1", ONE)
    found = rows("folder", tmp_path)
    assert found["good:1"].flaw == ""
    assert "pipe.tar" not in found


def test_an_archive_that_may_not_be_read_keeps_its_row(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("root", "becoming another user needs root")
    path = images.oci_archive(tmp_path / "secret.tar", "1", ONE)
    path.chmod(0)
    closed = tmp_path / "closed"
    closed.mkdir()
    images.oci_archive(closed / "inside.tar", "1", ONE)
    closed.chmod(0o744)
    with nobody(tmp_path):
        (row,) = listed("folder", tmp_path).rows
        (inside,) = listed("folder", closed).rows
    assert "Permission denied" in row.flaw
    assert "Permission denied" in inside.flaw


def test_a_folder_that_is_not_there_or_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path, kind in ((tmp_path / "gone", NotFound), (tmp_path / "file", UsageError)):
        for place in ("folder", "oci"):
            with pytest.raises(kind) as caught:
                listed(place, path)
            assert caught.value.where == str(path)
            assert caught.value.fix
    with pytest.raises(UsageError):
        listed("floppy", tmp_path)


# -- OCI layouts --


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    members = images.layout_members(
        {"1": (OCI_MANIFEST, ONE.manifest), "2": (OCI_MANIFEST, TWO.manifest)}, [*ONE.contents, *TWO.contents]
    )
    return images.oci_layout(tmp_path / "app", members)


def test_a_layout_has_a_row_for_each_tag(layout: Path) -> None:
    found = listed("oci", layout)
    assert found.label == "OCI layout"
    assert [(row.name, row.image, row.ids) for row in found.rows] == [
        ("app:1", f"oci:{layout}:1", frozenset({ONE.id, ONE.digest})),
        ("app:2", f"oci:{layout}:2", frozenset({TWO.id, TWO.digest})),
    ]
    assert [opens(row) for row in found.rows] == [ONE.digest, TWO.digest]


def test_layouts_of_a_folder_are_listed_with_its_archives(layout: Path) -> None:
    images.oci_archive(layout.parent / "zoo.tar", "1", ONE)
    found = listed("folder", layout.parent)
    assert [row.name for row in found.rows] == ["app:1", "app:2", "zoo:1"]
    assert found.label == "folder of 1 archive and 1 OCI layout"


def test_a_layout_whose_manifest_is_gone_or_damaged_keeps_its_row(layout: Path) -> None:
    (layout / images.path_of(ONE.manifest)).unlink()
    (layout / images.path_of(TWO.manifest)).write_bytes(b"{}")
    gone, damaged = listed("oci", layout).rows
    assert "missing" in gone.flaw
    assert "digest" in damaged.flaw


def test_a_layout_whose_index_cannot_be_read(layout: Path) -> None:
    (layout / "index.json").write_bytes(b"[" * 100_000)
    with pytest.raises(IntegrityError):
        listed("oci", layout)
    (row,) = listed("folder", layout.parent).rows
    assert (row.name, bool(row.flaw)) == ("app", True)


def test_a_directory_that_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no OCI layout"):
        listed("oci", tmp_path)


def test_what_skopeo_and_umoci_write_is_listed(tmp_path: Path) -> None:
    skopeo = program("skopeo", hint="apt install skopeo")
    source = images.oci_archive(tmp_path / "source.tar", "1", ONE)
    folder_path = tmp_path / "folder"
    folder_path.mkdir()
    for target in (f"docker-archive:{folder_path}/classic.tar:app:1", f"oci-archive:{folder_path}/kept.tar:2",
                   f"oci:{folder_path}/layout:3"):  # fmt: skip
        command = [skopeo, "--insecure-policy", "copy", "-q", f"oci-archive:{source}:1", target]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    found = rows("folder", folder_path)
    assert set(found) == {"app:1", "kept:2", "layout:3"}
    assert all(row.flaw == "" and ONE.id in row.ids for row in found.values())
    if shutil.which("umoci"):
        subprocess.run(["umoci", "init", "--layout", str(tmp_path / "empty")], check=True, capture_output=True)
        assert listed("oci", tmp_path / "empty").rows == ()
