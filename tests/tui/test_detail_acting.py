"""One tag: its documents as they are, and what can be done with what is under the cursor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, TagRow, TimelineRow
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.screens.copy import CopyScreen
from ocistore_tui.tui.screens.detail import DetailScreen
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.screens.value import ValueScreen
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import Stored, make_image
from tests.tui.conftest import open_app
from tests.tui.looking import SIZES, line_of, look, service_with, two_platforms
from tests.tui.waiting import screen_text, until

OLD = Digest.of(b"an older manifest")


# documents


async def test_a_document_is_seen_formatted_exact_and_in_hex() -> None:
    service = service_with()
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "manifest")
        assert "formatted for reading" in screen_text(app)
        assert '  "schemaVersion": 2,' in screen_text(app)
        await pilot.press("full_stop")
        assert "bytes, the exact bytes;" in screen_text(app)
        source = screen.rows_list.source
        shown = "".join(source.row(index).cells[1] for index in range(len(source)))
        assert screen.subject.root is not None
        assert shown.encode() == screen.subject.root.manifest.raw
        await pilot.press("full_stop")
        assert "000000  7b 22" in screen_text(app).replace("000000 7b", "000000  7b")
        await pilot.press("full_stop")
        assert "formatted for reading" in screen_text(app)


async def test_the_exact_bytes_are_saved_to_a_new_file_and_never_over_another(tmp_path: Path) -> None:
    service = service_with()
    target = tmp_path / "config.json"
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "config")
        for _ in range(2):
            screen._save(str(target), b"exact \xff bytes")
            await until(pilot, lambda: app.desk.is_idle)
        assert target.read_bytes() == b"exact \xff bytes"
        assert "there is a file of this name" in screen_text(app)
        await pilot.press("e")
        await until(pilot, lambda: "Save the exact bytes" in screen_text(app))
        assert "app-config.json" in screen_text(app)


async def test_a_configuration_of_more_than_a_megabyte_opens() -> None:
    image = make_image("big")
    platform = image.images[0]
    steps = [{"created_by": f"RUN step {number} " + "x" * 100} for number in range(10_000)]
    config = json.dumps({**json.loads(platform.config), "history": steps}).encode()
    service = service_with(Stored((replace(platform, config=config),), None, image.documents))
    async with open_app(service=service) as (app, pilot):
        await look(app, pilot, "config")
        assert f"{len(config):,} bytes" in screen_text(app)
        await pilot.press("G")
        await until(pilot, lambda: "step 9999" in screen_text(app))


async def test_a_configuration_that_is_no_json_is_shown_as_its_bytes() -> None:
    image = make_image("odd")
    broken = replace(image.images[0], config=b"\x00\xff{not json")
    service = service_with(Stored((broken,), None, image.documents))
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "config")
        assert "no JSON that can be formatted; the exact bytes" in screen_text(app)
        await pilot.press("full_stop")
        await until(pilot, lambda: "00 ff 7b 6e" in screen_text(app))
        screen._show_tab("history")
        await until(pilot, lambda: "not a readable image configuration" in screen_text(app))


async def test_keys_for_documents_say_so_elsewhere() -> None:
    async with open_app(service=service_with()) as (app, pilot):
        await look(app, pilot, "layers")
        assert ". (View)" in screen_text(app)
        await pilot.press("full_stop", "e")
        await until(pilot, lambda: "shows other views of the Manifest and Config tabs" in screen_text(app))
        assert "saves the document of the Manifest and Config tabs" in screen_text(app)


# what can be done


@pytest.mark.parametrize("size", SIZES)
async def test_a_value_longer_than_its_row_opens_whole(size: tuple[int, int]) -> None:
    image = make_image("long")
    step = "RUN " + " && ".join(f"apt-get install package-{number}" for number in range(20))
    service = service_with(Stored((replace(image.images[0], created_by=(step, "COPY")),), None, image.documents))
    async with open_app(service=service, size=size) as (app, pilot):
        await look(app, pilot, "layers")
        assert "package-11" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ValueScreen))
        assert "package-11" in screen_text(app)
        assert "Close" in screen_text(app)
        assert app.screen.query_one("#value").size.height < size[1] - 4  # no taller than what it shows
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))


async def test_a_value_of_many_lines_scrolls_and_keeps_its_button() -> None:
    image = make_image("long")
    step = "\n".join(f"line {number}" for number in range(200))
    service = service_with(Stored((replace(image.images[0], created_by=(step, "COPY")),), None, image.documents))
    async with open_app(service=service, size=(80, 24)) as (app, pilot):
        await look(app, pilot, "layers")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ValueScreen) and "line 0" in screen_text(app))
        assert "Close" in screen_text(app)
        await pilot.press("end")
        await until(pilot, lambda: "line 199" in screen_text(app))
        assert "Close" in screen_text(app)


def with_a_past(service: FakeService) -> FakeService:
    now = service.rows["team/app"]["1.0"]
    assert now.digest is not None
    service.timelines["team/app", "1.0"] = (
        TimelineRow(now.digest, NOW - 3600, True, "image", 30_000_000, 1_100_000),
        TimelineRow(OLD, NOW - 7200, False, "image", 29_000_000, 29_000_000),
    )
    return service


async def test_an_older_digest_of_the_timeline_is_pulled_and_copied_by_its_digest() -> None:
    service = with_a_past(service_with())
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "timeline")
        assert "1h ago" in screen_text(app)
        assert "now" in line_of(app, "= 1h ago")
        await pilot.press("j", "y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        await pilot.press("1")
        await until(pilot, lambda: app.clipboard == f"team/app@{OLD}")
        assert screen._pull_here().source == Reference("team/app", None, OLD)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))


async def test_the_copy_menu_offers_the_tag_its_digest_and_the_row_under_the_cursor() -> None:
    service = service_with()
    row = service.rows["team/app"]["1.0"]
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot, "layers")
        await pilot.press("j", "y")
        await until(pilot, lambda: isinstance(app.screen, CopyScreen))
        assert screen.subject.image is not None
        layer = screen.subject.image.layers[1].digest
        assert app.screen._items == [
            ("reference", "team/app:1.0"),
            ("with its digest", f"team/app@{row.digest}"),
            ("digest", str(row.digest)),
            ("image id", str(row.image_ids[0])),
            ("this row", str(layer)),
            ("pull command", "oci-store @prod-images pull team/app:1.0"),
        ]


async def test_a_pull_takes_the_platform_somebody_chose_and_no_other() -> None:
    service = service_with(two_platforms())
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot)
        assert screen._pull_here().platform is None
        await pilot.press("greater_than_sign")
        assert screen._pull_here().platform == Platform.parse("linux/riscv64")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "linux/riscv64" in screen_text(app))


@pytest.mark.parametrize(
    ("key", "words"), [("o", "looking inside"), ("equals_sign", "comparing two"), ("V", "verifying"), ("D", "deleting")]
)
async def test_what_is_to_come_says_so(key: str, words: str) -> None:
    async with open_app(service=service_with()) as (app, pilot):
        await look(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: words in screen_text(app))


async def test_attachments_are_shown_below_what_they_belong_to() -> None:
    service = service_with()
    of = service.rows["team/app"]["1.0"].digest
    assert of is not None
    service.attached["team/app:1.0"] = (
        AttachmentRow("sbom", Digest.of(b"1"), "application/spdx+json", 2000, "subject", of),
        AttachmentRow("signature", Digest.of(b"2"), "cosign", 300, "tag", of, depth=1),
    )
    async with open_app(service=service) as (app, pilot):
        screen = await look(app, pilot)
        assert "SBOM 1 · signed 1" in line_of(app, "extras")
        screen._show_tab("extras")
        await until(pilot, lambda: "present, not verified" in screen_text(app))
        lines = screen_text(app).splitlines()
        assert next(line for line in lines if "signature " in line).startswith("     signature")
        assert next(line for line in lines if "spdx" in line).startswith("   sbom")


async def test_an_artifact_is_no_image_and_every_tab_knows() -> None:
    service = service_with(kind="artifact", artifact_type="application/vnd.cncf.helm.config.v1+json", platforms=())
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        real = service.inspect
        service.inspect = lambda reference, *, platform=None: structs.replace(
            real(reference, platform=platform), kind="artifact", config=None, layers=(), platforms=()
        )
        screen = await look(app, pilot)
        assert "helm" in line_of(app, "holds")
        assert "this is no image" in line_of(app, "image id")
        for tab, words in (("layers", "an artifact without layers"), ("history", "no build steps"),
                           ("config", "an artifact without a configuration")):  # fmt: skip
            screen._show_tab(tab)
            await until(pilot, lambda: app.desk.is_idle)
            assert words in screen_text(app)


async def test_a_digest_is_looked_at_without_a_past() -> None:
    service = service_with()
    row: TagRow = service.rows["team/app"]["1.0"]
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: app.desk.is_idle)
        screen = DetailScreen(app.session, Reference("team/app", None, row.digest), None)
        await app.push_screen(screen)
        await until(pilot, lambda: app.desk.is_idle)
        assert "2, 30 MB packed" in line_of(app, "layers")
        assert service.count("timeline") == 0
        screen._show_tab("timeline")
        await pilot.pause()
        assert "only tags move" in screen_text(app)
