"""The plan dialog: it opens at once, says what will happen, and starts exactly that."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from ocistore_tui.errors import NotFound, Unavailable
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import Mode, StoreRow
from ocistore_tui.tui import targets
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.transfers import Plan, Request
from ocistore_tui.tui.widgets.buttons import Choice
from tests.fakes.service import FakeService
from tests.fakes.stored import make_image
from tests.fakes.stores import READ_ONLY
from tests.tui.conftest import open_app
from tests.tui.waiting import screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

HOSTILE = "evil\x1b]52;c;x\x07\x9b31m\u202e[b]x[/b]"


@pytest.fixture
def service() -> FakeService:
    service = FakeService()
    service.add_local("team/app:1", make_image("app", layers=(("base", 29_100_000), ("app", 92_000_000))))
    service.add_local("web:1", make_image("web", layers=(("web", 8_000_000),)))
    return service


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlanScreen, "DEBOUNCE_S", 0.01)
    monkeypatch.setattr(targets, "_remembered", {})


def push(target: str, image: str | None = None) -> PushRequest:
    return PushRequest(Reference.parse(target), image or target)


def pull(source: str) -> PullRequest:
    return PullRequest(Reference.parse(source))


class Dialog:
    """The open dialog, for a test."""

    def __init__(self, app: OcistoreApp, pilot: Pilot[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.pilot = app, pilot
        self.started: list[list[Plan | Request]] = []
        monkeypatch.setattr(app.runner, "start", lambda _, plans: self.started.append(list(plans)) or [])

    async def open(self, *requests: Request) -> PlanScreen:
        self.app.send(requests)
        await until(self.pilot, lambda: isinstance(self.app.screen, PlanScreen) and self.app.screen.is_mounted)
        return self.screen

    async def opened(self, *requests: Request) -> PlanScreen:
        """The same, with every plan there."""
        screen = await self.open(*requests)
        await self.is_planned()
        return screen

    async def is_planned(self) -> None:
        await until(self.pilot, lambda: not self.screen.planning.totals().checking and not self.screen._timer)
        await self.pilot.pause()

    @property
    def screen(self) -> PlanScreen:
        assert isinstance(self.app.screen, PlanScreen)
        return self.app.screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.app.screen, PlanScreen)

    @property
    def button(self) -> str:
        return self.screen.query_one("#act", Choice).label

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def field(self) -> Input:
        return self.screen.detail.target


# opening


async def test_it_opens_before_the_plan_is_there_and_enter_waits_for_it(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hold("plan_push")
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.open(push("team/app:1"))
        assert dialog.button == "Checking"
        assert "Push 1 image to prod-images" in dialog.text
        await pilot.press("enter")
        await pilot.pause()
        assert "the plan is not there yet" in dialog.text
        assert dialog.started == []
        service.release("plan_push")
        await dialog.is_planned()
        assert dialog.button == "Push 121 MB"
        assert "the plan is not there yet" not in dialog.text


async def test_enter_starts_the_very_plan_that_is_shown(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.opened(push("team/app:1"))
        shown = screen.planning.rows[0].plan
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert dialog.started[0][0] is shown
        assert not dialog.is_open


async def test_plans_are_asked_for_one_by_one(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.hold("plan_push", "web:1")
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.open(push("team/app:1"), push("web:1"), push("gone:1"))
        await until(pilot, lambda: service.waiting("plan_push", "web:1"))
        await until(pilot, lambda: dialog.button == "Checking 2 of 3")
        assert service.count("plan_push") == 2
        service.release("plan_push")
        service.release("plan_push", "web:1")
        await dialog.is_planned()
        assert dialog.button == "Push 2 of 3, 129 MB"


async def test_esc_leaves_and_drops_answers_that_come_late(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hold("plan_push")
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.open(push("team/app:1"), push("web:1"))
        await until(pilot, lambda: service.waiting("plan_push"))
        await pilot.press("escape")
        await until(pilot, lambda: not dialog.is_open)
        service.release("plan_push")
        await until(pilot, lambda: app.desk.is_idle)
        assert screen.planning.rows[0].plan is None
        assert service.count("plan_push") == 1
        assert dialog.started == []


@pytest.mark.parametrize(("method", "wanted"), [("plan_push", push("team/app:1")), ("plan_pull", pull("team/app:1"))])
async def test_esc_stops_the_planning_too(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, method: str, wanted: Request
) -> None:
    service.hold(method)
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.open(wanted)
        await until(pilot, lambda: service.waiting(method))
        await pilot.press("escape")
        await until(pilot, lambda: app.desk.is_idle)
        assert not dialog.is_open


async def test_cancel_is_a_button_too(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        await pilot.click("#cancel")
        await until(pilot, lambda: not dialog.is_open)
        assert dialog.started == []


async def test_nothing_to_do_starts_nothing(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("team/app", "1", service.local_stored["team/app:1"])
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        assert dialog.button == "Nothing to do"
        await pilot.press("enter")
        await until(pilot, lambda: not dialog.is_open)
        assert dialog.started == []


# consent


async def test_a_tag_moves_only_when_it_is_ticked(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("team/app", "1", make_image("old"))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        assert dialog.button == "Push and move tag"
        assert "[ ] move tag team/app:1" in dialog.text
        await pilot.press("enter")
        await pilot.pause()
        assert dialog.started == []
        assert "tick it first" in dialog.text
        await pilot.press("space")
        await pilot.pause()
        assert "[x] move tag team/app:1" in dialog.text
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)


async def test_consent_is_for_the_tag_that_was_shown(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("team/app", "1", make_image("old"))
    service.add_tag("team/app", "2", make_image("older"))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        await pilot.press("m")
        await pilot.pause()
        assert "[x] move tag team/app:1" in dialog.text
        await pilot.press("e", "backspace", "2", "enter")
        await dialog.is_planned()
        assert "[ ] move tag team/app:2" in dialog.text
        await pilot.press("enter")
        await pilot.pause()
        assert dialog.started == []


async def test_a_read_only_store_is_opened_for_adding_by_the_act_itself(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(service=service, store=READ_ONLY) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        assert dialog.button == "Allow adding to this store and push 121 MB"
        await pilot.press("escape")
        await until(pilot, lambda: not dialog.is_open)
        assert app.session.mode is Mode.READ_ONLY
        await dialog.opened(push("team/app:1"))
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert app.session.mode is Mode.ADD_ONLY
        await until(pilot, lambda: "ADD ONLY" in dialog.text.split("\n")[0])


async def test_a_pull_from_a_read_only_store_changes_no_mode(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.add_tag("far", "1", make_image("far", layers=(("far", 1_100_000),)))
    async with open_app(service=service, store=READ_ONLY) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(pull("far:1"))
        assert dialog.button == "Pull 1.1 MB"
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert app.session.mode is Mode.READ_ONLY


# the target


async def test_another_target_is_planned_anew(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.opened(push("team/app:1"))
        await pilot.press("e", "backspace", *"2-rc1")
        await dialog.is_planned()
        plan = screen.planning.rows[0].plan
        assert plan is not None
        assert str(plan.reference) == "team/app:2-rc1"
        assert "2-rc1 is new" in dialog.text
        assert "push team/app:2-rc1 --image team/app:1" in dialog.text
        await pilot.press("enter", "enter")
        await until(pilot, lambda: dialog.started)
        assert dialog.started[0][0] is plan


async def test_nothing_starts_while_the_target_is_typed(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlanScreen, "DEBOUNCE_S", 3600.0)
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        await pilot.press("e", "0")
        await pilot.pause()
        assert dialog.button == "Checking"
        await pilot.click("#act")
        await pilot.pause()
        assert dialog.started == []
        assert dialog.is_open


async def test_an_answer_for_the_target_before_is_dropped(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hold("plan_push", "team/app:1")
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.open(push("team/app:1"))
        await until(pilot, lambda: service.waiting("plan_push", "team/app:1"))
        await pilot.press("e", "0")
        await dialog.is_planned()
        service.release("plan_push", "team/app:1")
        await until(pilot, lambda: app.desk.is_idle)
        plan = screen.planning.rows[0].plan
        assert plan is not None
        assert str(plan.reference) == "team/app:10"


async def test_a_name_that_can_be_none_is_said_and_esc_brings_the_old_one_back(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        await pilot.press("e", "!")
        await until(pilot, lambda: "invalid tag" in dialog.text)
        assert dialog.button == "Cannot be done"
        assert service.count("plan_push") == 1
        await pilot.press("escape")
        await dialog.is_planned()
        assert dialog.is_open
        assert dialog.field.value == "team/app:1"
        assert dialog.button == "Push 121 MB"


async def test_an_image_without_a_name_opens_on_the_field(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = service.add_local("").image
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.open(PushRequest(targets.UNNAMED, image))
        await until(pilot, lambda: dialog.field.has_focus)
        assert "has no name that a registry can serve" in dialog.text
        assert "unnamed" not in dialog.text
        await pilot.press(*"new:1", "enter")
        await dialog.is_planned()
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert str(dialog.started[0][0].reference) == "new:1"


async def test_where_it_went_is_remembered(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    row = service.listings[None].rows[1]
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("web:1"))
        await pilot.press("e", "home", *"platform/", "enter")
        await dialog.is_planned()
        assert targets.push_target(row) == ("web", "1"), "only what was done is remembered"
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert targets.push_target(row) == ("platform/web", "1")


# several, failures


async def test_several_have_a_row_each_and_one_total(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.fail("plan_push", Unavailable("no engine", cause="it is off", fix="start it"), "web:1")
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"), push("web:1"))
        assert "Push 2 images to prod-images" in dialog.text
        assert "! no engine" in dialog.text
        assert "2 images · send 121 MB · 1 cannot be done" in dialog.text
        await pilot.press("down")
        await until(pilot, lambda: "it is off" in dialog.text)
        assert "start it" in dialog.text
        service.heal("plan_push", "web:1")
        await pilot.press("r")
        await dialog.is_planned()
        assert dialog.button == "Push 129 MB"
        await pilot.press("enter")
        await until(pilot, lambda: dialog.started)
        assert [str(plan.reference) for plan in dialog.started[0]] == ["team/app:1", "web:1"]


async def test_when_nothing_can_be_done_enter_says_so(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.fail("plan_pull", NotFound("no such tag", where="gone:1", fix="list the tags"))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(pull("gone:1"))
        await pilot.press("enter")
        await until(pilot, lambda: "nothing here can be started" in dialog.text)
        assert dialog.started == []
        assert "list the tags" in dialog.text


# pulls


async def test_a_platform_is_chosen_and_planned(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("multi", "1", make_image("multi", platforms=("linux/amd64", "linux/arm64")))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.opened(pull("multi:1"))
        assert "(•) linux/amd64   ( ) linux/arm64" in dialog.text
        await pilot.press("greater_than_sign")
        await dialog.is_planned()
        assert "(•) linux/arm64" in dialog.text
        assert "pull multi:1 --platform linux/arm64" in dialog.text
        await pilot.press("a")
        await dialog.is_planned()
        assert "[x] all of them" in dialog.text
        assert "--all-platforms" in dialog.text
        request = screen.planning.rows[0].request
        assert (request.platform, request.all_platforms) == (None, True)


async def test_an_image_of_one_platform_offers_none(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("far", "1", make_image("far"))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(pull("far:1"))
        assert "(•)" not in dialog.text
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "there is one platform only" in dialog.text)


async def test_a_local_name_that_changes_hands_is_told(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.add_tag("web", "1", make_image("the store's web"))
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(pull("web:1"))
        assert "web:1 is another image here" in dialog.text


# the command line, small terminals, hostile names


async def test_the_command_line_is_copied(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app(service=service) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1"))
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == "oci-store @prod-images push team/app:1 --image team/app:1"


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36)])
async def test_a_long_command_line_is_shown_to_its_end(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    image = "docker-archive:/srv/pictures/of/images/that/were/exported/tools-2.0.0.tar:team/app:1"
    service.local_stored[image] = make_image("x")
    folder = StoreRow("url", "store", "fs", "file:///srv/the/store", {"dir": "/srv/the/store"}, Mode.ADD_ONLY)
    async with open_app(service=service, store=folder, size=size) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(push("team/app:1", image))
        text = dialog.text
        assert "$ oci-store fs push team/app:1" in text
        assert "--dir /srv/the/store" in text
        assert "Cancel (Esc)" in text


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("many", [1, 40])
async def test_the_buttons_are_always_in_sight(
    service: FakeService, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], many: int
) -> None:
    service.add_tag("app-0", "1", make_image("old"))
    requests = []
    for number in range(many):
        service.add_local(f"app-{number}:1", make_image(str(number), layers=((f"layer {number}", 1_000_000),)))
        requests.append(push(f"app-{number}:1"))
    async with open_app(service=service, size=size) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        await dialog.opened(*requests)
        await pilot.pause()
        lines = dialog.text.split("\n")
        assert any("Cancel (Esc)" in line and "(Enter)" in line for line in lines)
        assert any("[ ] move tag app-0:1" in line for line in lines)
        assert any("$ oci-store @prod-images push" in line for line in lines)


async def test_what_does_not_fit_scrolls(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app(service=service, size=(80, 15)) as (app, pilot):
        dialog = Dialog(app, pilot, monkeypatch)
        notes = tuple(f"note number {number}" for number in range(30))
        plan_push = service.plan_push
        monkeypatch.setattr(
            service, "plan_push", lambda request, **more: dataclasses.replace(plan_push(request), notes=notes)
        )
        await dialog.opened(push("team/app:1"))
        assert "note number 29" not in dialog.text
        await pilot.press(*["down"] * 40)
        await until(pilot, lambda: "note number 29" in dialog.text)
        assert "(Enter)" in dialog.text


async def test_names_from_outside_are_shown_inert(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    image = f"docker-archive:/srv/{HOSTILE}.tar"
    service.local_stored[image] = make_image("x")
    monkeypatch.setattr(OcistoreApp, "get_line_filters", lambda _: [])  # the first lock holds alone
    error = NotFound(HOSTILE, where=HOSTILE, cause=HOSTILE, fix=HOSTILE)
    service.fail("plan_push", error, "team/app:1")
    plan_push = service.plan_push
    monkeypatch.setattr(
        service, "plan_push", lambda r, **more: dataclasses.replace(plan_push(r), notes=(HOSTILE,), source=HOSTILE)
    )
    async with open_app(service=service) as (app, pilot):
        app.session.place = LocalPlace("engine", "", HOSTILE)
        dialog = Dialog(app, pilot, monkeypatch)
        screen = await dialog.opened(push("evil:1", image), push("team/app:1"), pull("evil:1"))
        for _ in range(3):
            shown = dialog.text + str(screen.query_one("#plan").border_title) + dialog.field.value
            assert "evil" in shown
            assert all(sign.isprintable() or sign == "\n" for sign in shown), repr(shown)
            assert "[b]x[/b]" in shown, "no markup"
            await pilot.press("down")
            await pilot.pause()
