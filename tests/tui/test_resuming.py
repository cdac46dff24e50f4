"""What an earlier run of the program left: it goes on, or asks first, and never twice."""

from __future__ import annotations

from msgspec.structs import replace

from ocistore_tui.errors import Unavailable
from ocistore_tui.model.stores import Mode
from ocistore_tui.tui.resuming import resume
from ocistore_tui.tui.screens.plan import PlanScreen
from ocistore_tui.tui.transfers import State
from tests.fakes.stored import make_image
from tests.fakes.stores import READ_ONLY, FakeStores
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, pull, push, started
from tests.tui.waiting import screen_text, until


async def test_a_push_goes_on_in_a_read_only_store_once_its_plan_was_confirmed() -> None:
    stores = FakeStores(loaded_service())
    stores.interrupted = [push(0), push(1)]
    async with open_app(stores=stores, store=READ_ONLY) as (app, pilot):
        await until(pilot, lambda: "2 interrupted transfers" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "Allow adding" in screen_text(app))
        assert stores.service.count("push") == 0, "nothing is written before the store may be added to"

        await pilot.press("escape")
        await until(pilot, lambda: "2 interrupted transfers" in screen_text(app), "still offered")
        assert app.session.mode is Mode.READ_ONLY

        await pilot.press("R")
        await until(pilot, lambda: "Allow adding" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(app.runner.queue.of(State.DONE)) == 2)
        assert app.session.mode is Mode.ADD_ONLY
        assert not app.runner.queue.of(State.INTERRUPTED), "what went on is not offered again"


async def test_on_the_transfers_screen_it_asks_as_well() -> None:
    stores = FakeStores(loaded_service())
    stores.interrupted = [push(0)]
    async with open_app(stores=stores, store=READ_ONLY) as (app, pilot):
        await until(pilot, lambda: "1 interrupted transfer" in screen_text(app))
        await pilot.press("w")
        await until(pilot, lambda: "interrupted" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "Allow adding" in screen_text(app))
        assert stores.service.count("push") == 0


async def test_a_pull_goes_on_from_a_read_only_store_without_a_question() -> None:
    stores = FakeStores(loaded_service())
    stores.interrupted = [pull("team/base:1")]
    async with open_app(stores=stores, store=READ_ONLY) as (app, pilot):
        await until(pilot, lambda: "1 interrupted transfer" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: len(app.runner.queue.of(State.DONE)) == 1)
        assert app.screen is app.main_screen


async def test_the_same_push_by_hand_is_the_interrupted_one() -> None:
    stores = FakeStores(loaded_service())
    stores.interrupted = [push(0), push(1)]
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: "2 interrupted transfers" in screen_text(app))
        app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: len(app.runner.queue.of(State.DONE)) == 1)
        (left,) = app.runner.queue.of(State.INTERRUPTED)
        assert left.request == push(1), "another target is still offered"
        app.runner.settle(app.outcome)
        assert stores.kept[app.session.store.name] == (push(1),)


async def test_a_retry_does_not_move_a_tag_that_somebody_else_pushed_meanwhile() -> None:
    service = loaded_service()
    service.fail("push", Unavailable("connection lost", where="s3", fix="check the network"), times=1)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [service.plan_push(push(0))])
        await until(pilot, lambda: transfer.state is State.FAILED)
        theirs = service.add_tag("team/app", "0", make_image("somebody else's"))

        resume(app, [transfer])
        await until(pilot, lambda: transfer.state is State.FAILED and transfer.attempt == 2)
        assert "nobody has allowed it to move" in str(transfer.error)
        assert service.rows["team/app"]["0"] == theirs

        resume(app, [transfer])  # R again shows the plan, with its tick
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "(m)" in screen_text(app))
        await pilot.press("enter")
        assert service.rows["team/app"]["0"] == theirs
        await pilot.press("m", "enter")
        await until(pilot, lambda: len(app.runner.queue.of(State.DONE)) == 1)
        assert service.rows["team/app"]["0"].digest != theirs.digest
        assert not app.runner.queue.of(State.FAILED), "it went on in the new one"


async def test_an_interrupted_push_does_not_move_a_tag_unasked() -> None:
    stores = FakeStores(loaded_service())
    theirs = stores.service.add_tag("team/app", "0", make_image("what it names now"))
    stores.interrupted = [push(0)]
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: "1 interrupted transfer" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: len(app.runner.queue.of(State.FAILED)) == 1)
        assert stores.service.rows["team/app"]["0"] == theirs
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))


async def test_a_move_that_was_allowed_is_retried_without_a_question() -> None:
    service = loaded_service()
    service.add_tag("team/app", "0", make_image("what it names now"))
    service.fail("push", Unavailable("connection lost", where="s3", fix="check the network"), times=1)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [service.plan_push(push(0))])
        await until(pilot, lambda: transfer.state is State.FAILED)
        resume(app, [transfer])
        await until(pilot, lambda: transfer.state is State.DONE)


async def test_a_store_opened_again_with_other_rights_forgets_nothing_and_offers_nothing_twice() -> None:
    stores = FakeStores(loaded_service())
    stores.interrupted = [push(1)]
    stores.service.hold("push")
    async with open_app(stores=stores) as (app, pilot):
        await until(pilot, lambda: "1 interrupted transfer" in screen_text(app))
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, stores.service, transfer)

        app.open_store(replace(app.session.store, mode=Mode.READ_ONLY))
        await until(pilot, lambda: app.session.mode is Mode.READ_ONLY and "1 interrupted" in screen_text(app))
        await until(pilot, lambda: not stores.waiting("unfinished"))
        assert len(app.runner.queue.of(State.INTERRUPTED)) == 1

        app.runner.stop_all()
        app.runner.settle(app.outcome)
        assert set(stores.kept[app.session.store.name]) == {push(0), push(1)}
