"""Content digests, as the OCI image specification writes them (descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from typing import Self

_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})\Z")


class Digest(str):
    """A valid digest text such as ``sha256:…``; parse outside text with `Digest.parse`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The digest in ``text``.

        Raises:
            ValueError: it is not one of the three algorithms with lower-case hex of the right length.
        """
        if not _DIGEST.match(text):
            raise ValueError(f"not a digest: {text[:80]!r}")
        return cls(text)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The SHA-256 digest of ``data``."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @classmethod
    def from_hex(cls, hex_text: str) -> Self:
        """The SHA-256 digest with these hex digits."""
        return cls.parse("sha256:" + hex_text)

    @property
    def algorithm(self) -> str:
        """``sha256``, ``sha384`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The hex digits."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve hex digits, for people."""
        return self.encoded[:12]
