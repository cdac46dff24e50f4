"""Stores as people pick and describe them: saved, found on this machine, or typed as a URL. Never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from ocistore_tui.errors import OciStoreError


class Mode(StrEnum):
    """What may be done to a store, in the words the header shows."""

    READ_ONLY = "READ ONLY"
    """List, inspect, pull, plan."""
    ADD_ONLY = "ADD ONLY"
    """Push and new tags as well; moving a tag needs its own consent."""
    MANAGE = "MANAGE"
    """Delete and clean up as well; for one session only."""


class StoreRow(Struct, frozen=True):
    """One store a person can open."""

    origin: str
    """``saved``, ``found``, ``url``, ``embedded`` or ``demo``."""
    name: str
    """A saved connection's name, or what else people call it."""
    backend: str
    """``s3``, ``gcs``, ``azure`` or ``fs``."""
    url: str
    """For display, such as ``s3://acme-oci/registry``; empty while the bucket is still to be chosen."""
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    """As a saved connection holds them (`config.SETTINGS`), ``bucket`` and ``dir`` too."""
    mode: Mode = Mode.READ_ONLY
    note: str = ""
    """Where it was found, or what is missing: ``profile default``, ``signed in with az login``."""

    @property
    def is_complete(self) -> bool:
        """Whether it can be opened as it is."""
        return bool(self.url)

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What tells its bucket or directory from all others, whatever it is called and may be done there."""
        server, account = (str(self.settings.get(name) or "") for name in ("endpoint", "account_name"))
        return self.backend, self.url, server, account


class CheckStep(Struct, frozen=True):
    """One step of a live check of a store."""

    step: str
    """``reach``, ``sign in``, ``list``, ``read``, ``layout``, ``write`` …"""
    ok: bool | None
    """None: not tested."""
    detail: str = ""
    error: OciStoreError | None = None
    """Names cause and fix when ``ok`` is False."""
