"""Transfers as people run them: a queue, pause, cancel, retry, and what fails."""

from __future__ import annotations

from ocistore_tui.errors import AccessDenied, Refused, Unavailable
from ocistore_tui.model.progress import LayerState
from ocistore_tui.tui.ports import Opening
from ocistore_tui.tui.queue import Queue
from ocistore_tui.tui.screens.transfers import TransfersScreen
from ocistore_tui.tui.transfers import State
from tests.fakes.gates import Clock
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, FakeStores
from tests.tui.conftest import open_app
from tests.tui.moving import loaded_service, pull, push, started, states
from tests.tui.waiting import until


async def test_two_of_three_run_and_the_third_begins_when_one_is_over() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, first, second)
        assert states(app) == [State.RUNNING, State.RUNNING, State.WAITING]
        assert service.count("push") == 2

        service.release("push")
        await until(pilot, lambda: not app.runner.is_busy)

        assert states(app) == [State.DONE] * 3
        assert sorted(row.name for row in service.tags("team/app")) == ["0", "1", "2"]
        assert third.result is not None


async def test_a_plan_that_was_looked_at_is_moved_as_it_is_and_not_made_again() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        plan = service.plan_push(push(0))
        (transfer,) = app.runner.start(app.session, [plan])
        await until(pilot, lambda: transfer.state is State.DONE)

        assert transfer.plan is plan
        assert service.count("plan_push", "team/app:0") == 1


async def test_what_runs_is_cancelled_when_its_worker_has_stopped_and_what_waits_at_once() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, first, second)

        app.runner.cancel(third)
        assert third.state is State.CANCELLED
        app.runner.cancel(first)
        assert first.state is State.CANCELLING
        await until(pilot, lambda: first.state is State.CANCELLED)

        assert second.state is State.RUNNING
        assert service.count("push", "team/app:2") == 0
        assert "0" not in {row.name for row in service.rows.get("team/app", {}).values()}


async def test_a_cancel_that_comes_too_late_leaves_it_done() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        signal = service.moves["team/app:0"].cancel
        assert signal is not None
        signal.is_set = lambda: False  # the last chunk has been asked for already

        app.runner.cancel(transfer)
        service.release("push")
        await until(pilot, lambda: not transfer.state.is_unfinished)

        assert transfer.state is State.DONE


async def test_nobody_waits_for_the_plan_of_a_cancelled_transfer() -> None:
    service = loaded_service()
    service.hold("plan_push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: service.waiting("plan_push"))

        app.runner.cancel(transfer)
        assert transfer.state is State.CANCELLED

        service.release("plan_push")
        await until(pilot, lambda: app.desk.is_idle)
        assert transfer.state is State.CANCELLED
        assert service.count("push") == 0


async def test_a_pause_holds_the_worker_and_lets_another_one_run() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, first, second)

        app.runner.pause(first)
        await started(pilot, service, third)
        service.release("push")
        await until(pilot, lambda: second.state is third.state is State.DONE)
        assert first.state is State.PAUSED
        assert "0" not in service.rows["team/app"], "a paused push writes nothing"

        app.runner.resume(first)
        await until(pilot, lambda: first.state is State.DONE)
        assert service.count("push", "team/app:0") == 1, "it went on where it was"


async def test_a_paused_one_that_may_go_on_waits_for_a_free_slot() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, first, second)
        app.runner.pause(first)
        await started(pilot, service, third)

        app.runner.resume(first)
        assert first.state is State.PAUSED
        assert first.wants_on

        app.runner.cancel(second)
        await until(pilot, lambda: first.state is State.RUNNING)


async def test_a_paused_one_is_cancelled_although_its_worker_is_held() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        app.runner.pause(transfer)

        app.runner.cancel(transfer)

        await until(pilot, lambda: transfer.state is State.CANCELLED)


async def test_one_that_waits_can_be_paused_and_goes_back_into_its_place() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        first, second, third, fourth = app.runner.start(app.session, [push(n) for n in range(4)])
        await started(pilot, service, first, second)
        app.runner.pause(third)

        app.runner.cancel(first)
        await started(pilot, service, fourth)
        assert third.state is State.PAUSED

        app.runner.resume(third)
        assert third.state is State.WAITING
        assert list(app.runner.queue)[2] is third


async def test_a_retry_plans_anew_and_does_not_send_again_what_the_store_has() -> None:
    service = loaded_service()
    service.fail("push", Unavailable("connection lost", where="s3", fix="check the network"), times=1)
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)
        assert transfer.error is not None
        assert transfer.error.fix == "check the network"
        # The first layer had arrived before the connection was lost.
        service.add_tag("team/app", "half", service.local_stored["team/app:0"], pushed=None)

        app.runner.retry(transfer)
        await until(pilot, lambda: transfer.state is State.DONE)

        assert service.count("plan_push", "team/app:0") == 2
        assert transfer.result is not None
        assert {layer.state for layer in transfer.result.layers} == {LayerState.EXISTS}
        assert transfer.error is None


async def test_a_retry_of_one_that_runs_stops_it_first() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)

        app.runner.retry(transfer)
        await until(pilot, lambda: service.count("push") == 2)

        assert transfer.state is State.RUNNING
        assert transfer.attempt == 2


async def test_a_retry_that_was_cancelled_does_not_start_again() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, TransfersScreen) and app.screen._subject() is transfer)

        app.runner.retry(transfer)
        assert transfer.state is State.CANCELLING
        app.screen.action_cancel()
        await until(pilot, lambda: transfer.state is not State.CANCELLING)
        await until(pilot, lambda: app.desk.is_idle)

        assert transfer.state is State.CANCELLED
        assert service.count("push") == 1


async def test_a_tag_that_moved_since_the_plan_fails_with_its_reason() -> None:
    service = loaded_service()
    service.fail("push", Refused("the tag was moved meanwhile", where="team/app:0", fix="look at the plan again"))
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [service.plan_push(push(0))])
        await until(pilot, lambda: transfer.state is State.FAILED)

        assert str(transfer.error) == "the tag was moved meanwhile (team/app:0)"
        assert app.commands_done[-1][1] == "oci-store @prod-images push team/app:0 --image team/app:0"
        assert app.commands_done[-1][2].startswith("failed: the tag was moved meanwhile")


async def test_a_daemon_that_dies_in_mid_transfer_fails_it_and_the_next_one_is_tried() -> None:
    service = loaded_service()
    service.hold("push")
    gone = Unavailable("the container engine hung up", where="unix:///var/run/docker.sock", fix="start docker")
    service.fail("push", gone, "team/app:0")
    async with open_app(service=service) as (app, pilot):
        first, second, _ = app.runner.start(app.session, [push(0), push(1), push(2)])
        await started(pilot, service, first, second)
        service.moves["team/app:0"].show(60_000_000)

        service.release("push")
        await until(pilot, lambda: not app.runner.is_busy)

        assert states(app) == [State.FAILED, State.DONE, State.DONE]
        assert first.error is gone
        assert first.done_bytes == 60_000_000, "how far it came is not forgotten"


async def test_a_bug_in_a_worker_fails_its_transfer_and_the_program_stays_up() -> None:
    service = loaded_service()
    service.push = lambda *_, **__: 1 / 0
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: transfer.state is State.FAILED)

        assert transfer.error is not None
        assert transfer.error.kind == "fault"
        assert app.is_running


async def test_a_transfer_keeps_the_store_it_began_with() -> None:
    service, other = loaded_service(), FakeService("gs://other")
    stores = FakeStores(service)
    stores.services["other"] = other
    service.hold("push")
    async with open_app(stores=stores) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)

        app.open_store(type(PROD)("saved", "other", "gcs", "gs://other"))
        await until(pilot, lambda: app.session.service is other)
        service.release("push")
        await until(pilot, lambda: transfer.state is State.DONE)

        assert "0" in service.rows["team/app"]
        assert other.count("push") == 0


async def test_the_main_screen_looks_again_at_what_a_push_and_a_pull_changed() -> None:
    service = loaded_service()
    async with open_app(service=service) as (app, pilot):
        await until(pilot, lambda: service.count("local_images"))
        listed = service.count("local_images")
        push_one, pull_one = app.runner.start(app.session, [push(0), pull("team/base:1")])
        await until(pilot, lambda: push_one.state is pull_one.state is State.DONE)

        await until(pilot, lambda: service.count("local_images") > listed)
        await until(pilot, lambda: service.count("tag_stubs", "team/app") or service.count("summary", "team/app"))


async def test_a_store_opened_again_looks_at_what_was_on_its_way_before() -> None:
    service = loaded_service()
    service.hold("push")
    async with open_app(service=service) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        app.open_store(app.session.store)
        await until(pilot, lambda: app.main_screen.bucket.feed.is_whole and app.desk._running == 1)

        service.release("push")
        await until(pilot, lambda: "team/app" in app.main_screen.bucket.model.nodes)


async def test_a_pull_from_another_store_shows_on_the_left() -> None:
    service, other = loaded_service(), FakeService("gs://other")
    other.listings = service.listings  # one engine
    stores = FakeStores(service)
    stores.services["other"] = other
    service.hold("pull")
    async with open_app(stores=stores) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [pull("team/base:1")])
        await started(pilot, service, transfer)
        app.open_store(type(PROD)("saved", "other", "gcs", "gs://other"))
        await until(pilot, lambda: app.main_screen.local.model.total == 6)

        service.release("pull")
        await until(pilot, lambda: app.main_screen.local.model.total == 7)


async def test_progress_is_told_at_most_so_often_however_much_of_it_comes() -> None:
    service = loaded_service()
    service.hold("push")
    told: list[int] = []
    async with open_app(service=service, opening=Opening(PROD, slow=True)) as (app, pilot):
        (transfer,) = app.runner.start(app.session, [push(0)])
        await started(pilot, service, transfer)
        await until(pilot, lambda: not app.runner._is_due, "the pause between two paints is over")
        app.runner.changed.subscribe(app.screen, lambda queue: told.append(_done(queue)))
        for done in range(1, 201):
            service.moves["team/app:0"].show(done)
        await until(pilot, lambda: transfer.done_bytes == 200, "the last one is never lost")

        assert len(told) <= 3


def _done(queue: Queue) -> int:
    return sum(transfer.done_bytes for transfer in queue)


async def test_only_a_long_transfer_rings_the_bell(clock: Clock) -> None:
    service = loaded_service()
    service.hold("push", "team/app:1")
    rung: list[int] = []
    async with open_app(service=service, clock=clock) as (app, pilot):
        app.bell = lambda: rung.append(1)
        first, second = app.runner.start(app.session, [push(0), push(1)])
        await until(pilot, lambda: first.state is State.DONE)
        assert rung == []

        clock.forward(31)
        service.release("push", "team/app:1")
        await until(pilot, lambda: second.state is State.DONE)
        assert rung == [1]


async def test_a_failure_is_a_toast_only_where_no_list_of_transfers_is_seen() -> None:
    service = loaded_service()
    service.fail("push", AccessDenied("not allowed", fix="ask for s3:PutObject"))
    async with open_app(service=service) as (app, pilot):
        (first,) = app.runner.start(app.session, [push(0)])
        await until(pilot, lambda: first.state is State.FAILED)
        assert not app._notifications

        app.action_log()
        await pilot.pause()
        (second,) = app.runner.start(app.session, [push(1)])
        await until(pilot, lambda: second.state is State.FAILED)
        (toast,) = app._notifications
        assert toast.message == "push team/app:1: not allowed\nask for s3:PutObject"
