"""Link files: the bare digest text. Written strictly, read tolerantly (layout.md §1, §4, §14.2)."""

from __future__ import annotations

from msgspec import Struct

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.text import inert

MAX_LINK_BYTES = 1024
LINK_SIZES = frozenset({71, 103, 135})
"""How long a sound link is: one digest, which may be of another algorithm than its path."""


class Link(Struct, frozen=True):
    """What a link file says."""

    digest: Digest
    token: str
    flaws: tuple[str, ...] = ()
    """What a strict reader, such as a registry, would stumble over."""


def encode_link(digest: Digest) -> bytes:
    """The bytes of a link: nothing but the digest."""
    return digest.encode("ascii")


def decode_link(raw: bytes, token: str, *, where: str) -> Link:
    """Read a link's bytes.

    White space around the digest, and the digest twice in a row (registries 3.0 and 3.1 on Azure), are tolerated, told.

    Raises:
        IntegrityError: it holds anything else.
    """
    text = raw.decode("ascii", "replace")
    flaws: list[str] = []
    stripped = text.strip()
    if stripped != text:
        flaws.append("the link has white space around its digest: registries answer 500")
    half, odd = divmod(len(stripped), 2)
    if not odd and stripped and stripped[:half] == stripped[half:]:
        stripped = stripped[:half]
        flaws.append("the link holds its digest twice, as some registries on Azure leave it")
    try:
        return Link(Digest.parse(stripped), token, tuple(flaws))
    except ValueError as error:
        raise IntegrityError(
            "a link is damaged",
            where=where,
            cause="it is empty" if not stripped else f"it holds {inert(stripped, limit=60)!r} instead of a digest",
            fix="push the image again to repair it",
        ) from error
