"""``--json``: exactly one document on stdout, of the shapes that scripts rely on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ocistore_tui.demo.images import Image
from tests.cli.running import Invoke
from tests.cli.shelf import config, put_image

ENVELOPE = ["schema", "kind"]


def test_repositories(oci_store: Invoke, store: Path) -> None:
    assert oci_store("fs", "ls", "--json").document == {
        "schema": 1,
        "kind": "repositories",
        "repositories": [{"name": "team/hello"}, {"name": "team/multi"}, {"name": "team/tools"}],
    }


def test_tags(oci_store: Invoke, store: Path, images: dict[str, Image]) -> None:
    document = oci_store("fs", "ls", "team/multi", "--json").document
    multi = images["multi:1.0"]
    (tag,) = document.pop("tags")
    assert document == {"schema": 1, "kind": "tags", "repository": "team/multi"}
    pushed = tag.pop("pushed")
    assert tag == {
        "name": "1.0",
        "digest": multi.digest,
        "media_type": "application/vnd.oci.image.index.v1+json",
        "size_bytes": sum(map(len, multi.blobs.values())),
        "created": "2026-01-15T12:00:00Z",
        "platforms": ["linux/amd64", "linux/arm64"],
    }
    assert pushed.endswith("Z")
    assert "T" in pushed


def test_push_first_again_and_into_another_repository(oci_store: Invoke, here: Path, images: dict[str, Image]) -> None:
    tools = images["tools:2.0"]
    image = ("--image", "oci-archive:tools.tar", "--dir", "s", "--json")
    done = [oci_store("fs", "push", target, *image) for target in ("a/tools:2.0", "a/tools:2.0", "b/tools")]
    for run, reference in zip(done, ("a/tools:2.0", "a/tools:2.0", "b/tools:latest"), strict=True):
        document = run.document
        assert list(document) == [
            *ENVELOPE, "reference", "digest", "layers", "uploaded_bytes", "duration_s", "via",
        ]  # fmt: skip
        assert (document["schema"], document["kind"], document["via"]) == (1, "push", "archive")
        assert (document["reference"], document["digest"]) == (reference, tools.digest)
        assert document["duration_s"] >= 0
        assert [(layer["digest"], layer["diff_id"], layer["size_bytes"]) for layer in document["layers"]] == [
            (layer.digest, layer.diff_id, len(layer.blob)) for layer in tools.layers
        ]
    states = [[layer["state"] for layer in run.document["layers"]] for run in done]
    assert states == [["uploaded"] * 2, ["exists"] * 2, ["linked"] * 2]
    assert [run.document["uploaded_bytes"] > 0 for run in done] == [True, False, False]


def test_pull(oci_store: Invoke, store: Path, images: dict[str, Image]) -> None:
    document = oci_store("fs", "pull", "team/tools:2.0", "--image", "oci-archive:back.tar", "--json").document
    tools = images["tools:2.0"]
    assert list(document) == [
        *ENVELOPE, "image", "image_id", "digest", "layers", "downloaded_bytes", "duration_s", "via",
    ]  # fmt: skip
    assert (document["schema"], document["kind"], document["digest"]) == (1, "pull", tools.digest)
    assert document["image"].startswith("oci-archive:back.tar")
    assert document["layers"] == [
        {"digest": layer.digest, "diff_id": layer.diff_id, "size_bytes": len(layer.blob), "state": "downloaded"}
        for layer in tools.layers
    ]
    assert document["downloaded_bytes"] >= sum(len(layer.blob) for layer in tools.layers)


def test_inspect_of_an_image(oci_store: Invoke, store: Path, images: dict[str, Image]) -> None:
    tools = images["tools:2.0"]
    assert oci_store("fs", "inspect", "team/tools:2.0", "--json").document == {
        "schema": 1,
        "kind": "image",
        "reference": "team/tools:2.0",
        "digest": tools.digest,
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "size_bytes": sum(map(len, tools.blobs.values())),
        "manifest": json.loads(tools.root),
        "config": json.loads(tools.config),
        "layers": [
            {
                "digest": layer.digest,
                "diff_id": layer.diff_id,
                "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
                "size_bytes": len(layer.blob),
                "created_by": layer.created_by,
            }
            for layer in tools.layers
        ],
    }


def test_inspect_of_an_index_and_of_one_platform_of_it(
    oci_store: Invoke, store: Path, images: dict[str, Image]
) -> None:
    whole = oci_store("fs", "inspect", "team/multi:1.0", "--json").document
    assert (whole["kind"], whole["digest"], whole["config"], whole["layers"]) == (
        "index", images["multi:1.0"].digest, None, [],
    )  # fmt: skip
    assert whole["manifest"] == json.loads(images["multi:1.0"].root)
    one = oci_store("fs", "inspect", "team/multi:1.0", "--platform", "linux/arm64", "--json").document
    assert (one["kind"], one["config"]["architecture"]) == ("image", "arm64")
    assert one["digest"] == whole["manifest"]["manifests"][1]["digest"]


def test_a_dry_run_tells_the_plan_and_changes_nothing(oci_store: Invoke, here: Path) -> None:
    words = ("fs", "push", "a:1", "--image", "docker-archive:hello.tar", "--dir", "s", "--dry-run")
    document = oci_store(*words, "--json").document
    assert (document["kind"], document["verb"], document["reference"]) == ("plan", "push", "a:1")
    assert [layer["action"] for layer in document["layers"]] == ["uploaded", "uploaded"]
    assert (document["via"], document["via_reason"]) == ("archive", "only container engines push by themselves")
    assert "a:1" in oci_store(*words).out
    assert not (here / "s").exists()


def test_an_error_is_a_document_on_stdout_and_nothing_is_on_stderr(oci_store: Invoke, store: Path) -> None:
    done = oci_store("fs", "inspect", "team/hello:nope", "--json")
    assert done.err == ""
    assert list(done.document) == ["schema", "error"]
    assert list(done.document["error"]) == ["kind", "message", "where", "fix"]
    assert done.document["error"]["kind"] == "not_found"
    assert all(isinstance(part, str) and part for part in done.document["error"].values())


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "s3", "ls", "--no-such-option"),
        ("s3", "ls", "--no-such-option", "--json"),
        ("s3", "--json"),
        ("s3", "ls", "--json"),
        ("--json",),
        ("no-such-backend", "ls", "--json"),
    ],
)
def test_so_is_a_command_line_nobody_understands(oci_store: Invoke, words: tuple[str, ...]) -> None:
    done = oci_store(*words)
    assert done.code == 2
    assert done.document["error"]["kind"] == "usage"
    assert done.err == ""


def test_json_is_ascii_whatever_the_names_are(oci_store: Invoke, store: Path) -> None:
    (store / "docker/registry/v2/repositories/caf\u00e9\x7f\x1b[2J/_manifests/tags").mkdir(parents=True)
    done = oci_store("fs", "ls", "--json")
    assert done.out.isascii()
    assert done.out.rstrip("\n").isprintable()
    odd = {"name": "caf\u00e9\x7f\x1b[2J", "flaw": "invalid name: registries cannot serve it"}
    assert odd in done.document["repositories"]
    assert {"name": "team/hello"} in done.document["repositories"], "a flaw only where there is one"


def test_names_no_registry_can_serve_are_marked(oci_store: Invoke, store: Path) -> None:
    put_image(store, "team/hello", "-odd", config())
    rows = {row["name"]: row.get("flaw") for row in oci_store("fs", "ls", "team/hello", "--json").document["tags"]}
    assert rows == {"-odd": "invalid name: registries cannot serve it", "1.0": None}
    (line,) = [line for line in oci_store("fs", "ls", "team/hello").out.splitlines() if line.startswith("-odd")]
    assert line.endswith("linux/amd64 ! invalid name: registries cannot serve it")


def test_platforms_that_are_missing_are_named_as_platforms(oci_store: Invoke, store: Path) -> None:
    found = oci_store("fs", "inspect", "team/multi:1.0", "--json").document
    arm64 = found["manifest"]["manifests"][1]["digest"][7:]
    shutil.rmtree(store / f"docker/registry/v2/blobs/sha256/{arm64[:2]}/{arm64}")
    assert oci_store("fs", "inspect", "team/multi:1.0", "--json").document["missing_platforms"] == ["linux/arm64"]


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity", "[" * 100_000 + "]" * 100_000])
def test_a_config_that_is_no_json_is_left_out_rather_than_handed_on(oci_store: Invoke, here: Path, number: str) -> None:
    """A hostile config may hold what Python reads and no other program does."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[]},"x":%s}' % number.encode()
    put_image(here / "s", "odd", "1", config)
    done = oci_store("fs", "inspect", "odd:1", "--dir", "s", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out, parse_constant=pytest.fail)["config"] is None
    assert oci_store("fs", "inspect", "odd:1", "--dir", "s").code == 0
    assert oci_store("fs", "ls", "odd", "--dir", "s").code == 0
