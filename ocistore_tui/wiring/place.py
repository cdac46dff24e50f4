"""A store as a person names it, and the adapter behind it. Adapters are imported only here, when needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.config import data_dir
from ocistore_tui.errors import UsageError

DEFAULT_CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A store as a person names it."""

    backend: str
    """``s3``, ``gcs``, ``azure`` or ``fs``."""
    bucket: str = ""
    """Bucket or container; empty for ``fs``."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The adapter's options by field name; may hold secrets."""
    docker_host: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY

    @property
    def is_embedded(self) -> bool:
        """Whether this is the store in the user's data directory."""
        return self.backend == "fs" and "dir" not in self.options


def open_store(place: Place, *, create: bool = True) -> ObjectStore:
    """The store of a place; nothing is read or written yet. A directory needs no certificates, and looks at none.

    Args:
        place: Where it is.
        create: Whether a directory that is missing may be made; where not, it is `StoreMissing`.

    Raises:
        UsageError: an option is of no use as given.
    """
    options = {name: value for name, value in place.options.items() if value is not None}
    if place.backend == "fs":
        from ocistore_tui.backends.local import LocalStore

        directory = data_dir() / "store" if place.is_embedded else Path(options["dir"])
        return LocalStore(directory, root_dir=options.get("root_dir", ""), create=create)
    if not place.bucket:
        raise UsageError("no bucket given", fix=f"write oci-store {place.backend} VERB BUCKET/REPOSITORY")
    options["concurrency"] = place.concurrency
    _silence()
    if place.backend == "s3":
        from ocistore_tui.backends.s3 import S3Options, S3Store

        return S3Store(S3Options(bucket=place.bucket, **options))
    if place.backend == "gcs":
        from ocistore_tui.backends.gcs import GcsOptions, GcsStore

        return GcsStore(GcsOptions(bucket=place.bucket, **options))
    if place.backend == "azure":
        from ocistore_tui.backends.azure import AzureOptions, AzureStore

        return AzureStore(AzureOptions(container=place.bucket, **options))
    raise UsageError(f"unknown backend {place.backend}", fix="use s3, gcs, azure or fs")


def _silence() -> None:
    """Keep the log lines of SDKs off the terminal: they may hold signed URLs, and errors come back as errors."""
    import logging

    logging.getLogger().addHandler(logging.NullHandler())
