"""A store and its feeds, without a screen."""

from __future__ import annotations

from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.tui.feeds.bucket import BucketFeed
from ocistore_tui.tui.feeds.local import LocalFeed
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.bucket import BucketRows
from ocistore_tui.tui.session import Session
from tests.fakes.gates import Clock
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import PROD
from tests.tui.pump import Pump


class Desktop:
    """A store and its feeds, without a screen."""

    def __init__(self, service: FakeService, store: StoreRow = PROD) -> None:
        self.pump, self.clock, self.service = Pump(), Clock(NOW), service
        self.session = Session(store, service, Mode.ADD_ONLY)
        self.rows = BucketRows(self.session.comparison, Glyphs(), self.clock)
        self.changes = 0
        self.bucket = BucketFeed(self.pump.desk, self.session, self.rows, self._changed, self.clock)
        self.local = LocalFeed(self.pump.desk, self.session, self._changed, self.clock)

    def _changed(self) -> None:
        self.changes += 1

    def start(self) -> None:
        """Open the store and read what a screen needs."""
        self.bucket.start()
        self.pump.settle()

    def unfold(self, repository: str) -> None:
        self.rows.fold(repository, is_open=True)
        self.bucket.show(repository)
        self.pump.settle()

    def again(self) -> None:
        self.bucket.again()
        self.pump.settle()

    def tags(self, repository: str) -> dict[str, TagRow]:
        return self.rows.nodes[repository].tags


def many(service: FakeService, count: int, repository: str = "app") -> FakeService:
    """Have a repository with too many tags for a small store."""
    image = make_image("many")
    for number in range(count):
        service.rows.setdefault(repository, {})[f"1.{number}"] = TagRow(
            f"1.{number}", image.digest, pushed=NOW - number, kind="image", manifests=(image.digest,)
        )
    return service
