"""``demo``: the whole job on a throw-away store, by the command lines a person types. No cloud, no Docker."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ocistore_tui.cli.fixes import program_name
from ocistore_tui.cli.options import Globals
from ocistore_tui.cli.output import Output
from ocistore_tui.demo import images as made
from ocistore_tui.errors import IntegrityError


def run_demo(output: Output, program: click.Command) -> None:
    """Make images, push, list, inspect, pull back, compare; everything is removed at the end.

    Args:
        output: Where to tell it.
        program: Runs the command lines.

    Raises:
        IntegrityError: what came back differs from what was pushed.
        OciStoreError: whatever a command raises.
    """
    with _throw_away_directory() as directory:
        demo = _Demo(output, program, directory)
        demo.make()
        demo.push()
        demo.look()
        demo.pull()
    output.document("demo", {"commands": demo.commands, "checks": demo.checks, "verified": True})
    if not output.quiet:
        output.result("")
    output.result(
        f"All {len(demo.checks)} checks passed; the store is removed again. To begin your own: {program_name()} --help"
    )


class _Demo:
    """One run of it.

    Args:
        output: Where to tell it.
        program: Runs the command lines.
        directory: The current directory; the store is ``store`` in it.
    """

    def __init__(self, output: Output, program: click.Command, directory: Path) -> None:
        self.output, self._program, self.directory = output, program, directory
        self.commands: list[str] = []
        self.checks: list[str] = []
        self.images = make_images()

    def make(self) -> None:
        """Write the images as archives and a layout."""
        self._headline("Images, made here; nothing is downloaded.")
        self._say("")
        self.output.table([] if self.output.quiet else [f"$ cd {self.directory} && export OCISTORE_DIR=store && ls"])
        old, new, tools, both = (self.images[name] for name in ("hello:1.0", "hello:1.1", "tools:2.0", "multi:1.0"))
        self._write("hello-1.0.tar", made.docker_archive({"hello:1.0": old}), "as docker save writes it")
        self._write("hello-1.1.tar", made.docker_archive({"hello:1.1": new}), "the next version: one layer differs")
        self._write("tools.tar", made.oci_archive({"2.0": tools}), "an OCI archive of another image on the same base")
        for path, content in made.oci_layout({"1.0": both}).items():
            (self.directory / "multi" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / "multi" / path).write_bytes(content)
        self._say(f"  {'multi/':15} an OCI layout of two platforms")

    def push(self) -> None:
        """Every way in; a tag that moves; a push that has nothing to do."""
        self._headline("Push them: the result on stdout is the reference with its digest.")
        self._run("push team/hello:1.0 --image docker-archive:hello-1.0.tar")
        first = self._ask("push team/hello:latest --image docker-archive:hello-1.0.tar")
        self._check(first["uploaded_bytes"] == 0, "the same image under a second tag sends nothing")
        moved = self._ask("push team/hello:latest --image docker-archive:hello-1.1.tar")
        self._check(moved["digest"] != first["digest"], "the tag latest moved to the next version")
        states = [layer["state"] for layer in moved["layers"]]
        self._check(states == ["exists", "uploaded"], "only the layer that differs was sent")
        self._run("push team/multi:1.0 --image oci:multi --all-platforms")
        tools = self._ask("push team/tools:2.0 --image oci-archive:tools.tar")
        self._check(tools["layers"][0]["state"] == "linked", "its base came from team/multi: a link, no bytes")
        self._check(tools["digest"] == self.images["tools:2.0"].digest, "the OCI manifest kept its digest")

    def look(self) -> None:
        """Lists and an inspection."""
        self._headline("See them: repositories, tags, one image.")
        self._run("ls")
        self._run("ls team/hello")
        self._run("ls team/multi")
        self._run("inspect team/hello:latest")
        names = [row["name"] for row in self._ask("ls", silent=True)["repositories"]]
        self._check(names == ["team/hello", "team/multi", "team/tools"], "every repository is listed")

    def pull(self) -> None:
        """Back into archives, compared with what went in."""
        self._headline("Pull them back into archives, and compare.")
        self._run("pull team/hello:latest --image docker-archive:back.tar")
        listed = json.loads(_members(self.directory / "back.tar")["manifest.json"])[0]
        members = _members(self.directory / "back.tar")
        new = self.images["hello:1.1"]
        self._check(members[listed["Config"]] == new.config, f"the image id is the same: {new.image_id[:19]}…")
        layers = [_tar_of(members[path]) for path in listed["Layers"]]
        self._check(layers == [layer.raw for layer in new.layers], "its layers are the same, byte for byte")
        self._run("pull team/multi:1.0 --all-platforms --image oci-archive:both.tar")
        members, both = _members(self.directory / "both.tar"), self.images["multi:1.0"]
        root = json.loads(members["index.json"])["manifests"][0]["digest"]
        self._check(root == both.digest, f"the index kept its digest: {both.digest[:19]}…")
        found = {name.rpartition("/")[2]: blob for name, blob in members.items() if name.startswith("blobs/")}
        wanted = {digest.partition(":")[2]: blob for digest, blob in both.blobs.items()}
        self._check(found == wanted, f"all {len(wanted)} blobs of both platforms are the same, byte for byte")

    def _run(self, line: str) -> None:
        """Run one command as a person would, and show what it prints."""
        words = self._announce(line)
        if self.output.as_json or self.output.quiet:
            with contextlib.redirect_stdout(io.StringIO()):
                self._execute([*words, "--progress", "none", "--quiet"])
        else:
            self._execute(words)

    def _ask(self, line: str, *, silent: bool = False) -> dict[str, Any]:
        """The same, for its JSON document."""
        words = _words(line) if silent else self._announce(line)
        sink = io.StringIO()
        with contextlib.redirect_stdout(sink):
            quiet = silent or self.output.as_json or self.output.quiet
            self._execute([*words, "--json", *(["--quiet"] if quiet else [])])
        answer: dict[str, Any] = json.loads(sink.getvalue())
        if answer["kind"] == "push" and not silent:
            self._say(f"{answer['reference']}@{answer['digest']}")
        return answer

    def _announce(self, line: str) -> list[str]:
        words = _words(line)
        self.commands.append(shlex.join(["oci-store", *words]))
        self._say("")
        self.output.table([] if self.output.quiet else [f"$ {self.commands[-1]}"])
        return words

    def _check(self, holds: bool, claim: str) -> None:
        if not holds:
            raise IntegrityError(
                "the demo's round trip differs", where=self.commands[-1], cause=f"this does not hold: {claim}",
                fix="report it: this should not happen",
            )  # fmt: skip
        self.checks.append(claim)
        self._say(f"  ok: {claim}")

    def _write(self, name: str, content: bytes, what: str) -> None:
        (self.directory / name).write_bytes(content)
        self._say(f"  {name:15} {what}")

    def _headline(self, text: str) -> None:
        self._say("")
        self.output.table([] if self.output.quiet else [text])

    def _say(self, text: str) -> None:
        if not self.output.quiet:
            self.output.result(text)

    def _execute(self, words: list[str]) -> None:
        self._program.main(words, prog_name="oci-store", standalone_mode=False, obj=Globals())


def make_images() -> dict[str, made.Image]:
    """The demo's images by ``NAME:TAG``; all of them share their base."""

    def hello(version: str) -> made.Layer:
        script = f"#!/bin/sh\necho hello {version}\n".encode()
        return made.make_layer({"bin/hello": script, "usr/share/hello": made.filler(version, 60_000)},
                               created_by=f"COPY hello-{version} /bin/hello")  # fmt: skip

    base_files = {"etc/os-release": b'NAME="demo"\n', "usr/lib/base": made.filler("base", 400_000)}
    base = made.make_layer(base_files, created_by="ADD base.tar /")
    tools = made.make_layer({"bin/tool": made.filler("tool", 90_000)}, created_by="COPY tool /bin/tool")
    platforms = [
        made.make_image(
            [
                base,
                made.make_layer({"bin/hello": made.filler(name, 50_000)}, created_by=f"COPY hello-{name} /bin/hello"),
            ],
            architecture=name,
        )
        for name in ("amd64", "arm64")
    ]
    return {
        "hello:1.0": made.make_image([base, hello("1.0")], labels={"org.opencontainers.image.version": "1.0"}),
        "hello:1.1": made.make_image([base, hello("1.1")], labels={"org.opencontainers.image.version": "1.1"}),
        "tools:2.0": made.make_image([base, tools], command=("/bin/tool",)),
        "multi:1.0": made.make_index(platforms),
    }


def _words(line: str) -> list[str]:
    verb, *rest = shlex.split(line)
    return ["fs", verb, *rest]


def _members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        files = ((member.name, opened.extractfile(member)) for member in opened)
        return {name: file.read() for name, file in files if file is not None}


def _tar_of(layer: bytes) -> bytes:
    """A layer's tar, however the archive holds it."""
    import gzip

    return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer


@contextlib.contextmanager
def _throw_away_directory() -> Iterator[Path]:
    """A directory to work in, with a store and a cache of its own; all of it is gone afterwards."""
    before, environment = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ocistore-demo-") as name:
        os.environ.update(OCISTORE_DIR="store", OCISTORE_CACHE=str(Path(name) / "cache"))
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)
