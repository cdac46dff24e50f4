"""The store and the machine that are on every picture: some of everything, nothing of it real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocistore_tui.errors import AccessDenied
from ocistore_tui.model.listing import TimelineRow
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.progress import LayerProgress, LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.tui.transfers import State
from tests.fakes.gates import Clock
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import Stored, make_image
from tests.fakes.stores import PROD, READ_ONLY, FakeStores
from tests.tui.moving import started
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from ocistore_tui.tui.app import OcistoreApp

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BOTH = ("linux/amd64", "linux/arm64")
DENIED = AccessDenied(
    "not allowed to write", where="s3://acme-oci/registry", cause="s3:PutObject is missing", fix="allow it"
)
SCHEME = (("debian 12.7", 29_100_000), ("python 3.12", 58_000_000), ("requirements", 41_000_000))


def image(name: str, size_bytes: int, platforms: tuple[str, ...] = ("linux/amd64",)) -> Stored:
    """An image on the layers that all of the gallery share."""
    return make_image(name, layers=(*SCHEME, (name, size_bytes)), platforms=platforms)


def gallery() -> FakeService:
    """A store beside an engine, with one image in every relation to the other side."""
    service = FakeService()
    gateway = image("gateway 2.4.1", 24_000_000, BOTH)
    service.add_tag("platform/api-gateway", "2.4.1", gateway, pushed=NOW - 2 * HOUR,
                    extras=("signature", "sbom", "provenance"))  # fmt: skip
    service.add_tag("platform/api-gateway", "latest", gateway, pushed=NOW - 2 * HOUR, extras=("signature", "sbom"))
    service.timelines["platform/api-gateway", "2.4.1"] = (
        TimelineRow(gateway.digest, NOW - 2 * HOUR, True, "index", 152_000_000, 1_000_000),
        TimelineRow(
            image("gateway before", 23_000_000, BOTH).digest, NOW - DAY, False, "index", 151_000_000, 151_000_000
        ),
    )
    for tag, days in (("2.4.0", 6), ("2.3.9", 21), ("2.3.8", 43)):
        service.add_tag("platform/api-gateway", tag, image(tag, 22_000_000), pushed=NOW - days * DAY)
    for tag, days in (("7.0.3", 1), ("7.0.2", 6)):
        service.add_tag("platform/billing", tag, image(f"billing {tag}", 310_000_000), pushed=NOW - days * DAY)
    web = image("web", 88_000_000, BOTH)
    service.add_tag("frontend/web", "2026.11.23", web, pushed=NOW - DAY, missing=1)
    service.add_tag("ml/train", "9", flaw="manifest 9f1c2ab07d44 is missing; 2 layers are there", digest=None,
                    size_bytes=None, platforms=(), pushed=NOW - 3 * DAY)  # fmt: skip
    service.add_tag("charts/ingress", "1.2.0", make_image("chart", layers=(("chart", 48_000),)),
                    kind="artifact", artifact_type="application/vnd.cncf.helm.config.v1+json", platforms=(),
                    pushed=NOW - 90 * DAY)  # fmt: skip
    service.add_local("platform/api-gateway:2.4.1", gateway, created=NOW - 2 * HOUR)
    service.add_local("platform/api-gateway:2.5.0-rc1", image("rc1", 26_000_000), created=NOW - 10 * MINUTE)
    service.add_local("platform/billing:7.0.3", image("billing mine", 312_000_000), created=NOW - DAY)
    service.add_local("frontend/web:2026.11.23", web, created=NOW - DAY)
    service.add_local("redis:7.4-alpine", make_image("redis", layers=(("redis", 14_000_000),)), created=NOW - 4 * DAY)
    service.add_local("", make_image("nameless", layers=(("nameless", 99_000_000),)), created=NOW - HOUR)
    return service


def machine(service: FakeService) -> FakeStores:
    """The stores that are saved and found."""
    stores = FakeStores(service)
    stores.rows = [PROD, READ_ONLY]
    stores.finds = [
        StoreRow("embedded", "this computer", "fs", "file:///home/ada/.local/share/ocistore/store", mode=Mode.ADD_ONLY),
        StoreRow("found", "profile default", "s3", "", {"profile": "default"}, note="profile default, single sign-on"),
        StoreRow("found", "gcloud", "gcs", "", {"project": "acme"}, note="application default credentials"),
    ]
    return stores


async def all_known(app: OcistoreApp, pilot: Pilot[Any]) -> None:
    """Until both sides are read to their ends."""
    await until(pilot, lambda: app.main_screen.bucket.model.is_complete and app.desk.is_idle, "both sides are read")
    app.main_screen.bucket.rows_list.move_to(("platform/api-gateway", "2.4.1"))
    if app.screen.has_class("-wide"):  # there is room for what has to be asked for
        service: Any = app.session.service
        await until(pilot, lambda: service.count("attachments", "platform/api-gateway:2.4.1") and app.desk.is_idle)


async def moving(app: OcistoreApp, pilot: Pilot[Any], clock: Clock) -> None:
    """One transfer in each state, the first of them well under way."""
    service: Any = app.session.service
    service.fail("push", DENIED, "ml/train:10")
    service.add_local("ml/train:10", image("train", 402_000_000))
    done, failed = app.runner.start(
        app.session, [PullRequest(Reference("charts/ingress", "1.2.0")), pushed("ml/train:10")]
    )
    await until(pilot, lambda: done.state is State.DONE and failed.state is State.FAILED)
    clock.forward(3 * MINUTE)
    service.hold("push")
    service.hold("pull")
    first, second, *_ = app.runner.start(
        app.session,
        [pushed("platform/api-gateway:2.5.0-rc1"), PullRequest(Reference("platform/billing", "7.0.2")),
         pushed("redis:7.4-alpine", "mirror/redis:7.4-alpine"), pushed("platform/billing:7.0.3", "platform/billing:8")],
    )  # fmt: skip
    await started(pilot, service, first, second)
    for step in range(1, 5):
        clock.forward(1)
        _show_push(service.moves["platform/api-gateway:2.5.0-rc1"], step * 4_000_000)
        _show_pull(service.moves["platform/billing:7.0.2"], step * 22_000_000)
        app.runner.refresh()
    app.runner.pause(second)
    await until(pilot, lambda: service.moves.get("mirror/redis:7.4-alpine"))
    await pilot.press("w")
    await until(pilot, lambda: "paused" in screen_text(app) and "61%" in screen_text(app))


def _show_push(move: Any, done_bytes: int) -> None:
    *kept, last = move.layers
    uploading = LayerProgress(last.id, LayerState.UPLOADING, done_bytes, last.total_bytes)
    move.show(done_bytes, stage="reading", layers=(*kept, uploading), rate_bytes_s=4e6, eta_s=2.5)


def _show_pull(move: Any, done_bytes: int) -> None:
    move.show(done_bytes, rate_bytes_s=22e6, eta_s=18.0)


def pushed(image_name: str, target: str = "") -> PushRequest:
    return PushRequest(Reference.parse(target or image_name), image_name)
