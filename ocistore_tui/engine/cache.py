"""What never changes, remembered between runs: documents by digest, and which blob a raw layer became.

Plain small files below one directory. Documents are verified against their digest when read; layer entries are only
hints, because whoever uses one first looks whether the store at hand has that blob. A cache that cannot be written is
no error.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, descriptor_decoder, encode_descriptors

_MAX_CANDIDATES = 8
_SECRET = re.compile(r"[0-9a-f]{32}\Z")
_candidates = descriptor_decoder(tuple[Descriptor, ...])


class Cache:
    """The cache below ``directory``; None keeps nothing."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def document(self, digest: Digest) -> bytes | None:
        """The exact bytes of a manifest, index or config seen before."""
        raw = self._read("documents", digest)
        return raw if raw is not None and digest.algorithm == "sha256" and Digest.of(raw) == digest else None

    def keep_document(self, digest: Digest, raw: bytes) -> None:
        """Remember the bytes of a document."""
        self._write("documents", digest, raw)

    def blobs_of(self, diff_id: Digest) -> tuple[Descriptor, ...]:
        """Blobs this raw layer has been stored as, somewhere; the latest first."""
        raw = self._read("layers", diff_id)
        try:
            return _candidates.decode(raw) if raw else ()
        except msgspec.MsgspecError:
            return ()

    def keep_blobs(self, diff_ids: Iterable[Digest], blobs: Iterable[Descriptor]) -> None:
        """Remember what these layers are stored as."""
        for diff_id, blob in zip(diff_ids, blobs, strict=False):
            plain = blob.plain
            old = self.blobs_of(diff_id)
            if old[:1] != (plain,):
                others = tuple(other for other in old if other.digest != plain.digest)
                self._write("layers", diff_id, encode_descriptors((plain, *others)[:_MAX_CANDIDATES]))

    def manifest_of(self, image_id: Digest) -> Digest | None:
        """The manifest an image was last stored or loaded under, by config digest."""
        raw = self._read("images", image_id)
        try:
            return Digest.parse(raw.decode("ascii", "replace")) if raw else None
        except ValueError:
            return None

    def keep_manifest_of(self, image_id: Digest, manifest: Digest) -> None:
        """Remember it."""
        self._write("images", image_id, manifest.encode("ascii"))

    def suspect(self, digest: Digest) -> None:
        """Remember that a blob's bytes were seen to be wrong."""
        self._write("suspects", digest, b"")

    def is_suspect(self, digest: Digest) -> bool:
        """Whether they were, and the blob was not replaced or found sound since."""
        return self._read("suspects", digest) is not None

    def clear(self, digest: Digest) -> None:
        """The blob is sound."""
        path = self._path("suspects", digest)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def secret(self) -> str:
        """128 random bits in hexadecimal digits for this user only; the same every time, where they can be kept."""
        path = self._directory and self._directory / "secret"
        if path:
            with contextlib.suppress(OSError, ValueError):
                found, kept = path.stat(), path.read_text("ascii")
                if _SECRET.match(kept) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
                    return kept
        fresh = secrets.token_hex(16)
        if path:
            replace_file(path, fresh.encode(), mode=0o700)
        return fresh

    def _path(self, kind: str, digest: Digest) -> Path | None:
        return self._directory and self._directory / kind / digest.algorithm / digest.encoded[:2] / digest.encoded

    def _read(self, kind: str, digest: Digest) -> bytes | None:
        path = self._path(kind, digest)
        try:
            return path.read_bytes() if path else None
        except OSError:
            return None

    def _write(self, kind: str, digest: Digest, data: bytes) -> None:
        path = self._path(kind, digest)
        if path is not None:
            replace_file(path, data)


def replace_file(path: Path, data: bytes, *, mode: int = 0o777) -> None:
    """Write a file whole, or leave what is there; where that is not possible, it is not remembered.

    Args:
        path: Where; missing directories are made.
        data: All of it.
        mode: Who may do what, as for directories; the user's mask still takes away from it.
    """
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=mode)
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o666), "wb") as file:
                file.write(data)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
