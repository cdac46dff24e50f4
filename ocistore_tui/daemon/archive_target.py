"""Image archives as targets: one new file, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
from collections.abc import Callable, Iterator
from errno import EDQUOT, ENOSPC
from pathlib import Path

from ocistore_tui.backends.base import CancelSignal, check_cancel
from ocistore_tui.daemon.bundle import Bundle
from ocistore_tui.errors import AccessDenied, NoSpace, NotFound, Refused, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import Loaded, StoredImage
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.platform import Platform


class ArchiveTarget:
    """A docker archive (which is an OCI archive too), or a pure OCI archive.

    Args:
        path: The file; it must not exist.
        name: What an engine shall call the image, such as ``app:1``; empty: nothing.
        for_docker: Whether ``docker load`` of any age shall read it.
        tag: What the OCI layout in it calls the image; None: the tag of ``name``.
    """

    keeps_index = False

    def __init__(self, path: Path, name: str, *, for_docker: bool, tag: str | None = None) -> None:
        self._path, self._name, self._for_docker = path, name, for_docker
        self._tag = tag or name.rpartition(":")[2]

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"{'docker' if self._for_docker else 'OCI'} archive {self._path}"

    @property
    def takes_index(self) -> bool:
        """A docker archive names one image; the platforms beside it would be lost on most engines."""
        return not self._for_docker

    @property
    def default_platform(self) -> Platform:
        """This machine's."""
        return Platform.host()

    def present(
        self,
        image: StoredImage,
        *,
        remembered: Callable[[Digest], bytes | None],
        read: Callable[[Digest], bytes | None],
    ) -> frozenset[Digest]:
        """Nothing: the file is new."""
        del remembered, read
        if self._for_docker and not image.chosen.is_image:
            raise UsageError(
                "an artifact does not fit into a docker archive",
                where=self.label,
                fix="use oci-archive:FILE or oci:DIR",
            )
        self._check_new()
        return frozenset()

    def load(
        self,
        image: StoredImage,
        *,
        skip: frozenset[Digest],
        open_blob: Callable[[Descriptor], Iterator[bytes]],
        on_layer: Callable[[Digest, str], None],
        cancel: CancelSignal | None = None,
    ) -> Loaded:
        """See `ImageTarget.load`."""
        bundle = Bundle(image, self._name, tag=self._tag, with_manifest_json=self._for_docker, skip=skip)
        temporary = self._path.with_name(f".{self._path.name[:64]}.{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as file:
                for chunk in bundle.chunks(open_blob, on_layer):
                    check_cancel(cancel, where=self.label)
                    file.write(chunk)
            self._check_new()
            temporary.replace(self._path)
        except OSError as error:
            kind = NoSpace if error.errno in (ENOSPC, EDQUOT) else AccessDenied
            raise kind(
                "cannot write the archive",
                where=str(self._path),
                cause=error.strerror or str(error),
                fix="check the directory's rights and space",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if self._for_docker:
            return Loaded(f"docker-archive:{self._path}:{self._name}", image.chosen.config.digest)
        return Loaded(f"oci-archive:{self._path}:{self._tag}", image.root.digest)

    def _check_new(self) -> None:
        if not os.path.isdir(self._path.parent):  # noqa: PTH112  # pathlib's raises where nothing may be looked at
            folder = str(self._path.parent)
            raise NotFound("no such directory", where=folder, fix=f"make it first: mkdir -p {shlex.quote(folder)}")
        if os.path.lexists(self._path):
            raise Refused("the archive exists already", where=str(self._path), fix="remove it, or name another file")
