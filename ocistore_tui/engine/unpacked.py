"""How large layers are unpacked, as the blobs themselves tell it: a few bytes of each are read, nothing is unpacked.

gzip ends with the length of what it holds (RFC 1952 §2.3.1, "ISIZE"), zstd mostly begins with it (RFC 8878 §3.1.1.1.4).
Both are claims, for show only: files of several members tell the last one's, and gzip counts modulo 4 GiB, so what
cannot be true is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.engine.context import Context
from ocistore_tui.errors import OciStoreError
from ocistore_tui.layout import paths
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import LayerRow

_HEAD_BYTES = 18
"""As much as a zstd frame header takes (RFC 8878 §3.1.1.1)."""
_LEAST_GZIP = 18
_GZIP_WRAPS = 4 * 1024**3
_DEFLATE_RATIO = 1032
"""deflate cannot make anything smaller than this."""


def unpacked_sizes(context: Context, layers: Iterable[LayerRow]) -> dict[Digest, int]:
    """Unpacked bytes by layer digest; layers that do not tell, or cannot be read, are left out."""
    distinct = {layer.digest: layer for layer in layers}
    sizes = context.workers.each(lambda layer: _size(context.store, layer), distinct.values())
    return {digest: size for digest, size in zip(distinct, sizes, strict=True) if size is not None}


def _size(store: ObjectStore, layer: LayerRow) -> int | None:
    if layer.media_type.endswith(("tar", ".diff.tar")):
        return layer.size_bytes
    try:
        if "zstd" in layer.media_type:
            return _of_zstd(_read(store, layer, 0, _HEAD_BYTES))
        if "gzip" in layer.media_type and layer.size_bytes >= _LEAST_GZIP:
            return _of_gzip(_read(store, layer, layer.size_bytes - 4, 4), layer.size_bytes)
    except OciStoreError:
        return None
    return None


def _read(store: ObjectStore, layer: LayerRow, start: int, length: int) -> bytes:
    with store.open_range(paths.blob(layer.digest), start=start, length=min(length, layer.size_bytes)) as reader:
        return b"".join(iter(lambda: reader.read(length), b""))


def _of_gzip(tail: bytes, packed_bytes: int) -> int | None:
    size = int.from_bytes(tail, "little")
    # Beyond 4 GiB the count begins anew, and an honest one is seldom smaller than what it was packed into.
    could_wrap = packed_bytes * _DEFLATE_RATIO >= _GZIP_WRAPS and size < packed_bytes
    return None if could_wrap or size > packed_bytes * _DEFLATE_RATIO else size


def _of_zstd(head: bytes) -> int | None:
    import zstandard

    try:
        size = zstandard.frame_content_size(head)
    except zstandard.ZstdError:
        return None
    return size if size > 0 else None
