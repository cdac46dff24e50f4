"""zstd layers for engines that cannot read them: recompressed to gzip, one at a time, in a temporary file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator

from isal import isal_zlib

from ocistore_tui.daemon.blobs import raw_layer
from ocistore_tui.errors import NoSpace
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.media_types import compression

_PIECE_BYTES = 1024 * 1024
_GZIP = 16 + 15
_LEVEL = 1

OpenBlob = Callable[[Descriptor], Iterator[bytes]]


class Recoder:
    """Makes gzip of zstd layers, and remembers which."""

    def __init__(self) -> None:
        self.recoded: list[Digest] = []

    @staticmethod
    def changes(layer: Descriptor) -> bool:
        """Whether a layer comes out in another coding."""
        return compression(layer.media_type) == "zstd"

    @contextlib.contextmanager
    def recode(self, layer: Descriptor, open_blob: OpenBlob) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The layer as gzip: its size in bytes, and its bytes, while the ``with`` lasts.

        Raises:
            NoSpace: the temporary directory is full.
            IntegrityError: the layer is damaged.
        """
        compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
        _, pieces = raw_layer(open_blob(layer))
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(tempfile.TemporaryFile(prefix="ocistore-"))
                for piece in pieces:
                    file.write(compressor.compress(piece))
                file.write(compressor.flush())
                size_bytes = file.tell()
                file.seek(0)
            except OSError as error:
                raise NoSpace(
                    "cannot recompress a layer",
                    where=layer.digest,
                    cause=error.strerror or str(error),
                    fix="free space in the temporary directory, or set TMPDIR to one with room for the largest layer",
                ) from error
            self.recoded.append(layer.digest)
            yield size_bytes, iter(lambda: file.read(_PIECE_BYTES), b"")
