"""Whoever writes a bucket does not steer the terminal of whoever reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.running import Done, Invoke
from tests.cli.shelf import REPOSITORIES, config, put_image, put_link, put_manifest

CLIPBOARD = "\x1b]52;c;cm0gLXJm\x07"
TITLE = "\x1b]0;owned\x1b\\"
HOSTILE = [
    CLIPBOARD,
    TITLE,
    "\x1b[2J\x1b[31mred",
    "\x9b31mc1",
    "line\nbreak\rover",
    "bidi\u202egnp.exe",
    "zero\u200bwidth\ufeff",
    "tag\U000e0041",
    "[bold red]markup[x]",
    "del\x7f",
]
ACTIVE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def check_inert(done: Done) -> None:
    for stream in (done.out, done.err):
        assert not ACTIVE.search(stream), ascii(stream)
        assert "owned" not in stream or "\x1b" not in stream


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_repositories_and_tags_in_lists(oci_store: Invoke, store: Path, name: str) -> None:
    (store / REPOSITORIES / name / "_manifests/tags").mkdir(parents=True)
    put_image(store, "fine", "1", config())
    put_link(store, "fine", name, "garbage " + name)
    repositories, tags = oci_store("fs", "ls"), oci_store("fs", "ls", "fine")
    for done in (repositories, tags):
        assert done.code == 0
        check_inert(done)
    # A list stays one row a name, whatever is in the names.
    assert len(repositories.out.splitlines()) == 5
    assert len(tags.out.splitlines()) == 3
    as_json = oci_store("fs", "ls", "--json"), oci_store("fs", "ls", "fine", "--json")
    for done in as_json:
        check_inert(done)
        assert done.out.isascii()
    assert name in [row["name"] for row in as_json[0].document["repositories"]]
    assert name in [row["name"] for row in as_json[1].document["tags"]]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_of_a_config_in_an_inspection(oci_store: Invoke, here: Path, text: str) -> None:
    put_image(
        here / "s",
        "app",
        "1",
        config(
            created=text,
            architecture=text,
            history=[{"created_by": text, "empty_layer": True}, {"comment": text, "empty_layer": True}],
            config={
                "Env": [text],
                "Labels": {text: text},
                "Cmd": [text],
                "Entrypoint": [text],
                "User": text,
                "WorkingDir": text,
                "ExposedPorts": {text: {}},
            },
        ),
    )
    for words in (("inspect", "app:1"), ("ls", "app"), ("inspect", "app:1", "--json"), ("ls", "app", "--json")):
        done = oci_store("fs", *words, "--dir", "s")
        assert done.code == 0, done.err
        check_inert(done)


@pytest.mark.parametrize("value", [5, 5.5, True, None, "text", [], [[]], [5], {}, {"a": 5}, {"a": {"b": []}}])
def test_a_config_whose_fields_are_of_another_kind_is_shown_as_far_as_it_goes(
    oci_store: Invoke, here: Path, value: object
) -> None:
    names = ("Env", "Labels", "Cmd", "Entrypoint", "User", "WorkingDir", "ExposedPorts")
    put_image(here / "s", "app", "1", config(config=dict.fromkeys(names, value)))
    put_image(here / "s", "app", "2", config(config=value, history=value, created=value, os=value))
    for tag in ("1", "2"):
        done = oci_store("fs", "inspect", f"app:{tag}", "--dir", "s")
        assert done.code == 0, done.err
        assert oci_store("fs", "inspect", f"app:{tag}", "--dir", "s", "--json").code == 0
    assert oci_store("fs", "ls", "app", "--dir", "s").code == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_comes_back_inert_in_errors(oci_store: Invoke, store: Path, text: str) -> None:
    lines = [
        ("fs", "inspect", text),
        ("fs", "ls", text),
        ("fs", "push", f"app:{text}"),
        ("fs", "push", "app", "--image", text),
        ("fs", "push", "app", "--image", f"docker-archive:{text}"),
        ("fs", "pull", "team/hello:1.0", "--image", text),
        ("fs", "pull", "team/hello:1.0", "--platform", text),
        ("fs", text),
        (text,),
        ("@" + text, "ls"),
        ("fs", "ls", f"--{text}"),
        ("s3", "ls", text, "--endpoint", text),
    ]
    for words in lines:
        for more in ((), ("--json",), ("--progress", "json")):
            done = oci_store(*words, *more)
            assert done.code in (2, 3, 5, 6), (words, done)
            check_inert(done)


@pytest.mark.parametrize(
    "raw",
    [
        b"not json \x1b[2J",
        b"[" * 100_000,
        b'{"schemaVersion":2,"a":' * 100_000,
        b"\xff\xfe\x00",
        b"{}",
        b'{"schemaVersion":2,"config":{"digest":"sha256:../../etc","size":-1},"layers":[]}',
        b"x" * 30_000_000,
    ],
    ids=["text", "nested arrays", "nested objects", "bytes", "empty", "lies", "30 MB"],
)
def test_a_manifest_that_is_none_breaks_its_tag_only(oci_store: Invoke, store: Path, raw: bytes) -> None:
    put_manifest(store, "team/hello", "bad", raw)
    inspected = oci_store("fs", "inspect", "team/hello:bad")
    assert inspected.code == 6
    pulled = oci_store("fs", "pull", "team/hello:bad", "--image", "oci-archive:back.tar")
    assert pulled.code == 6
    assert not Path("back.tar").exists()
    listed = oci_store("fs", "ls", "team/hello")
    assert listed.code == 0
    assert "! broken" in listed.out
    assert "linux/amd64" in listed.out
    for done in (inspected, pulled, listed):
        check_inert(done)
    flaws = [row.get("flaw") for row in oci_store("fs", "ls", "team/hello", "--json").document["tags"]]
    assert flaws[0] is None
    assert flaws[1]


@pytest.mark.parametrize(
    "link", ["", "garbage", "sha256:" + "../" * 20, "../../../../etc/passwd", "sha256:" + "f" * 64]
)
def test_a_link_that_leads_nowhere_breaks_its_tag_only(oci_store: Invoke, store: Path, link: str) -> None:
    put_link(store, "team/hello", "bad", link)
    assert oci_store("fs", "inspect", "team/hello:bad").code in (3, 6)
    listed = oci_store("fs", "ls", "team/hello")
    assert listed.code == 0
    assert "! broken" in listed.out


def test_a_repository_name_cannot_leave_the_store(oci_store: Invoke, store: Path, here: Path) -> None:
    outside = here / "outside/_manifests/tags/1/current"
    outside.mkdir(parents=True)
    (outside / "link").write_text("sha256:" + "a" * 64)
    done = oci_store("fs", "ls", "../../../../../outside")
    assert done.code in (2, 3)
    assert "sha256" not in done.out


def test_the_json_of_a_hostile_config_reads_back_as_it_is(oci_store: Invoke, here: Path) -> None:
    put_image(here / "s", "app", "1", config(config={"Labels": {CLIPBOARD: TITLE}}))
    found = oci_store("fs", "inspect", "app:1", "--dir", "s", "--json").document["config"]
    assert found == json.loads(config(config={"Labels": {CLIPBOARD: TITLE}}))
