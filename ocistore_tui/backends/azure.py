"""Azure Blob Storage, with ETags as version tokens.

Registries 2.x named their blobs with a leading slash, registries 3.x and this program without: see
`AzureStore.leading_slash`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from ocistore_tui.backends.azure_client import AzureOptions
from ocistore_tui.backends.azure_container import Container
from ocistore_tui.backends.azure_delete import delete_objects
from ocistore_tui.backends.azure_upload import drop_blocks
from ocistore_tui.backends.azure_writer import Writer
from ocistore_tui.backends.base import (
    CancelSignal,
    Capabilities,
    Entry,
    ObjectStore,
    RangeReader,
    Report,
    UnfinishedUpload,
    stream_copy,
)
from ocistore_tui.backends.objects import settled_range
from ocistore_tui.backends.order import child_exists, names_in_order
from ocistore_tui.backends.ranges import PieceReader
from ocistore_tui.backends.selftest import check_store
from ocistore_tui.errors import (
    AccessDenied,
    OciStoreError,
    Unsupported,
    UsageError,
)
from ocistore_tui.model.digest import Digest

__all__ = ["AzureOptions", "AzureStore"]

_account = attrgetter("account_name", "account_key", "sas_token", "connection_string", "endpoint", "anonymous")


class AzureStore(ObjectStore):
    """A container, or a part of one, in Azure Blob Storage. Nothing is sent before the first operation."""

    capabilities = Capabilities(drops_unfinished=False)

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self._container = Container(options)
        self._writer = Writer(self._container)
        self.url = self._container.url

    @property
    def leading_slash(self) -> bool:
        """Whether the container holds a registry under ``/docker/`` only, as registries 2.x wrote it.

        Raises:
            OciStoreError: the container cannot be listed.
        """
        return self._container.prefix == "/"

    # -- listing

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`."""
        return self._container.entries(prefix, start_after)

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`."""
        return names_in_order(self._container.child_names(prefix, start_after), child_exists(self, prefix, start_after))

    # -- reading

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        return self._container.head(key)

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        return self._container.get(key, max_bytes)

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`; ranges over 16 MiB are read several pieces ahead."""
        container = self._container
        length, token = settled_range(
            lambda: container.found(key), start=start, length=length, token=token, where=container.where(key)
        )
        return PieceReader(
            lambda at, size_bytes: container.fetch(key, at, size_bytes, token),
            start=start,
            length=length,
            ahead=self.options.concurrency,
        )

    # -- writing

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`."""
        return self._writer.put(key, data, if_absent=if_absent, if_token=if_token)

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        size_bytes: int,
        digest: Digest,
        if_absent: bool = True,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.put_stream`."""
        return self._writer.put_stream(
            key, chunks, size_bytes=size_bytes, digest=digest, if_absent=if_absent, progress=progress, cancel=cancel
        )

    def copy_from(
        self,
        source: ObjectStore,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.copy_from`; within an account Azure fetches the blocks itself."""
        if isinstance(source, AzureStore) and _account(source.options) == _account(self.options) and size_bytes:
            try:
                return self._writer.copy_inside(
                    source._container,  # noqa: SLF001 - another of our own kind
                    source_key,
                    key,
                    size_bytes=size_bytes,
                    progress=progress,
                    cancel=cancel,
                )
            except (AccessDenied, Unsupported):
                pass  # not every credential can read the source for the server: then through us
        return stream_copy(
            source, source_key, self, key, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel
        )

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`; 256 in one request."""
        if if_token is not None and len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        return delete_objects(self._container, keys, if_token=if_token)

    # -- unfinished uploads and the rest

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """See `ObjectStore.list_unfinished`: keys that have blocks and no blob.

        Blocks waiting behind a blob are not told; the next upload to its key, or a week, discards them.
        """
        for entry in self._container.entries(prefix, None, staged=True):
            # A committed blob may be empty too; one without any commit does not exist for a HEAD.
            if entry.size_bytes == 0 and self.head(entry.key) is None:
                yield UnfinishedUpload(entry.key, entry.key, entry.modified)

    def abort(self, upload: UnfinishedUpload) -> None:
        """See `ObjectStore.abort`; only where no blob is, and by way of an empty one that shows for a moment."""
        with self._container.translated(upload.key):
            drop_blocks(self._container.blob(upload.key))

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`."""
        container = self._container
        return Report(
            tuple(
                check_store(self, container.sign_in, lambda: container.connection.transport.clock_offset_s, write=write)
            )
        )

    def close(self) -> None:
        """See `ObjectStore.close`."""
        self._container.close()
