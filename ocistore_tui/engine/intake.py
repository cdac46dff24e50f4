"""Takes an export in one pass: drops what is known, compresses what is raw, stores what is new, as it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from ocistore_tui.backends.base import SMALL_OBJECT_BYTES, CancelSignal, check_cancel
from ocistore_tui.backends.spool import Spool
from ocistore_tui.engine.codec import Compressed, compress_layer
from ocistore_tui.engine.context import Context
from ocistore_tui.engine.job import StopSignal
from ocistore_tui.engine.progress import Tracker
from ocistore_tui.errors import IntegrityError
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import ClassicImage, ContentImage, ExportItem, RawLayer, StoredBlob
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.media_types import OCI_LAYER_GZIP
from ocistore_tui.model.plan import MovedLayer, PlannedLayer
from ocistore_tui.model.progress import LayerState

_SPOOLED_LAYERS = 3
"""Compressed layers waiting for their upload at most: this bounds the disk a push takes."""
_LARGE_UPLOADS = 2
"""Spool files uploaded at once: each goes in parallel parts already, and this bounds the memory they take."""


class Intake:
    """One export on its way into the store.

    Args:
        context: The store and the means.
        tracker: Hears of every layer.
        stop: Checked at every chunk; also set when an upload fails, so that reading ends.
        repository: Where the image goes: tells an existing layer from one that only needs a link.
        planned: What the plan says of each layer; what it found in the store is not asked for.
        known: Stored blobs by diff ID, whose raw layers are dropped.
    """

    def __init__(
        self,
        context: Context,
        tracker: Tracker,
        stop: StopSignal,
        *,
        repository: Repository,
        planned: Iterable[PlannedLayer],
        known: Mapping[Digest, Descriptor],
    ) -> None:
        self._context, self._tracker, self._stop, self._repository = context, tracker, stop, repository
        self.layers: dict[Digest, Descriptor] = dict(known)
        """Stored blobs by diff ID, growing."""
        self.states: dict[Digest, LayerState] = {}
        """What happened, by blob digest."""
        self._rows: dict[Digest, str] = {}
        """What progress calls a layer, by diff ID and by blob digest."""
        self._guessed: set[Digest] = set()
        self._taken: dict[Digest, int] = {}
        """Stored blobs that were handed out, with their size in bytes."""
        self._uploads: list[Future[None]] = []
        self._slots = threading.BoundedSemaphore(_SPOOLED_LAYERS)
        self._large = threading.BoundedSemaphore(_LARGE_UPLOADS)
        for layer in planned:
            names = [name for name in (layer.digest, layer.diff_id) if name is not None]
            self._rows.update(dict.fromkeys(names, names[0]))
            if layer.digest is not None and layer.action is not LayerState.UPLOADED:
                self.states[layer.digest] = layer.action

    def can_skip(self, digest: Digest) -> bool:
        """Whether the source need not hand this out: a raw layer whose blob is known, or a blob that is stored."""
        return digest in self.layers or digest in self.states

    def rows(self, layer: MovedLayer) -> set[str]:
        """What progress shows a layer as: two rows where the export did not tell which of the planned ones it was."""
        names = {self._rows.get(name, name) for name in (layer.digest, layer.diff_id) if name is not None}
        return {name for name in names if self._tracker.shows(name)} or {layer.digest}

    def take(self, export: Iterator[ExportItem]) -> ClassicImage | ContentImage:
        """Read the whole export and wait until everything is stored.

        Raises:
            IntegrityError: a layer is not what its name says, or the export did not end.
            OciStoreError: as source and store say.
        """
        end: ClassicImage | ContentImage | None = None
        with ThreadPoolExecutor(self._context.workers.concurrency, "ocistore-upload") as pool:
            try:
                for item in export:
                    self._tracker.stage("reading")
                    self._raise_failed()
                    match item:
                        case RawLayer():
                            self._take_raw(item, pool)
                        case StoredBlob():
                            self._take_stored(item, pool)
                        case ClassicImage() | ContentImage():
                            end = item
                for upload in self._uploads:
                    upload.result()
            except BaseException:
                self._stop.fail()
                # An upload that failed first is the reason; what it stopped here is only the consequence.
                self._raise_failed(wait=True)
                raise
        if end is None:
            raise IntegrityError("the export ended too early", cause="it lacks its manifest", fix="push again")
        return end

    def check_complete(self, blobs: Iterable[Descriptor], documents: Mapping[Digest, bytes]) -> None:
        """Store the configs that came as documents, and make sure every blob is there.

        Raises:
            IntegrityError: the source never handed out a blob that the store lacks too.
        """

        def is_stored(blob: Descriptor) -> bool:
            check_cancel(self._stop)
            raw = documents.get(blob.digest)
            if raw is not None:
                self._context.cache.keep_document(blob.digest, raw)
            is_uploaded = self.states.get(blob.digest) is LayerState.UPLOADED
            if (is_uploaded and self._taken.get(blob.digest) == blob.size) or self._context.blobs.has(blob):
                return True
            if raw is None or len(raw) != blob.size:
                return False
            self._context.blobs.put(raw)
            self._tracker.moved(len(raw))
            self.states[blob.digest] = LayerState.UPLOADED
            return True

        listed = list(blobs)
        for blob, is_there in zip(listed, self._context.workers.each(is_stored, listed), strict=True):
            if not is_there:
                raise IntegrityError(
                    "the image is not complete in its source",
                    where=blob.digest,
                    cause="the export left this blob out, and the store does not have it either",
                    fix="pull or load the image again with all its content, then push",
                )

    def _take_raw(self, item: RawLayer, pool: ThreadPoolExecutor) -> None:
        if item.diff_id is not None and item.diff_id in self.layers:
            return
        layer_id = self._row(item.diff_id or self._guess(item)) or f"new layer {len(self._uploads) + 1}"
        self._acquire(self._slots)
        spool = Spool(self._context.store.spool_dir)
        try:
            self._tracker.layer(layer_id, LayerState.COMPRESSING, total_bytes=item.size_bytes)
            chunks = self._counted(item.chunks, layer_id, item.size_bytes)
            result = compress_layer(chunks, spool.write, pool=self._context.workers.processors)
            spool.finish()
            self._check_raw(item, result)
            if result.diff_id in self.layers:
                blob = self.layers[result.diff_id]
                self._tracker.layer(layer_id, self.states.get(blob.digest, LayerState.EXISTS), digest=blob.digest)
                self._release(spool)
                return
            blob = Descriptor(media_type=OCI_LAYER_GZIP, digest=result.digest, size=result.size_bytes)
            self._rows[blob.digest] = layer_id
            self.layers[result.diff_id] = blob
        except BaseException:
            self._release(spool)
            raise
        raw_bytes = item.size_bytes
        self._start(pool, lambda: self._upload(layer_id, blob, spool, raw_bytes), at_end=lambda: self._release(spool))

    def _take_stored(self, item: StoredBlob, pool: ThreadPoolExecutor) -> None:
        blob = Descriptor(digest=item.digest, size=item.size_bytes)
        if blob.digest in self._taken or blob.digest in self.states:
            return
        self._taken[blob.digest] = blob.size
        chunks = self._checked_for_stop(item.chunks)
        if blob.size <= SMALL_OBJECT_BYTES:
            # Small ones go side by side: one after another each would cost its round trips.
            self._acquire(self._slots)
            try:
                data = b"".join(chunks)
            except BaseException:
                self._slots.release()
                raise
            self._start(pool, lambda: self._upload_stored(blob, [data]), at_end=self._slots.release)
        else:
            self._upload_stored(blob, chunks)

    def _start(self, pool: ThreadPoolExecutor, work: Callable[[], None], *, at_end: Callable[[], None]) -> None:
        """Upload beside the reading; ``at_end`` runs whether it succeeds, fails or never begins."""

        def guarded() -> None:
            try:
                work()
            except BaseException:
                self._stop.fail()
                raise

        upload = pool.submit(guarded)
        upload.add_done_callback(lambda _: at_end())
        self._uploads.append(upload)

    def _upload(self, layer_id: str, blob: Descriptor, spool: Spool, raw_bytes: int) -> None:
        if self._exists(layer_id, blob):
            return
        self._tracker.layer(layer_id, LayerState.UPLOADING, digest=blob.digest)
        # Reading was the first half of the layer's bar, sending is the second.
        progress = self._progress(layer_id, blob.size, base=raw_bytes / 2, scale=raw_bytes / 2 / max(1, blob.size))
        data = spool.data
        if data is not None:
            self._context.blobs.upload(blob, [data], progress=progress, cancel=self._stop)
        else:
            assert spool.path is not None
            self._acquire(self._large)
            try:
                self._context.blobs.upload_file(blob, spool.path, progress=progress, cancel=self._stop)
            finally:
                self._large.release()
        self._settle(layer_id, blob)

    def _upload_stored(self, blob: Descriptor, chunks: Iterable[bytes]) -> None:
        layer_id = self._row(blob.digest) or blob.digest
        if self._exists(layer_id, blob):
            return
        self._tracker.layer(layer_id, LayerState.UPLOADING, total_bytes=blob.size, digest=blob.digest)
        self._context.blobs.upload(blob, chunks, progress=self._progress(layer_id, blob.size), cancel=self._stop)
        self._settle(layer_id, blob)

    def _settle(self, layer_id: str, blob: Descriptor) -> None:
        self.states[blob.digest] = LayerState.UPLOADED
        self._tracker.layer(layer_id, LayerState.UPLOADED, digest=blob.digest)

    def _exists(self, layer_id: str, blob: Descriptor) -> bool:
        """Whether the store has the blob by now; somebody else may have brought it since the plan."""
        if not self._context.blobs.has(blob):
            return False
        is_linked = self._repository.has_layer_link(blob.digest)
        self.states[blob.digest] = LayerState.EXISTS if is_linked else LayerState.LINKED
        self._tracker.layer(layer_id, self.states[blob.digest], digest=blob.digest)
        return True

    def row(self, name: Digest) -> str:
        """What progress calls a layer, by its diff ID or blob digest."""
        return self._rows.get(name, name)

    def _guess(self, item: RawLayer) -> Digest | None:
        """Which of the planned layers this should be; each is guessed once, and none that is there already."""
        likely = item.likely
        if likely is None or likely in self._guessed or self.can_skip(likely):
            return None
        self._guessed.add(likely)
        return likely

    def _row(self, name: Digest | None) -> str | None:
        return self._rows.get(name) if name is not None else None

    def _progress(
        self, layer_id: str, size_bytes: int, *, base: float = 0.0, scale: float = 1.0
    ) -> Callable[[int], None]:
        sent = 0
        lock = threading.Lock()

        def report(count_bytes: int) -> None:
            nonlocal sent
            with lock:
                sent = min(size_bytes, sent + count_bytes)
                done = int(base + sent * scale)
            self._tracker.moved(count_bytes)
            self._tracker.layer(layer_id, LayerState.UPLOADING, done_bytes=done)

        return report

    def _counted(self, chunks: Iterable[bytes], layer_id: str, raw_bytes: int) -> Iterator[bytes]:
        seen = 0
        for chunk in self._checked_for_stop(chunks):
            seen += len(chunk)
            self._tracker.layer(layer_id, LayerState.COMPRESSING, done_bytes=min(seen, raw_bytes) // 2)
            yield chunk

    def _checked_for_stop(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        stop: CancelSignal = self._stop
        for chunk in chunks:
            check_cancel(stop)
            yield chunk

    def _check_raw(self, item: RawLayer, result: Compressed) -> None:
        if item.diff_id is not None and item.diff_id != result.diff_id:
            raise IntegrityError(
                "a layer of the source is damaged",
                where=item.diff_id,
                cause=f"its bytes have the diff ID {result.diff_id}",
                fix="load or build the image again, then push",
            )

    def _acquire(self, semaphore: threading.BoundedSemaphore) -> None:
        while not semaphore.acquire(timeout=0.2):
            check_cancel(self._stop)

    def _release(self, spool: Spool) -> None:
        spool.close()
        self._slots.release()

    def _raise_failed(self, *, wait: bool = False) -> None:
        for upload in self._uploads:
            if wait and upload.cancel():
                continue  # it never began
            if wait or upload.done():
                error = upload.exception()
                if error is not None and getattr(error, "kind", "") != "cancelled":
                    raise error
