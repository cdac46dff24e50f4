"""Composition root: a place becomes a store, a store a Service. Adapters are imported only here, when needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocistore_tui.backends.base import ObjectStore
from ocistore_tui.config import cache_dir, data_dir
from ocistore_tui.engine.ports import ImageSource, ImageTarget
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import UsageError
from ocistore_tui.model.platform import Platform

if TYPE_CHECKING:
    from ocistore_tui.daemon.client import EngineClient

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


def open_store(place: Place) -> ObjectStore:
    """The store of a place; nothing is read or written yet. A directory needs no certificates, and looks at none.

    Raises:
        UsageError: an option is of no use as given.
    """
    options = {name: value for name, value in place.options.items() if value is not None}
    if place.backend == "fs":
        from ocistore_tui.backends.local import LocalStore

        directory = data_dir() / "store" if place.is_embedded else Path(options["dir"])
        return LocalStore(directory, root_dir=options.get("root_dir", ""), create=True)
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


def open_service(place: Place) -> Service:
    """The whole program over one place; close it after use."""
    engine = LazyEngine(place.docker_host)

    def open_source(image: str, platform: Platform | None) -> ImageSource:
        from ocistore_tui.daemon.local import open_source

        return open_source(image, engine=engine.client, platform=platform)

    def open_target(image: str, name: str) -> ImageTarget:
        from ocistore_tui.daemon.local import open_target

        return open_target(image, name, engine=engine.client)

    return Service(
        open_store(place),
        open_source=open_source,
        open_target=open_target,
        engine=engine,
        cache_dir=cache_dir(),
        concurrency=place.concurrency,
    )


class LazyEngine:
    """The container engine, looked for when it is first needed: archives work without one."""

    def __init__(self, docker_host: str | None) -> None:
        self._docker_host = docker_host
        self._client: EngineClient | None = None

    def client(self) -> EngineClient:
        """The engine's client.

        Raises:
            UsageError: its address cannot be used.
        """
        if self._client is None:
            from ocistore_tui.daemon.address import resolve_address
            from ocistore_tui.daemon.client import EngineClient

            self._client = EngineClient(resolve_address(self._docker_host))
        return self._client

    @property
    def label(self) -> str:
        """Name, version and address."""
        return self.client().label

    def images(self) -> list[Any]:
        """What it holds."""
        return self.client().images()
