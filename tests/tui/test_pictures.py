"""Pictures of the program that somebody has looked at: what changes them is looked at again.

``pytest tests/tui/test_pictures.py --snapshot-update`` makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from syrupy.assertion import SnapshotAssertion

from ocistore_tui.errors import AccessDenied, Unavailable
from ocistore_tui.tui.ports import Opening
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.theme import LIGHT_THEME
from tests.fakes.gates import Clock
from tests.fakes.stores import PROD
from tests.tui.conftest import open_app
from tests.tui.gallery import all_known, gallery, machine, moving, pushed
from tests.tui.picture import Picture, picture, same_everywhere
from tests.tui.waiting import screen_text, until

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x50": (200, 50)}


@pytest.fixture(autouse=True)
def _same_everywhere() -> Iterator[None]:
    with same_everywhere():
        yield


@pytest.fixture
def shown(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Picture)


@pytest.mark.parametrize("size", ["80x24", "120x36"])
async def test_main(shown: SnapshotAssertion, size: str) -> None:
    async with open_app(service=gallery(), size=SIZES[size]) as (app, pilot):
        await all_known(app, pilot)
        assert await picture(pilot) == shown


async def test_main_in_light(shown: SnapshotAssertion) -> None:
    async with open_app(service=gallery(), opening=Opening(PROD, theme=LIGHT_THEME)) as (app, pilot):
        await all_known(app, pilot)
        assert await picture(pilot) == shown


async def test_main_without_colour(shown: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(service=gallery()) as (app, pilot):
        await all_known(app, pilot)
        assert await picture(pilot) == shown


async def test_main_in_ascii(shown: SnapshotAssertion) -> None:
    async with open_app(service=gallery(), opening=Opening(PROD, ascii=True)) as (app, pilot):
        await all_known(app, pilot)
        assert await picture(pilot) == shown


@pytest.mark.parametrize("size", ["80x24", "120x36"])
async def test_plan_of_a_push_that_moves_a_tag(shown: SnapshotAssertion, size: str) -> None:
    async with open_app(service=gallery(), size=SIZES[size]) as (app, pilot):
        await all_known(app, pilot)
        app.send([pushed("platform/billing:7.0.3")])
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "moves 7.0.3" in screen_text(app))
        assert await picture(pilot) == shown


async def test_transfers(shown: SnapshotAssertion, clock: Clock) -> None:
    async with open_app(service=gallery(), clock=clock) as (app, pilot):
        await all_known(app, pilot)
        await moving(app, pilot, clock)
        assert await picture(pilot) == shown


async def test_layers_of_a_tag(shown: SnapshotAssertion) -> None:
    async with open_app(service=gallery()) as (app, pilot):
        await all_known(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.is_idle and "Layers" in screen_text(app))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "CREATED BY" in screen_text(app) and app.desk.is_idle)
        assert await picture(pilot) == shown


async def test_stores(shown: SnapshotAssertion) -> None:
    async with open_app(stores=machine(gallery())) as (app, pilot):
        await all_known(app, pilot)
        await pilot.press("c")
        await until(pilot, lambda: "gcloud" in screen_text(app) and app.desk.is_idle)
        assert await picture(pilot) == shown


async def test_help(shown: SnapshotAssertion) -> None:
    async with open_app(service=gallery()) as (app, pilot):
        await all_known(app, pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: "Keys here" in screen_text(app) and app.desk.is_idle)
        assert await picture(pilot) == shown


async def test_palette(shown: SnapshotAssertion) -> None:
    async with open_app(stores=machine(gallery())) as (app, pilot):
        await all_known(app, pilot)
        await pilot.press("colon", *"gate")
        await until(pilot, lambda: "platform/api-gateway:2.4.0" in screen_text(app) and app.desk.is_idle)
        assert await picture(pilot) == shown


async def test_nothing_answers(shown: SnapshotAssertion) -> None:
    service = gallery()
    service.fail("local_images", Unavailable(
        "no Docker engine", where="unix:///var/run/docker.sock", cause="no such file",
        fix="start Docker, or choose another place with F4"))  # fmt: skip
    service.fail("repositories", AccessDenied(
        "listing was denied", where="s3://acme-oci/registry", cause="profile default may not s3:ListBucket on acme-oci",
        fix="allow s3:ListBucket on acme-oci"))  # fmt: skip
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: "s3:ListBucket" in screen_text(app) and "no Docker" in screen_text(app))
        assert await picture(pilot) == shown
