"""SIGKILL after each write of a push in turn: every tag a registry lists resolves, and the push can be repeated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocistore_tui.model.progress import LayerState
from tests.testbed import images
from tests.testbed.images import Image, layer
from tests.testbed.opened import push
from tests.testbed.places import KINDS, Served, served
from tests.testbed.registry_client import serve_whole, tags


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with served(request.param, tmp_path, request) as bench:
        yield bench


def killed_after(writes: int, bench: Served, target: str, archive: Path) -> bool:
    """Push in another process; whether it died."""
    words = [json.dumps(bench.place), target, f"oci-archive:{archive}", str(writes)]
    done = subprocess.run([sys.executable, "-m", "tests.engine.killed", *words], capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


def test_a_killed_push_leaves_every_tag_whole_and_can_be_repeated(bench: Served, tmp_path: Path) -> None:
    for writes in range(1, 100):
        repository = f"kill/after-{writes}"
        old = Image((layer(f"{writes} shared"), layer(f"{writes} old")))
        new = Image((layer(f"{writes} shared"), layer(f"{writes} new"), layer(f"{writes} newer")))
        first = images.oci_archive(tmp_path / "old.tar", "1", old)
        second = images.oci_archive(tmp_path / "new.tar", "1", new)
        with bench.service() as service:
            push(service, f"{repository}:1", f"oci-archive:{first}")
        died = killed_after(writes, bench, f"{repository}:1", second)

        assert tags(bench.registry, repository) == ["1"]
        assert serve_whole(bench.registry, repository, "1") in (old.digest, new.digest)
        with bench.service() as service:
            assert [flaw for flaw in service.flaws(repository) if not flaw.is_harmless] == []
            there = {blob for blob in new.blobs if service._context.blobs.stat(images.Digest.of(blob))}
            again = push(service, f"{repository}:1", f"oci-archive:{second}")
            sent = {row.digest for row in again.layers if row.state is LayerState.UPLOADED}
            assert sent == {images.Digest.of(blob) for blob in new.blobs if blob not in there}, (
                "finished blobs are kept"
            )
            assert list(service.flaws(repository)) == []
        assert serve_whole(bench.registry, repository, "1") == new.digest
        if not died:
            assert writes > 8, "the push did not write enough to mean anything"
            return
    pytest.fail("the push never came to its end")


def test_a_killed_first_push_shows_no_tag_or_a_whole_one(bench: Served, tmp_path: Path) -> None:
    for writes in range(1, 100):
        repository = f"kill/first-{writes}"
        image = Image((layer(f"{writes} a"), layer(f"{writes} b")))
        archive = images.oci_archive(tmp_path / "image.tar", "1", image)
        died = killed_after(writes, bench, f"{repository}:new", archive)
        listed = tags(bench.registry, repository)
        assert listed in ([], ["new"])
        for tag in listed:
            assert serve_whole(bench.registry, repository, tag) == image.digest
        if not died:
            assert listed == ["new"]
            return
    pytest.fail("the push never came to its end")
