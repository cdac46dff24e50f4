"""Image archives on disk as files: what is in them, plain or compressed as a whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.daemon.blobs import MAX_HELD_BYTES, HeldDocuments, blob_digest, is_document, raw_layer
from ocistore_tui.daemon.streams import ByteStream, ChunkStream, FileStream
from ocistore_tui.daemon.tar import TarEntry, read_tar
from ocistore_tui.errors import AccessDenied, IntegrityError, NotFound, UsageError
from ocistore_tui.model.image import MAX_CONFIG_BYTES

_MEMBER_COST_BYTES = 256
"""What remembering one member takes in memory, beside its name."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file for reading.

    Raises:
        NotFound, AccessDenied, UsageError: it is not there, may not be read, or is no file.
    """
    try:
        # Not blocking: a named pipe must not hold us.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("no such archive", where=str(path), fix="check the path behind --image") from error
    except IsADirectoryError as error:
        raise UsageError("this is a directory", where=str(path), fix="write oci:DIR for an OCI layout") from error
    except OSError as error:
        raise AccessDenied(
            "cannot read the archive", where=str(path), cause=error.strerror or str(error), fix="check its rights"
        ) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UsageError(
                "the archive is no regular file",
                where=str(path),
                cause="it is read twice, so a pipe will not do",
                fix="save it to a file first",
            )
        yield file


@dataclass(slots=True)
class Contents:
    """What the first look at an archive tells."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of every member by path, as it stands there."""
    links: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    """The JSON files outside ``blobs/``."""
    documents: HeldDocuments = field(default_factory=HeldDocuments)
    """Blobs that are manifests, indexes or configs."""
    held_bytes: int = 0

    def hold(self, size_bytes: int) -> None:
        """Account for what is remembered.

        Raises:
            IntegrityError: it is more than any real archive has.
        """
        self.held_bytes += size_bytes
        if self.held_bytes > MAX_HELD_BYTES:
            raise IntegrityError(
                "the archive holds too many files",
                cause=f"names and documents of over {MAX_HELD_BYTES} bytes",
                fix="do not use this archive",
            )

    def resolved(self, path: str) -> str:
        """Where a path leads, through at most a few links."""
        path = "/".join(part for part in path.split("/") if part not in ("", "."))
        for _ in range(8):
            if path in self.sizes or path not in self.links:
                break
            path = self.links[path]
        return path

    def text(self, path: str) -> bytes | None:
        """The bytes of a JSON file or document, wherever it lies."""
        path = self.resolved(path)
        digest = blob_digest(path)
        return self.documents.get(digest) if digest else self.texts.get(path)


class Archive:
    """A tar file that is read as often as needed; without seeking where it is compressed as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._contents: Contents | None = None

    @contextmanager
    def entries(self, *, cancel: CancelSignal | None = None) -> Iterator[Iterator[TarEntry]]:
        """All members, from the start."""
        with opened(self.path) as file:
            where = str(self.path)
            is_compressed, pieces = raw_layer(FileStream(file, where=where).rest())
            stream: ByteStream = ChunkStream(pieces, where=where) if is_compressed else FileStream(file, where=where)
            yield self._checked(read_tar(stream), cancel)

    def contents(self) -> Contents:
        """Names, sizes and documents.

        Raises:
            IntegrityError: it is no tar archive, or a damaged one.
        """
        if self._contents is None:
            found = Contents()
            with self.entries() as entries:
                for entry in entries:
                    self._note(found, entry)
            self._contents = found
        return self._contents

    def _checked(self, entries: Iterator[TarEntry], cancel: CancelSignal | None) -> Iterator[TarEntry]:
        try:
            for entry in entries:
                check_cancel(cancel, where=str(self.path))
                yield entry
        except IntegrityError as error:
            error.where = error.where or str(self.path)
            raise

    @staticmethod
    def _note(found: Contents, entry: TarEntry) -> None:
        found.hold(_MEMBER_COST_BYTES + len(entry.name) + len(entry.target))
        if entry.type == "link":
            found.links[entry.name] = entry.target
        if entry.type != "file":
            return
        found.sizes[entry.name] = entry.size_bytes
        if entry.size_bytes > MAX_CONFIG_BYTES:
            return
        digest = blob_digest(entry.name)
        # A config may lie at the root under any name; some tools call it by its digest.
        if digest is None and "/" in entry.name and not entry.name.endswith(".json"):
            return
        pieces = entry.pieces()
        first = next(pieces, b"")
        if first.lstrip()[:1] not in (b"{", b"["):
            return
        raw = first + b"".join(pieces)
        if digest is None:
            found.hold(len(raw))
            found.texts[entry.name] = raw
        elif is_document(raw):
            found.documents.keep(digest, raw)
