"""Image configurations (OCI image-spec config.md), as far as this program reads them."""

from __future__ import annotations

import msgspec

from ocistore_tui.errors import IntegrityError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.platform import Platform

MAX_CONFIG_BYTES = 4 * 1024 * 1024
"""No real image configuration comes near this; larger ones are refused before they are parsed."""

_ZERO_TIME = "0001-01-01T00:00:00"
"""What programs in Go write of a time that was not set."""


class HistoryEntry(msgspec.Struct, frozen=True):
    """One build step."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class _RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...] | None = None


class _Document(msgspec.Struct, frozen=True):
    architecture: str | None = None
    os: str | None = None
    variant: str | None = None
    created: str | None = None
    rootfs: _RootFs | None = None
    history: tuple[HistoryEntry, ...] | None = None


class ImageConfig(msgspec.Struct, frozen=True):
    """What the program needs of an image configuration."""

    digest: Digest
    platform: Platform
    created: str
    """As it is written; empty where nobody set it."""
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]

    def created_by(self) -> tuple[str, ...]:
        """The build step of each layer, in layer order; empty where the history is silent."""
        steps = [entry.created_by for entry in self.history if not entry.empty_layer]
        steps += [""] * (len(self.diff_ids) - len(steps))
        return tuple(steps[: len(self.diff_ids)])


_decoder = msgspec.json.Decoder(_Document)


def parse_config(raw: bytes, *, where: str = "") -> ImageConfig:
    """Read the bytes of an image configuration.

    Raises:
        IntegrityError: too large, not JSON, or its diff IDs are no digests.
    """
    try:
        if len(raw) > MAX_CONFIG_BYTES:
            raise ValueError(f"{len(raw)} bytes is over the limit of {MAX_CONFIG_BYTES}")
        document = _decoder.decode(raw)
        diff_ids = tuple(Digest.parse(text) for text in (document.rootfs and document.rootfs.diff_ids) or ())
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise IntegrityError(
            "not a readable image configuration", where=where, cause=str(error), fix="push the image again to repair it"
        ) from error
    return ImageConfig(
        digest=Digest.of(raw),
        platform=Platform(
            os=document.os or "", architecture=document.architecture or "", variant=document.variant or ""
        ),
        created="" if document.created is None or document.created.startswith(_ZERO_TIME) else document.created,
        diff_ids=diff_ids,
        history=document.history or (),
    )
