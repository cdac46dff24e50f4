"""What registries left in a container: names with a leading slash, append blobs, markers of directories."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobType, ContainerClient

from ocistore_tui.backends.azure import AzureStore
from ocistore_tui.backends.base import MIB
from ocistore_tui.errors import AccessDenied, IntegrityError, PreconditionFailed, Unavailable
from ocistore_tui.model.digest import Digest
from tests.contracts.object_store import chunked, keys, pattern, read_all
from tests.fakes.azure_relay import AzureRelay, answer_with, lose_reply, new_container, options_for, refused

LINK = "docker/registry/v2/repositories/app/_manifests/tags/latest/current/link"
OLD, NEW = b"sha256:" + b"0" * 64, b"sha256:" + b"1" * 64


@pytest.fixture
def container(azurite: str) -> Iterator[ContainerClient]:
    with new_container(azurite) as container:
        yield container


@pytest.fixture
def relay(azurite: str) -> Iterator[AzureRelay]:
    """Azurite with the rule of the real service that no blob changes its type."""
    with AzureRelay(azurite, keep_types=True) as relay:
        yield relay


@pytest.fixture
def store(relay: AzureRelay, container: ContainerClient) -> Iterator[AzureStore]:
    with AzureStore(options_for(relay.url, container.container_name)) as store:
        yield store


def names(container: ContainerClient) -> list[str]:
    return list(container.list_blob_names())


def append(container: ContainerClient, name: str, data: bytes) -> str:
    """An append blob, as registries 3.0 to 3.1.1 write all their files and every registry its layers."""
    blob = container.get_blob_client(name)
    blob.create_append_blob()
    blob.append_block(data)
    return str(blob.get_blob_properties().etag).strip('"')


# -- the leading slash


def test_a_registry_2_is_read_and_written_where_it_is(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob(f"/{LINK}", OLD)
    container.upload_blob("elsewhere/thing", b"1")
    assert store.leading_slash
    assert keys(store) == [LINK], "what is outside the registry is not ours to see"
    assert list(store.list_dirs("")) == ["docker"]
    assert list(store.list_dirs("docker/registry/v2/repositories/")) == ["app"]
    data, token = store.get(LINK, max_bytes=100)
    assert data == OLD
    store.put(LINK, NEW, if_token=token)
    blob = pattern(9 * MIB)
    store.put_stream("docker/blob/data", chunked(blob), size_bytes=len(blob), digest=Digest.of(blob))
    assert read_all(store.open_range("docker/blob/data")) == blob
    store.copy_from(store, "docker/blob/data", "docker/copy/data", size_bytes=len(blob), digest=Digest.of(blob))
    assert names(container) == ["/docker/blob/data", "/docker/copy/data", f"/{LINK}", "elsewhere/thing"]
    assert container.download_blob(f"/{LINK}").readall() == NEW
    assert keys(store, start_after="docker/blob/data") == ["docker/copy/data", LINK]
    assert store.delete([LINK, "docker/blob/data", "docker/copy/data"]) == []
    assert names(container) == ["elsewhere/thing"]


def test_a_registry_3_has_no_leading_slash(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob(LINK, OLD)
    assert not store.leading_slash
    store.put("docker/other", b"1")
    assert names(container) == ["docker/other", LINK]


def test_with_both_forms_the_one_of_registries_3_counts(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob(f"/{LINK}", OLD)
    container.upload_blob(LINK, NEW)
    assert not store.leading_slash
    assert store.get(LINK, max_bytes=100)[0] == NEW
    store.put("docker/other", b"1")
    assert "docker/other" in names(container)


def test_an_empty_container_gets_no_leading_slash(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob("dockerfile", b"not a registry")
    container.upload_blob("/other", b"neither")
    assert not store.leading_slash
    store.put(LINK, OLD)
    assert names(container) == ["/other", LINK, "dockerfile"]


def test_a_root_directory_is_not_probed(relay: AzureRelay, container: ContainerClient) -> None:
    container.upload_blob(f"/{LINK}", OLD)
    with AzureStore(options_for(relay.url, container.container_name, "root")) as store:
        assert not store.leading_slash
        store.put(LINK, OLD)
    assert names(container) == [f"/{LINK}", f"root/{LINK}"]
    assert relay.asked("comp=list") == []


def test_the_probe_is_made_once_by_many_threads(store: AzureStore, relay: AzureRelay) -> None:
    readers = [threading.Thread(target=store.head, args=(LINK,)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(relay.asked("comp=list")) == 2
    assert {request.path.partition("maxresults=")[2].partition("&")[0] for request in relay.asked("comp=list")} == {"1"}


# -- blobs of another type


def test_the_fake_refuses_as_the_real_service_does(relay: AzureRelay, container: ContainerClient) -> None:
    append(container, LINK, OLD)
    direct = ContainerClient(relay.url, container.container_name, container.credential.account_key)
    with direct, pytest.raises(Exception, match="InvalidBlobType"):
        direct.upload_blob(LINK, NEW, overwrite=True)


@pytest.mark.parametrize("conditional", [True, False])
def test_a_tag_that_is_an_append_blob_is_moved(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, conditional: bool
) -> None:
    token = append(container, LINK, OLD)
    assert store.get(LINK, max_bytes=100) == (OLD, token)
    moved = store.put(LINK, NEW, if_token=token if conditional else None)
    assert store.get(LINK, max_bytes=100) == (NEW, moved)
    assert container.get_blob_client(LINK).get_blob_properties().blob_type == BlobType.BLOCKBLOB
    (deleted,) = relay.asked("^DELETE")
    assert deleted.headers["if-match"] == f'"{token}"', "only the version seen is deleted"
    *_, created = relay.asked("^PUT")
    if conditional:
        assert created.headers["if-none-match"] == "*", "and nobody else's is replaced"
    assert store.put(LINK, OLD, if_token=moved)


def test_an_append_blob_that_somebody_else_changed_stays(store: AzureStore, container: ContainerClient) -> None:
    token = append(container, LINK, OLD[:10])
    container.get_blob_client(LINK).append_block(OLD[10:])
    with pytest.raises(PreconditionFailed):
        store.put(LINK, NEW, if_token=token)
    with pytest.raises(PreconditionFailed):
        store.put(LINK, NEW, if_absent=True)
    assert store.get(LINK, max_bytes=100)[0] == OLD


def test_somebody_else_is_faster_in_the_gap(store: AzureStore, relay: AzureRelay, container: ContainerClient) -> None:
    token = append(container, LINK, OLD)

    def overtaken(request: object, forward: object) -> object:
        answer = forward(request)
        container.upload_blob(LINK, b"theirs")
        return answer

    relay.fault("^DELETE", overtaken)
    with pytest.raises(PreconditionFailed):
        store.put(LINK, NEW, if_token=token)
    assert store.get(LINK, max_bytes=100)[0] == b"theirs"


@pytest.mark.parametrize("lost", ["^DELETE", "^PUT"])
def test_a_lost_reply_while_a_tag_changes_its_type(
    store: AzureStore, relay: AzureRelay, container: ContainerClient, lost: str
) -> None:
    token = append(container, LINK, OLD)
    if lost == "^PUT":
        relay.fault(lost, lambda request, forward: forward(request))  # the one that is refused
    relay.fault(lost, lose_reply)
    store.put(LINK, NEW, if_token=token)
    assert store.get(LINK, max_bytes=100)[0] == NEW


@pytest.mark.parametrize("size_bytes", [1000, 9 * MIB])
def test_a_truncated_layer_of_a_registry_is_replaced(
    store: AzureStore, container: ContainerClient, size_bytes: int
) -> None:
    data = pattern(size_bytes)
    append(container, "docker/blob/data", data[:500])
    store.put_stream("docker/blob/data", chunked(data), size_bytes=size_bytes, digest=Digest.of(data))
    assert read_all(store.open_range("docker/blob/data")) == data
    assert names(container) == ["docker/blob/data"], "what was put beside it is gone"


@pytest.mark.parametrize("size_bytes", [1000, 9 * MIB])
def test_a_layer_of_a_registry_stays_when_its_replacement_is_wrong(
    store: AzureStore, container: ContainerClient, size_bytes: int
) -> None:
    data = pattern(size_bytes)
    append(container, "docker/blob/data", data[:500])
    with pytest.raises(IntegrityError):
        store.put_stream("docker/blob/data", chunked(data), size_bytes=size_bytes, digest=Digest.of(b"other"))
    assert store.get("docker/blob/data", max_bytes=500)[0] == data[:500]
    assert names(container) == ["docker/blob/data"]


def test_a_layer_of_a_registry_is_copied_and_kept(store: AzureStore, container: ContainerClient) -> None:
    data = pattern(9 * MIB)
    blob = container.get_blob_client("docker/blob/data")
    blob.create_append_blob()
    for at in range(0, len(data), 3 * MIB):
        blob.append_block(data[at : at + 3 * MIB])
    digest = Digest.of(data)
    assert store.put_stream("docker/blob/data", iter(()), size_bytes=len(data), digest=digest), "it is there already"
    store.copy_from(store, "docker/blob/data", "docker/copy/data", size_bytes=len(data), digest=digest)
    assert read_all(store.open_range("docker/copy/data")) == data


# -- what is no blob


def test_directories_of_a_hierarchical_account_are_no_blobs(store: AzureStore, container: ContainerClient) -> None:
    container.upload_blob("docker/dir", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("docker/marker/", b"")
    container.upload_blob("docker/dir/blob", b"1")
    assert keys(store) == ["docker/dir/blob"]
    assert store.head("docker/dir") is None
    assert list(store.list_unfinished("")) == []


# -- blocks that nobody committed


def test_a_failed_upload_shows_nothing_at_its_key_and_is_made_up_for(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    """An empty blob would drop its blocks, but a registry trusts whatever is at the key of a blob."""
    data, staged = pattern(9 * MIB), threading.Event()

    def source() -> Iterator[bytes]:
        yield from chunked(data)
        assert staged.wait(30)
        raise Unavailable("the source went away")

    with pytest.raises(Unavailable, match="went away"):
        store.put_stream(
            "docker/blob/data",
            source(),
            size_bytes=len(data),
            digest=Digest.of(data),
            progress=lambda _: staged.set(),
        )
    blob = container.get_blob_client("docker/blob/data")
    (left,) = blob.get_block_list("uncommitted")[1]
    assert relay.asked("comp=blocklist") == []
    assert relay.asked("^DELETE") == []
    assert [upload.key for upload in store.list_unfinished("docker/")] == ["docker/blob/data"]
    store.put_stream("docker/blob/data", chunked(data), size_bytes=len(data), digest=Digest.of(data))
    committed, waiting = blob.get_block_list("all")
    assert waiting == []
    assert left.id not in {block.id for block in committed}
    assert list(store.list_unfinished("")) == []
    assert read_all(store.open_range("docker/blob/data")) == data


def test_dropping_blocks_leaves_a_blob_alone(store: AzureStore, container: ContainerClient) -> None:
    blob = container.get_blob_client("docker/blob/data")
    blob.stage_block("theirs-1", b"1")
    (upload,) = store.list_unfinished("docker/")
    container.upload_blob("docker/blob/data", b"published meanwhile", overwrite=True)
    blob.stage_block("theirs-2", b"2")
    store.abort(upload)
    assert store.get("docker/blob/data", max_bytes=100)[0] == b"published meanwhile"
    assert "theirs-2" in {block.id for block in blob.get_block_list("uncommitted")[1]}


def test_the_empty_blob_that_drops_blocks_does_not_stay(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    blob = container.get_blob_client("docker/blob/data")
    blob.stage_block("left-1", b"1")
    (upload,) = store.list_unfinished("docker/")
    lost = [relay.fault("^PUT .*comp=blocklist", lose_reply), relay.fault("^DELETE", lose_reply)]
    store.abort(upload)
    assert [fault.times for fault in lost] == [0, 0]
    assert names(container) == []
    assert list(store.list_unfinished("")) == []


def test_blocks_one_may_not_drop_are_said_to_be_so(
    store: AzureStore, relay: AzureRelay, container: ContainerClient
) -> None:
    container.get_blob_client("docker/blob/data").stage_block("left-1", b"1")
    (upload,) = store.list_unfinished("docker/")
    relay.fault("^PUT .*comp=blocklist", answer_with(refused(403, "AuthorizationPermissionMismatch")))
    with pytest.raises(AccessDenied):
        store.abort(upload)
    assert names(container) == []
