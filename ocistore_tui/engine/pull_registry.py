"""A pull by the engine itself, from a registry of ours that serves the store for the length of the transfer."""

from __future__ import annotations

from collections.abc import Mapping

from ocistore_tui.engine.context import Context
from ocistore_tui.engine.job import StopSignal
from ocistore_tui.engine.ports import RegistryTarget
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.errors import IntegrityError, OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, Loaded, StoredImage
from ocistore_tui.model.progress import LayerState
from ocistore_tui.serving.loopback import Loopback
from ocistore_tui.serving.rules import Event, Rules, What

_WORDS: Mapping[str, LayerState] = {
    "Pulling fs layer": LayerState.WAITING,
    "Waiting": LayerState.WAITING,
    "Downloading": LayerState.DOWNLOADING,
    "Verifying Checksum": LayerState.DOWNLOADING,
    "Download complete": LayerState.DOWNLOADED,
    "Extracting": LayerState.LOADING,
    "Pull complete": LayerState.DOWNLOADED,
    "Already exists": LayerState.PRESENT,
}
_TO_COME, _HERE = {LayerState.WAITING, LayerState.DOWNLOADING}, {LayerState.DOWNLOADED, LayerState.LOADING}


def pull_by_registry(
    context: Context, repository: str, target: RegistryTarget, image: StoredImage, tracker: Tracker, stop: StopSignal
) -> tuple[Loaded, frozenset[Digest]]:
    """Let the engine pull.

    Returns:
        What it holds then, and the digests of the layers it did not read.

    Raises:
        IntegrityError: a blob is damaged.
        OciStoreError: as engine and store say; the engine's name means what it meant.
    """
    rows = {layer.digest.encoded[:12]: layer for layer in image.chosen.layers}
    read: set[Digest] = set()
    told: dict[Digest, LayerState] = {}
    damaged: list[Digest] = []

    def hear(event: Event) -> None:
        if event.what is What.READ:
            stop.is_set()  # during a pause this waits, and so does the engine that reads
            tracker.moved(event.size_bytes)
            if event.digest is not None and event.size_bytes:
                read.add(event.digest)
        if event.what is What.DAMAGED and event.digest is not None:
            context.cache.suspect(event.digest)
            damaged.append(event.digest)
            if not target.keeps_index:
                # It would ask for it again, for more than a minute. A containerd engine gives up by itself, and has to:
                # broken off, it begins its next attempt with what it had of the blob.
                stop.fail()

    def show(event: EngineEvent) -> None:
        layer, state = rows.get(event.layer), _WORDS.get(event.status)
        if layer is None or state is None:
            return
        told[layer.digest] = state
        if state in _HERE and _TO_COME.isdisjoint(told.values()):
            tracker.stage("loading")
        if state is LayerState.WAITING or (state is LayerState.DOWNLOADED and layer.digest not in read):
            return  # some engines say it of what they have
        done = min(event.done_bytes, layer.size) if state is LayerState.DOWNLOADING else None
        tracker.layer(layer.digest, state, done_bytes=done, total_bytes=layer.size, digest=layer.digest)

    with Loopback(context.store, context.cache.secret(), Rules(), hear) as loopback:
        events = target.pull(loopback.name(repository), image, cancel=stop)
        try:
            while True:
                show(next(events))
        except StopIteration as end:
            loaded: Loaded = end.value
        except OciStoreError as error:
            if not damaged:
                raise
            raise IntegrityError(
                "a blob in the store is damaged", where=damaged[0], cause="its bytes do not match its digest",
                fix="push the image again to repair the store",
            ) from error  # fmt: skip
        finally:
            events.close()
    return loaded, frozenset(layer.digest for layer in rows.values()) - read
