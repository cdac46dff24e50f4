"""Options from all their sources become a place; what cannot work is refused before anything is opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ocistore_tui.config import Value, check_root_dir
from ocistore_tui.errors import UsageError
from ocistore_tui.wiring.place import DEFAULT_CONCURRENCY, Place

_NOT_FOR_ADAPTERS = frozenset({"docker_host", "concurrency", "bucket", "mode", "label"})


def settle(
    backend: str,
    bucket: str,
    merged: dict[str, Any],
    *,
    typed: Collection[str],
    exported: Collection[str],
    saved: Mapping[str, Value],
) -> Place:
    """The place that ``merged`` describes.

    Args:
        backend: ``s3``, ``gcs``, ``azure`` or ``fs``.
        bucket: As typed; empty: the saved one.
        merged: The options by name, each from its strongest source.
        typed: Names of those a person gave here and now.
        exported: Names of those from the environment.
        saved: The settings of the saved connection.

    Raises:
        UsageError: an option is of no use as given.
    """
    check_root_dir(merged.get("root_dir", ""), "--root-dir")
    if backend == "azure":
        from ocistore_tui.wiring.azure_account import settle_account

        settle_account(merged, typed=typed, exported=exported, saved=dict(saved))
    if merged.get("dir") == "":
        raise UsageError("the store's directory is empty text", where="--dir", fix="name a directory, or leave it out")
    certificates = merged.get("ca_bundle")
    if certificates and not Path(certificates).exists():
        raise UsageError("no such file of certificates", where=str(certificates), fix="check --ca-bundle")
    return Place(
        backend=backend,
        bucket=bucket or str(saved.get("bucket", "")),
        options={name: value for name, value in merged.items() if name not in _NOT_FOR_ADAPTERS},
        docker_host=merged.get("docker_host"),
        concurrency=int(merged.get("concurrency", DEFAULT_CONCURRENCY)),
    )
