"""Engines that push and pull by themselves, through a registry that is there for one transfer and leaves no trace."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from ocistore_tui.errors import Cancelled, IntegrityError, Unavailable, UsageError
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.progress import JobSnapshot, LayerState
from ocistore_tui.model.reference import Reference
from tests.fakes.engine import FakeEngine, fake_engine
from tests.testbed import images
from tests.testbed.daemons import client
from tests.testbed.images import Image, layer
from tests.testbed.need import program
from tests.testbed.opened import directory_service, pull, push

ENGINES = ("docker_classic", "docker26_classic", "docker26_containerd")
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture(params=ENGINES)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def unique(tmp_path: Path) -> str:
    """A name no other test uses, so that engines may be shared."""
    return f"rt/{tmp_path.name.lower().replace('_', '-').strip('-')}"


def load(host: str, tmp_path: Path, name: str, image: Image) -> None:
    archive = images.docker_archive(tmp_path / "image.tar", {f"{name}:1": image})
    client(host, "load", "-q", "-i", str(archive))


def names_left(host: str) -> list[str]:
    listed = client(host, "images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}")
    return [line for line in listed.splitlines() if re.search(r"localhost:|ocistore-", line)]


def labels_of_blobs(host: str) -> str:
    """What the engine's containerd notes of its blobs."""
    address = Path(host.removeprefix("unix://")).parent / "exec" / "containerd" / "containerd.sock"
    command = [
        program("ctr", hint="the package containerd has it"),
        "--address",
        str(address),
        "--namespace",
        "moby",
        "content",
        "ls",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def states(snapshots: list[JobSnapshot]) -> set[LayerState]:
    return {layer.state for snapshot in snapshots for layer in snapshot.layers}


def test_an_image_is_pushed_by_its_engine_and_comes_back(host: str, tmp_path: Path, unique: str) -> None:
    image = Image((layer(f"{unique}-one"), layer(f"{unique}-two", 3_000_000)))
    load(host, tmp_path, unique, image)
    seen: list[JobSnapshot] = []
    with directory_service(tmp_path / "store", docker_host=host) as service:
        pushed = push(service, f"{unique}:1", via="registry", on_progress=seen.append)
        assert pushed.via == "registry"
        assert {row.state for row in pushed.layers} == {LayerState.UPLOADED}
        assert pushed.uploaded_bytes > 0
        assert list(service.flaws(unique)) == []
        assert [row.name for row in service.tags(unique)] == ["1"], "no other tag was left in the store"
    assert states(seen) & {LayerState.UPLOADING, LayerState.UPLOADED}
    assert {row.state for row in seen[-1].layers} == {LayerState.UPLOADED}
    assert names_left(host) == []

    client(host, "rmi", f"{unique}:1")
    with directory_service(tmp_path / "store", docker_host=host) as service:
        pulled = pull(service, f"{unique}:1", f"{unique}:pulled", via="registry")
    assert (pulled.via, pulled.digest) == ("registry", pushed.digest)
    assert client(host, "image", "inspect", "--format", "{{.Id}}", f"{unique}:pulled").strip() == pulled.image_id
    assert names_left(host) == []


def test_of_what_the_store_has_only_the_changed_layer_is_sent(host: str, tmp_path: Path, unique: str) -> None:
    base = (layer(f"{unique}-base", 12_000_000), layer(f"{unique}-more", 200_000))
    load(host, tmp_path, unique, Image(base))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{unique}:1", via="registry")
        load(host, tmp_path, f"{unique}-next", Image((*base, layer(f"{unique}-new", 5_000))))
        again = push(service, "elsewhere/next:1", f"{unique}-next:1", via="auto")
    assert again.via == "registry", again.notes
    assert [row.state for row in again.layers].count(LayerState.UPLOADED) <= 2, "large layers are known by the engine"
    assert again.layers[0].state is LayerState.LINKED
    assert again.layers[-1].state is LayerState.UPLOADED
    assert names_left(host) == []


def test_what_is_kept_does_not_count_while_the_engine_looks_at_it(host: str, tmp_path: Path, unique: str) -> None:
    base = layer(f"{unique}-base", 3_000_000)
    seen: list[JobSnapshot] = []
    with directory_service(tmp_path / "first", docker_host=host) as service:
        load(host, tmp_path, f"{unique}-next", Image((base, layer(f"{unique}-new", 5_000))))
        push(service, f"{unique}-next:1", via="registry")  # the manifest of a containerd engine is known then
    with directory_service(tmp_path / "store", docker_host=host) as service:
        load(host, tmp_path, unique, Image((base,)))
        push(service, f"{unique}:1", via="registry")
        again = push(service, f"{unique}:2", f"{unique}-next:1", via="registry", on_progress=seen.append)
    assert again.layers[0].state is LayerState.EXISTS
    kept = [row for snapshot in seen for row in snapshot.layers if row.total_bytes > 1_000_000]
    assert kept
    assert LayerState.WAITING not in {row.state for row in kept}


def test_of_what_the_engine_got_from_a_registry_only_the_new_layer_is_read(
    host: str, tmp_path: Path, unique: str
) -> None:
    base, new = layer(f"{unique}-base", 3_000_000), layer(f"{unique}-new", 5_000)
    seen: list[JobSnapshot] = []
    with directory_service(tmp_path / "store", docker_host=host) as service:
        for number, image in ((1, Image((base,))), (2, Image((base, new)))):
            archive = images.oci_archive(tmp_path / f"{number}.tar", "1", image)
            push(service, f"{unique}:{number}", f"oci-archive:{archive}")
        pull(service, f"{unique}:1", via="registry")
        plan = service.plan_pull(PullRequest(Reference.parse(f"{unique}:2"), via="registry"))
        pulled = service.pull(plan, on_progress=seen.append)
    assert [row.state for row in pulled.layers] == [LayerState.PRESENT, LayerState.DOWNLOADED]
    assert pulled.downloaded_bytes < 100_000
    assert {row.state for snapshot in seen for row in snapshot.layers if row.id == pulled.layers[0].digest} == {
        LayerState.PRESENT
    }
    stages = list(dict.fromkeys(snapshot.stage for snapshot in seen))
    assert stages[-3:] == ["downloading", "loading", "done"], "unpacking takes its time, and is no standstill"


def test_a_damaged_blob_ends_a_pull_at_once_and_the_next_push_repairs_it(
    host: str, tmp_path: Path, unique: str
) -> None:
    archive = f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', Image((layer(unique, 3_000_000),)))}"
    with directory_service(tmp_path / "store", docker_host=host) as service:
        blob = push(service, f"{unique}:1", archive).layers[0].digest
        (path,) = (tmp_path / "store").rglob(f"{blob.encoded}/data")
        raw = bytearray(path.read_bytes())
        raw[1000] ^= 1
        path.write_bytes(raw)
        with pytest.raises(IntegrityError, match="damaged") as caught:
            pull(service, f"{unique}:1", via="registry")
        assert caught.value.where == blob
        assert names_left(host) == []
        assert client(host, "images", "-q", unique) == ""
        push(service, f"{unique}:1", archive)
        # Not through the registry: a containerd engine may go on once with the damaged bytes it has of the blob.
        assert pull(service, f"{unique}:1").downloaded_bytes > 0


def test_a_blob_that_lost_its_end_is_repaired(host: str, tmp_path: Path, unique: str) -> None:
    """The engine is told how large the blob is by us, and would write that into its manifest."""
    load(host, tmp_path, unique, Image((layer(unique, 200_000),)))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        first = push(service, f"{unique}:1", via="registry")
        blob = tmp_path / "store" / paths.blob(first.layers[0].digest)
        whole = blob.read_bytes()
        blob.write_bytes(whole[:-1])
        again = push(service, f"{unique}:2", f"{unique}:1", via="registry")
        assert list(service.flaws(unique)) == []
    assert (again.via, again.digest, blob.read_bytes()) == ("registry", first.digest, whole)


def test_damage_that_was_noticed_is_repaired_by_an_engine_s_own_push(host: str, tmp_path: Path, unique: str) -> None:
    """Neither engine nor store can tell: the size is right."""
    load(host, tmp_path, unique, Image((layer(unique, 200_000),)))
    with directory_service(tmp_path / "store", docker_host=host) as service:
        first = push(service, f"{unique}:1", via="registry")
        blob = tmp_path / "store" / paths.blob(first.layers[0].digest)
        whole = blob.read_bytes()
        blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(IntegrityError):
            pull(service, f"{unique}:1", f"oci-archive:{tmp_path / 'out.tar'}")
        again = push(service, f"{unique}:1", via="registry")
    assert (again.via, again.digest, blob.read_bytes()) == ("registry", first.digest, whole)


def test_auto_exports_what_a_classic_engine_would_compress_as_a_whole(
    docker_classic: str, tmp_path: Path, unique: str
) -> None:
    load(docker_classic, tmp_path, unique, Image((layer(unique, 60_000_000), layer(f"{unique}-b", 60_000_000))))
    with directory_service(tmp_path / "store", docker_host=docker_classic) as service:
        pushed = push(service, f"{unique}:1")
        assert list(service.flaws(unique)) == []
    assert pushed.via == "archive"
    assert names_left(docker_classic) == []


def test_names_a_killed_process_left_go_with_the_next_transfer(host: str, tmp_path: Path, unique: str) -> None:
    load(host, tmp_path, unique, Image((layer(unique),)))
    client(host, "tag", f"{unique}:1", "localhost:9/ocistore-00ff/team/app:1")
    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{unique}:1", via="registry")
    assert names_left(host) == []
    assert client(host, "images", "-q", f"{unique}:1").strip()


def test_a_containerd_store_notes_one_name_however_often_an_image_moves(
    docker26_containerd: str, tmp_path: Path, unique: str
) -> None:
    """It labels each blob with every repository it went to or came from, for good; nothing but that stays."""
    load(docker26_containerd, tmp_path, unique, Image((layer(unique),)))
    for number in range(3):
        with directory_service(tmp_path / f"store{number}", docker_host=docker26_containerd) as service:
            push(service, f"{unique}:1", via="registry")
            pull(service, f"{unique}:1", f"{unique}:pulled{number}", via="registry")
    noted = set(re.findall(rf"ocistore-[0-9a-f]+/{unique}(?=[^0-9a-z])", labels_of_blobs(docker26_containerd)))
    assert len(noted) == 1


def pushing_ends_by(number: int, host: str, tmp_path: Path, name: str) -> int:
    """What a push as a command ends with that gets a signal while its layers move."""
    command = [
        sys.executable, "-m", "ocistore_tui", "--no-tui", "--progress", "json", "fs", "push", f"{name}:1", "--dir",
        str(tmp_path / "store"), "--docker-host", host, "--via", "registry",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        told = next(line for line in running.stderr if '"state":"uploading"' in line or running.poll() is not None)
        assert '"state":"uploading"' in told, told
        running.send_signal(number)
        running.stderr.read()
        return running.wait()


def test_an_interrupted_push_takes_its_name_and_its_files_away(
    docker_classic: str, tmp_path: Path, unique: str
) -> None:
    load(docker_classic, tmp_path, unique, Image(tuple(layer(f"{unique}{n}", 60_000_000) for n in range(3))))
    assert pushing_ends_by(signal.SIGINT, docker_classic, tmp_path, unique) == 130
    assert names_left(docker_classic) == []
    assert list(tmp_path.joinpath("store").rglob("*.tmp")) == []


def test_a_killed_push_leaves_no_broken_tag_and_nothing_that_listens(host: str, tmp_path: Path, unique: str) -> None:
    load(host, tmp_path, unique, Image(tuple(layer(f"{unique}{n}", 30_000_000) for n in range(3))))
    assert pushing_ends_by(signal.SIGKILL, host, tmp_path, unique) == -signal.SIGKILL
    (left,) = {line.split()[0] for line in names_left(host)}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", int(left.split(":")[1].partition("/")[0])), timeout=5)
    with directory_service(tmp_path / "store", docker_host=host) as service:
        if list(service.repositories()):
            assert [row.flaw for row in service.tags(unique) if row.flaw] == [], "no tag, or a whole one"
        assert push(service, f"{unique}:1", via="registry").digest
        assert list(service.flaws(unique)) == []
    with directory_service(tmp_path / "other", docker_host=host) as service:
        assert push(service, f"{unique}:1", via="registry").via == "registry"
    assert names_left(host) == []


def test_a_stopped_push_leaves_nothing_in_the_engine(host: str, tmp_path: Path, unique: str) -> None:
    load(host, tmp_path, unique, Image(tuple(layer(f"{unique}{n}", 40_000_000) for n in range(3))))
    stop = threading.Event()

    def watch(snapshot: JobSnapshot) -> None:
        if snapshot.moved_bytes:
            stop.set()

    with directory_service(tmp_path / "store", docker_host=host) as service:
        plan = service.plan_push(PushRequest(Reference.parse(f"{unique}:1"), via="registry"))
        with pytest.raises(Cancelled):
            service.push(plan, on_progress=watch, cancel=stop)
        assert names_left(host) == []
        assert not list(service.repositories()) or list(service.tags(unique)) == []


def test_a_stopped_pull_leaves_the_engine_as_it_was(host: str, tmp_path: Path, unique: str) -> None:
    image = Image(tuple(layer(f"{unique}{n}", 15_000_000) for n in range(3)))
    stop = threading.Event()

    def watch(snapshot: JobSnapshot) -> None:
        if snapshot.moved_bytes:
            stop.set()

    with directory_service(tmp_path / "store", docker_host=host) as service:
        push(service, f"{unique}:1", f"oci-archive:{images.oci_archive(tmp_path / 'made.tar', '1', image)}")
        plan = service.plan_pull(PullRequest(Reference.parse(f"{unique}:1"), f"{unique}:pulled", via="registry"))
        with pytest.raises(Cancelled):
            service.pull(plan, on_progress=watch, cancel=stop)
    assert names_left(host) == []
    assert client(host, "images", "-q", f"{unique}:pulled") == ""


def test_what_cannot_push_by_itself_says_why(tmp_path: Path, podman: str) -> None:
    archive = images.oci_archive(tmp_path / "made.tar", "1", Image((layer("a"),)))
    with directory_service(tmp_path / "store", docker_host=podman) as service:
        with pytest.raises(UsageError) as caught:
            push(service, "app:1", f"oci-archive:{archive}", via="registry")
        assert "container engines" in caught.value.cause
        push(service, "app:1", f"oci-archive:{archive}")
        with pytest.raises(UsageError) as caught:
            pull(service, "app:1", "rt/app:1", via="registry")
        assert "podman" in caught.value.cause


# What engines say that fail.


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    """A classic engine whose own push fails, and whose export is as it should be."""
    image = Image((layer("one"), layer("two")))
    with fake_engine(tmp_path) as running:
        running.hold("rt/app:1", str(image.id), [str(Digest.of(raw)) for raw in image.layers], RepoTags=["rt/app:1"])
        running.push = lambda: [
            b'{"status":"The push refers to repository [localhost]"}\r\n',
            b'{"errorDetail":{"message":"connection \\u001b[2J refused"},"error":"connection refused"}\r\n',
        ]
        archive = images.docker_archive(tmp_path / "export.tar", {"rt/app:1": image})
        running.export = lambda: [archive.read_bytes()]
        yield running


def test_a_push_that_fails_is_done_as_an_archive_and_that_is_said(engine: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        pushed = push(service, "rt/app:1")
        assert list(service.flaws("rt/app")) == []
    assert pushed.via == "archive"
    (note,) = (note for note in pushed.notes if "own push failed" in note)
    assert "connection" in note
    assert "\x1b" not in note
    assert list(engine.names) == ["rt/app:1"], "the name it was pushed under is gone"


def test_a_push_that_was_asked_for_fails_in_the_engine_s_words(engine: FakeEngine, tmp_path: Path) -> None:
    opened = directory_service(tmp_path / "store", docker_host=engine.host)
    with opened as service, pytest.raises(Unavailable, match="could not move") as caught:
        push(service, "rt/app:1", via="registry")
    assert not (tmp_path / "store").exists()
    assert "refused" in caught.value.cause
    assert "--via archive" in caught.value.fix
    assert list(engine.names) == ["rt/app:1"]


def test_what_has_nothing_to_move_went_the_way_that_was_asked_for(engine: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        push(service, "rt/app:1", via="archive")
        for way in ("registry", "archive"):
            again = push(service, "rt/app:1", via=way)
            assert (again.via, again.uploaded_bytes) == (way, 0)


def test_an_engine_that_pushes_nothing_is_not_believed(engine: FakeEngine, tmp_path: Path) -> None:
    engine.push = lambda: [b'{"status":"1: digest: sha256:00 size: 7"}\r\n']
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        with pytest.raises(IntegrityError, match="no manifest"):
            push(service, "rt/app:1", via="registry")
        assert push(service, "rt/app:1").via == "archive"


def test_the_engine_is_told_the_same_name_each_time(engine: FakeEngine, tmp_path: Path) -> None:
    for number in range(2):
        with directory_service(tmp_path / f"store{number}", docker_host=engine.host) as service:
            assert push(service, "rt/app:1").via == "archive"
    first, second = (line.partition("?")[0] for line in engine.asked if "/push" in line)
    assert first == second


def test_names_of_killed_transfers_go_also_where_we_listen_ourselves(engine: FakeEngine, tmp_path: Path) -> None:
    with directory_service(tmp_path / "one", docker_host=engine.host) as service:
        push(service, "rt/app:1")
    (pushed,) = (unquote(line.split("/images/")[1].split("/push")[0]) for line in engine.asked if "/push" in line)
    image = engine.names["rt/app:1"]
    for left in (f"{pushed}:0123", f"{pushed.replace('rt/app', 'rt/other')}:0123", "localhost:9/somebody/app:1"):
        engine.names[left] = image
    digests = [f"{pushed}@{Digest.of(b'')}"]
    engine.listing = [{"Id": image, "RepoTags": list(engine.names), "RepoDigests": digests}]
    with directory_service(tmp_path / "two", docker_host=engine.host) as service:
        push(service, "rt/app:1")
    assert sorted(engine.names) == ["localhost:9/somebody/app:1", "rt/app:1"]


def test_a_name_that_does_not_go_keeps_no_other_from_going(engine: FakeEngine, tmp_path: Path) -> None:
    stuck, *others = (f"localhost:9/ocistore-00ff/{name}:1" for name in ("first", "second", "third"))
    for left in (stuck, *others):
        engine.names[left] = engine.names["rt/app:1"]
    engine.kept = {stuck}
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        assert push(service, "rt/app:1").via == "archive"
    assert sorted(engine.names) == sorted([stuck, "rt/app:1"])


def test_an_image_without_a_name_is_not_pushed_under_one(engine: FakeEngine, tmp_path: Path) -> None:
    engine.images[engine.names["rt/app:1"]]["RepoTags"] = ["<none>:<none>"]
    with directory_service(tmp_path / "store", docker_host=engine.host) as service:
        assert push(service, "rt/app:1").via == "archive"
    assert not [line for line in engine.asked if "/push" in line]
