"""The machine's stores in memory, as `tui.ports.Stores`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ocistore_tui.errors import NotFound, UsageError
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from tests.fakes.gates import Gates
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image

PROD = StoreRow("saved", "prod-images", "s3", "s3://acme-oci/registry", mode=Mode.ADD_ONLY)
READ_ONLY = replace(PROD, name="archive", url="s3://acme-archive", mode=Mode.READ_ONLY)
DEMO_FOLDER = LocalPlace("folder", "/demo/archives", "demo archives")


class FakeServed:
    """A registry nobody can reach."""

    address = "127.0.0.1:5000"

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class FakeStores(Gates):
    """Opens one service for every row, unless ``services`` has one for its name.

    Gates by method: all of `Stores`; the subject is the row's name, where there is one.
    """

    def __init__(self, service: FakeService | None = None) -> None:
        super().__init__()
        self.service = service or FakeService()
        self.services: dict[str, FakeService] = {}
        self.rows: list[StoreRow] = [PROD]
        self.finds: list[StoreRow] = []
        self.steps: list[CheckStep] = [CheckStep("reach", True, "41 ms"), CheckStep("list", True)]
        self.local_places: list[LocalPlace] = [LocalPlace("engine", "", "docker")]
        self.interrupted: list[PushRequest | PullRequest] = []
        self.kept: dict[str, tuple[PushRequest | PullRequest, ...]] = {}
        """What was kept as unfinished, by store name."""
        self.policy_text = ""
        self.served: list[FakeServed] = []
        """What was served, the last one last."""

    def saved(self) -> Sequence[StoreRow]:
        self.arrive("saved")
        return tuple(self.rows)

    def found(self) -> Iterator[StoreRow]:
        self.arrive("found")
        for row in self.finds:
            self.wait("found", row.name)
            yield row

    def parse(self, text: str) -> StoreRow:
        self.arrive("parse", text)
        for row in (*self.rows, *self.finds):
            if text in (row.name, row.url):
                return row
        backend, separator, _ = text.partition("://")
        if not separator:
            raise UsageError("not a store", where=text, fix="write a saved name or a URL such as s3://BUCKET")
        return StoreRow("url", text, backend, text)

    def open(self, row: StoreRow) -> FakeService:
        self.arrive("open", row.name)
        return self.services.get(row.name, self.service)

    def serve(self, row: StoreRow) -> FakeServed:
        self.arrive("serve", row.name)
        self.served.append(FakeServed())
        return self.served[-1]

    def check(self, row: StoreRow, *, write: bool = False) -> Iterator[CheckStep]:
        self.arrive("check", row.name)
        for step in self.steps:
            self.wait("check", step.step)
            yield step
        if write:
            yield CheckStep("write", True)

    def policy(self, row: StoreRow) -> str:
        self.arrive("policy", row.name)
        return self.policy_text

    def save(self, row: StoreRow) -> StoreRow:
        self.arrive("save", row.name)
        saved = replace(row, origin="saved")
        self.rows = [*(known for known in self.rows if known.name != row.name), saved]
        return saved

    def forget(self, name: str) -> None:
        self.arrive("forget", name)
        if all(row.name != name for row in self.rows):
            raise NotFound("no such store", where=name, fix="list the stores")
        self.rows = [row for row in self.rows if row.name != name]

    def opened(self, row: StoreRow) -> None:
        self.arrive("opened", row.name)

    def places(self) -> Sequence[LocalPlace]:
        self.arrive("places")
        return tuple(self.local_places)

    def add_demo(self, service: FakeService, on_step: Callable[[str], None]) -> LocalPlace:
        self.arrive("add_demo")
        on_step("demo/hello")
        service.add_tag("demo/hello", "1", make_image("hello 1"))
        on_step("demo/multi")
        service.add_tag("demo/multi", "1", make_image("multi", platforms=("linux/amd64", "linux/arm64")))
        service.add_local("demo/new:1", place=DEMO_FOLDER, label="folder of 1 archive")
        return DEMO_FOLDER

    def unfinished(self, store: StoreRow) -> Sequence[PushRequest | PullRequest]:
        self.arrive("unfinished", store.name)
        return tuple(self.interrupted)

    def keep_unfinished(self, store: StoreRow, requests: Sequence[PushRequest | PullRequest]) -> None:
        self.arrive("keep_unfinished", store.name)
        self.kept[store.name] = tuple(requests)
        self.interrupted = list(requests)


class TellingStores(FakeStores):
    """Stores that keep what people like, and tell their files: `tui.ports.Preferences` too."""

    def __init__(self, service: FakeService | None = None) -> None:
        super().__init__(service)
        self.kept_settings: dict[str, object] = {}
        self.texts: dict[str, str] = {}
        """What was written, by path."""

    def settings(self) -> Mapping[str, object]:
        return self.kept_settings

    def keep_settings(self, settings: Mapping[str, object]) -> None:
        self.arrive("keep_settings")
        self.kept_settings = dict(settings)

    def about(self) -> Sequence[tuple[str, str]]:
        self.arrive("about")
        return [("connections", "/home/ada/.config/ocistore/connections.toml")]

    def write_text(self, name: str, text: str) -> str:
        self.arrive("write_text", name)
        path = f"/home/ada/{name}"
        self.texts[path] = text
        return path
