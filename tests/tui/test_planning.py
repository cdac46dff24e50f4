"""Several pushes and pulls become rows with plans: what may be started, what it comes to, what the button says."""

from __future__ import annotations

import threading

import pytest

from ocistore_tui.errors import NotFound
from ocistore_tui.model.local import LocalPlace, LocalRow
from ocistore_tui.model.plan import PlannedLayer, PullRequest, PushPlan, PushRequest, Way
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui import plan_words, targets
from ocistore_tui.tui.feeds.plan import look_at
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.planning import Planning, Request, Stage, is_estimate, upload_bytes
from ocistore_tui.tui.rows.compare import Comparison
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image

APP = Reference("team/app", "1")


def push(target: str, image: str | None = None) -> PushRequest:
    return PushRequest(Reference.parse(target), image or target)


def pull(source: str, image: str | None = None) -> PullRequest:
    return PullRequest(Reference.parse(source), image)


def planned(service: FakeService, *requests: Request, comparison: Comparison | None = None) -> Planning:
    """All of them looked at, one after the other."""
    planning = Planning(requests)
    while (index := planning.next_waiting()) is not None:
        row = planning.rows[index]
        row.stage = Stage.CHECKING
        try:
            looked = look_at(service, comparison or Comparison(), row.request, threading.Event())
        except NotFound as error:
            planning.failed(index, row.version, error)
        else:
            planning.answered(index, row.version, looked)
    return planning


def told(planning: Planning, index: int = 0) -> str:
    """What the dialog says of one row."""
    row = planning.rows[index]
    lines = plan_words.lines(row, Glyphs(), NOW + 7200, planning.error_of(row))
    return "\n".join(text for text, _ in plan_words.fitted(lines, 200))


def button(planning: Planning, *, allows_adding: bool = True) -> str:
    return plan_words.button(planning.totals(), allows_adding=allows_adding)


@pytest.fixture
def service() -> FakeService:
    service = FakeService()
    service.add_local("team/app:1", make_image("app", layers=(("base", 29_100_000), ("app", 92_000_000))))
    return service


# one push


def test_a_new_image_is_sent_and_its_tag_is_new(service: FakeService) -> None:
    service.add_tag("team/app", "0", make_image("old", layers=(("base", 29_100_000),)))
    planning = planned(service, push("team/app:1"))
    said = told(planning)
    assert "exists       1 layer         29 MB   already in this repository, nothing sent" in said
    assert "upload       1 layer         92 MB" in said
    assert "1 is new" in said
    assert button(planning) == "Push 92 MB"
    assert not planning.totals().moves


def test_layers_of_other_repositories_are_linked(service: FakeService) -> None:
    service.add_tag("other", "1", make_image("old", layers=(("base", 29_100_000), ("app", 92_000_000))))
    planning = planned(service, push("team/app:1"))
    assert "link         2 layers       121 MB   found elsewhere in this store" in told(planning)
    assert button(planning) == "Push, nothing to send"


def test_a_push_by_the_engine_itself_is_said_with_its_reason(service: FakeService) -> None:
    service.way = Way("registry", "this engine is quicker at it")
    text = told(planned(service, push("team/app:1")))
    assert "via" in text
    assert "this engine is quicker at it" in text


def test_what_only_compressing_tells_is_marked_as_an_estimate() -> None:
    layers = (PlannedLayer(LayerState.UPLOADED, None), PlannedLayer(LayerState.UPLOADED, 5))
    digest = make_image("x").digest
    way = Way("archive", "")
    plan = PushPlan(PushRequest(APP), APP, "docker", digest, (), layers, None, None, True, 92_000_000, way)
    assert is_estimate(plan)
    assert upload_bytes(plan) == 92_000_000
    assert plan_words.upload_amount(plan) == "~92 MB"


def test_nothing_to_do_is_said(service: FakeService) -> None:
    service.add_tag("team/app", "1", service.local_stored["team/app:1"])
    planning = planned(service, push("team/app:1"))
    assert "nothing to do" in told(planning)
    assert button(planning) == "Nothing to do"
    assert planning.plans() == []


def test_a_tag_that_moves_needs_consent_and_says_what_it_was(service: FakeService) -> None:
    service.add_tag("team/app", "1", make_image("old"))
    planning = planned(service, push("team/app:1"))
    old, new = (image.digest.encoded[:12] for image in (make_image("old"), service.local_stored["team/app:1"]))
    assert f"moves 1: {old} → {new}, the old one was pushed 2h ago" in told(planning)
    assert button(planning) == "Push and move tag"
    totals = planning.totals()
    assert totals.moves == ("team/app:1",)
    assert "tick it first" in plan_words.why_not(totals, may_move=False)
    assert plan_words.why_not(totals, may_move=True) == ""


def test_what_is_known_of_the_old_tag_is_not_asked_for_again(service: FakeService) -> None:
    comparison = Comparison()
    comparison.set_tag("team/app", service.add_tag("team/app", "1", make_image("old")))
    assert "pushed 2h ago" in told(planned(service, push("team/app:1"), comparison=comparison))
    assert service.count("describe_tags") == 0


def test_what_is_known_of_another_digest_is_asked_for_again(service: FakeService) -> None:
    comparison = Comparison()
    comparison.set_tag("team/app", service.add_tag("team/app", "1", make_image("older"), pushed=NOW - 86400))
    service.add_tag("team/app", "1", make_image("old"))
    assert "pushed 2h ago" in told(planned(service, push("team/app:1"), comparison=comparison))


def test_a_read_only_store_is_allowed_by_the_button(service: FakeService) -> None:
    planning = planned(service, push("team/app:1"))
    assert button(planning, allows_adding=False) == "Allow adding to this store and push 121 MB"
    service.add_tag("team/app", "1", make_image("old"))
    planning = planned(service, push("team/app:1"))
    assert button(planning, allows_adding=False) == "Allow adding to this store and push and move tag"


def test_a_failure_says_cause_and_fix(service: FakeService) -> None:
    error = NotFound("no such image", where="app:9", cause="the engine has none", fix="list the images")
    service.fail("plan_push", error)
    planning = planned(service, push("app:9"))
    assert told(planning).split("\n") == [
        "!              no such image (app:9)", "  why          the engine has none", "  fix          list the images",
    ]  # fmt: skip
    assert button(planning) == "Cannot be done"
    assert plan_words.why_not(planning.totals(), may_move=True)


# one pull


def test_a_pull_says_what_is_here_and_what_is_fetched(service: FakeService) -> None:
    service.add_tag("web", "2", make_image("web", layers=(("base", 29_100_000), ("web", 1_100_000))))
    planning = planned(service, pull("web:2"))
    said = told(planning)
    assert "here already 1 layer         29 MB" in said
    assert "download     1 layer        1.1 MB" in said
    assert "load         into docker 27.3" in said
    assert button(planning) == "Pull 1.1 MB"


def test_a_local_name_of_another_image_is_warned_of(service: FakeService) -> None:
    service.add_tag("team/app", "1", make_image("the store's"))
    planning = planned(service, pull("team/app:1"))
    assert "team/app:1 is another image here: that one will lose this name" in told(planning)


@pytest.mark.parametrize("name", ["web:1", "docker.io/library/web:1", "localhost/web:1"])
def test_a_pull_of_what_is_here_under_this_name_is_nothing_to_do(service: FakeService, name: str) -> None:
    image = make_image("web")
    service.add_tag("web", "1", image)
    service.add_local(name, image)
    planning = planned(service, pull("web:1"))
    assert "is this image already" in told(planning)
    assert button(planning) == "Nothing to do"


def test_a_pull_into_a_file_asks_no_engine(service: FakeService) -> None:
    service.add_tag("web", "1")
    service.fail("local_images", NotFound("no engine"))
    planning = planned(service, pull("web:1", "oci-archive:web.tar:1"))
    assert "write        into" in told(planning)
    assert service.count("local_images") == 0


def test_a_pull_works_where_the_engine_lists_nothing(service: FakeService) -> None:
    service.add_tag("web", "1")
    service.fail("local_images", NotFound("no engine"))
    assert button(planned(service, pull("web:1"))) == "Pull, nothing to fetch", "another image brought its layers"


def test_an_index_offers_its_platforms(service: FakeService) -> None:
    service.add_tag("multi", "1", make_image("multi", platforms=("linux/amd64", "linux/arm64")))
    planning = planned(service, pull("multi:1"))
    looked = planning.rows[0].looked
    assert looked is not None
    assert looked.platforms == ("linux/amd64", "linux/arm64")
    planning.choose_platform(0, "linux/arm64")
    assert str(planning.rows[0].request.platform) == "linux/arm64"
    assert planning.rows[0].stage is Stage.WAITING
    planning.choose_platform(0, None, all_platforms=True)
    assert (planning.rows[0].request.platform, planning.rows[0].request.all_platforms) == (None, True)


def test_platforms_are_found_by_digest_too(service: FakeService) -> None:
    image = make_image("multi", platforms=("linux/amd64", "linux/arm64"))
    service.add_tag("multi", "1", image)
    planning = planned(service, pull(f"multi@{image.digest}"))
    looked = planning.rows[0].looked
    assert looked is not None
    assert looked.platforms == ("linux/amd64", "linux/arm64")


# several


def test_one_failure_does_not_hold_up_the_others(service: FakeService) -> None:
    service.add_local("web:1", make_image("web", layers=(("web", 8_000_000),)))
    planning = planned(service, push("team/app:1"), push("gone:1"), push("web:1"))
    assert [row.stage for row in planning.rows] == [Stage.PLANNED, Stage.FAILED, Stage.PLANNED]
    assert button(planning) == "Push 2 of 3, 129 MB"
    assert plan_words.total_line(planning.totals()) == "3 images · send 129 MB · 1 cannot be done"
    assert [str(plan.reference) for plan in planning.plans()] == ["team/app:1", "web:1"]


def test_two_of_one_name_are_refused_before_they_overwrite_one_another(service: FakeService) -> None:
    service.add_local("app:1")
    planning = planned(service, push("team/app:1"), push("team/app:1", "app:1"))
    assert planning.error_of(planning.rows[0]) is None
    assert "two of these would get the same name" in told(planning, 1)
    assert button(planning) == "Push 1 of 2, 121 MB"
    planning.type(1, "team/other:1")
    assert planning.error_of(planning.rows[1]) is None


def test_ten_thousand_rows_are_counted_at_once(service: FakeService) -> None:
    planning = Planning([push(f"app:{number}") for number in range(10_000)])
    looked = look_at(service, Comparison(), push("team/app:1"), threading.Event())
    for index, row in enumerate(planning.rows):
        planning.answered(index, row.version, looked)
    totals = planning.totals()
    assert (totals.ready, totals.failed) == (1, 9_999), "all of them go to one name here"


def test_progress_counts_the_rows(service: FakeService) -> None:
    planning = Planning([push("team/app:1"), push("b:1"), push("c:1")])
    assert button(planning) == "Checking 1 of 3"
    looked = look_at(service, Comparison(), push("team/app:1"), threading.Event())
    planning.answered(0, 0, looked)
    assert button(planning) == "Checking 2 of 3"


# targets


def test_an_answer_to_an_earlier_target_is_dropped(service: FakeService) -> None:
    planning = Planning([push("team/app:1")])
    looked = look_at(service, Comparison(), push("team/app:1"), threading.Event())
    planning.type(0, "team/app:2")
    planning.answered(0, 0, looked)
    assert planning.rows[0].plan is None
    assert planning.next_waiting() is None, "not before it is typed to its end"
    assert planning.settle(0)
    assert planning.next_waiting() == 0


@pytest.mark.parametrize("text", ["Team/App:1", "app:", "a//b", "app@sha256:1", "", "a b:1", f"app@sha256:{'a' * 64}"])
def test_a_target_that_can_be_none_is_refused_without_asking_the_store(text: str) -> None:
    planning = Planning([push("team/app:1")])
    planning.type(0, text)
    assert planning.rows[0].stage is Stage.FAILED
    assert planning.rows[0].error is not None
    assert planning.rows[0].error.fix
    assert not planning.settle(0)


def test_a_pulls_name_may_be_a_file_or_left_out() -> None:
    planning = Planning([pull("team/app:1")])
    assert planning.rows[0].text == "team/app:1"
    for text, image in (("x:1", "x:1"), ("team/app:1", None), ("", None), ("oci:a b:1", "oci:a b:1")):
        planning.type(0, text)
        assert planning.rows[0].request.image == image
    for text in ("a b", "oci:", "-x"):
        planning.type(0, text)
        assert planning.rows[0].stage is Stage.FAILED


def test_an_image_without_a_name_asks_for_one() -> None:
    planning = Planning([PushRequest(targets.UNNAMED, "sha256:" + "a" * 64)])
    assert "has no name that a registry can serve" in told(planning)
    assert planning.next_waiting() is None
    planning.type(0, "team/new:1")
    planning.settle(0)
    assert planning.rows[0].request.target == Reference("team/new", "1")


def test_a_file_without_a_usable_name_suggests_its_own() -> None:
    assert Planning([PushRequest(targets.UNNAMED, "docker-archive:/srv/My App.tar")]).rows[0].text == "my-app:latest"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("registry.host:5000/team/app:1", ("team/app", "1")),
        ("ghcr.io/team/app", ("team/app", "latest")),
        ("localhost/app:1", ("app", "1")),
        ("team/app:1", ("team/app", "1")),
        ("", None),
        ("Team/App:1", None),
        ("app:.x", None),
    ],
)
def test_the_default_target_is_the_name_without_its_registry(name: str, target: tuple[str, str] | None) -> None:
    assert targets.push_target(LocalRow(name, name)) == target


def test_a_target_is_remembered_for_the_repository() -> None:
    targets.remember_target("registry.host/remembered/app:1", "platform/app")
    assert targets.push_target(LocalRow("remembered/app:2", "x")) == ("platform/app", "2")


@pytest.mark.parametrize(
    ("name", "mended"),
    [("My App:1", "my-app:1"), ("a//b_c:1", "a/b-c:1"), ("app:-1 x", "app:1-x"), ("…", ""), ("", "")],
)
def test_names_are_mended(name: str, mended: str) -> None:
    assert targets.mended(name) == mended


@pytest.mark.parametrize(
    ("place", "image"),
    [
        (None, None),
        (LocalPlace("engine", "unix:///x"), None),
        (LocalPlace("folder", "/srv/a"), "oci-archive:/srv/a/team-app-1.tar:1"),
        (LocalPlace("oci", "/srv/oci"), "oci:/srv/oci:1"),
    ],
)
def test_the_default_name_of_a_pull(place: LocalPlace | None, image: str | None) -> None:
    assert targets.pull_image(APP, place) == image


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("docker-archive:/srv/images/app.tar:team/app:1", "team/app:1 in app.tar"),
        ("oci:/srv/layout/", "layout"),
        ("docker-daemon:dir:1", "dir:1"),
        ("sha256:" + "a" * 64, "image aaaaaaaaaaaa"),
    ],
)
def test_a_local_image_is_named_shortly(image: str, shown: str) -> None:
    assert plan_words.name_of(PushRequest(APP, image)) == shown


def test_files_are_told_without_their_directories_in_a_list() -> None:
    requests = [push("app:1", "docker-archive:/srv/a.tar:app:1"), pull("app:1", "oci-archive:/srv/a-1.tar:1")]
    rows = Planning(requests).rows
    assert (plan_words.source(rows[0]), plan_words.goal(rows[0])) == ("app:1", "app:1")
    assert (plan_words.source(rows[1]), plan_words.goal(rows[1])) == ("app:1", "a-1.tar")


def test_a_long_command_line_is_broken_between_its_words() -> None:
    command = "oci-store fs push lay:2.0 --image oci:/srv/work/lay:2.0 --dir /srv/images/production"
    assert plan_words.command_lines(command, 60) == [
        "$ oci-store fs push lay:2.0 --image oci:/srv/work/lay:2.0", "--dir /srv/images/production",
    ]  # fmt: skip
    assert plan_words.command_lines("oci-store ls", 60) == ["$ oci-store ls"]
    assert plan_words.command_lines("", 60) == ["$ …"]


@pytest.mark.parametrize("most", [2, 3])
def test_only_the_longest_words_of_a_command_line_are_cut_and_no_more_than_it_takes(most: int) -> None:
    command = f"oci-store fs push app:1 --image docker-archive:/{'long/' * 60}app.tar --dir /srv/images"
    lines = plan_words.command_lines(command, 60, most=most)
    assert len(lines) <= most
    assert all(len(line) <= 60 for line in lines)
    assert lines[0].startswith("$ oci-store fs push app:1 --image")
    assert lines[-1].endswith("--dir /srv/images")
    assert "".join(lines).count("…") == 1


def test_a_command_line_of_many_words_is_cut_as_a_whole() -> None:
    lines = plan_words.command_lines("a " * 300 + "b", 60, most=2)
    assert len(lines) == 1
    assert len(lines[0]) == 60
    assert lines[0].endswith("a b")


def test_long_texts_go_on_below_themselves() -> None:
    lines = plan_words.fitted([plan_words.Line("  note", "word " * 30, "dim", "left out")], 60)
    assert len(lines) > 2
    assert all(len(text) <= 60 for text, _ in lines)
    assert all(text.startswith(" " * plan_words.LABEL) for text, _ in lines[1:])
    assert "left out" not in "".join(text for text, _ in lines)
