"""What the engine asks of sources and targets of images; the `daemon` room implements it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol, runtime_checkable

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, ExportItem, ImageFacts, Loaded, StoredImage
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.platform import Platform


class ImageSource(Protocol):
    """One local image that can be read."""

    @property
    def label(self) -> str:
        """What it is, in words: ``docker 20.10 (unix:///var/run/docker.sock)``, ``docker archive FILE``."""

    def facts(self) -> ImageFacts:
        """What is known without reading layers; cheap.

        Raises:
            NotFound: no such image.
            Unavailable: the engine does not answer.
            IntegrityError: the archive is damaged.
        """

    def export(self, *, skip: Callable[[Digest], bool], cancel: CancelSignal | None = None) -> Generator[ExportItem]:
        """The image's bytes in one pass, in whatever order they come, ending with a ClassicImage or ContentImage.

        ``skip`` is asked with a diff ID (classic) or blob digest (content); where it says True the bytes are not handed
        out (and not read where the source can seek). Truncated or unfinished exports raise IntegrityError. Closing it
        ends the export.
        """


@runtime_checkable
class RegistrySource(ImageSource, Protocol):
    """A source that can also push by itself, to a registry that listens on this computer."""

    def obstacle(self) -> str:
        """Why it cannot; empty when it can."""

    def push(self, name: str, *, cancel: CancelSignal | None = None) -> Generator[EngineEvent]:
        """Let it push, and tell what it does.

        Args:
            name: ``localhost:PORT/SECRET/REPOSITORY:TAG``; nothing is called so afterwards, however it ends.
            cancel: Ends it.

        Raises:
            OciStoreError: it failed, in the engine's words.
        """


class ImageTarget(Protocol):
    """A place that takes images under a name."""

    @property
    def label(self) -> str:
        """What it is, in words."""

    @property
    def default_platform(self) -> Platform:
        """Which image of an index fits here, when nothing else is asked."""

    @property
    def takes_index(self) -> bool:
        """Whether several platforms can be handed over at once."""

    @property
    def keeps_index(self) -> bool:
        """Whether one platform of an index is handed over below its index: the root digest is the image's id here."""

    def present(
        self,
        image: StoredImage,
        *,
        remembered: Callable[[Digest], bytes | None],
        read: Callable[[Digest], bytes | None],
    ) -> frozenset[Digest]:
        """Digests of the layers that need not be handed over, because the target surely has them.

        Both give the bytes of a manifest by its digest, None where it is not known: ``remembered`` at no cost,
        ``read`` at the cost of asking the store.

        Raises:
            UsageError: the target cannot take this kind of image.
        """

    def load(
        self,
        image: StoredImage,
        *,
        skip: frozenset[Digest],
        open_blob: Callable[[Descriptor], Iterator[bytes]],
        on_layer: Callable[[Digest, str], None],
        cancel: CancelSignal | None = None,
    ) -> Loaded:
        """Hand the image over and check that the target now has exactly it.

        ``open_blob`` yields verified bytes: it raises instead of ending when they are wrong. ``on_layer`` is told
        ``downloading``, ``downloaded`` or ``loading`` per layer digest. On any failure the target is as before: the
        name means what it meant.

        Raises:
            PartialLoadRefused: ``skip`` was too optimistic; load again with nothing skipped.
        """


@runtime_checkable
class RegistryTarget(ImageTarget, Protocol):
    """A target that can also pull by itself, from a registry that listens on this computer."""

    def obstacle(self) -> str:
        """Why it cannot; empty when it can."""

    def pull(
        self, name: str, image: StoredImage, *, cancel: CancelSignal | None = None
    ) -> Generator[EngineEvent, None, Loaded]:
        """Let it pull, tell what it does, and check that it now has exactly the image.

        Args:
            name: ``localhost:PORT/SECRET/REPOSITORY``; nothing is called so afterwards, however it ends.
            image: What it is to have.
            cancel: Ends it.

        Raises:
            OciStoreError: it failed, in the engine's words; its own name means what it meant.
        """
