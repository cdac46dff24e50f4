"""What the tabs of one tag say, without a terminal."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import NotFound
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, Inspection, PlatformRow, TimelineRow
from ocistore_tui.model.manifest import Descriptor
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.detail.extras import extras_page
from ocistore_tui.tui.detail.history import history_page
from ocistore_tui.tui.detail.layers import layers_page, uses_of
from ocistore_tui.tui.detail.overview import headline, settings_of
from ocistore_tui.tui.detail.platforms import choosable, holds, platforms_page, preferred
from ocistore_tui.tui.detail.subject import Page, Subject
from ocistore_tui.tui.detail.timeline import timeline_page
from ocistore_tui.tui.rows.unique import Sharing
from ocistore_tui.tui.widgets.tab_strip import place_tabs
from tests.fakes.service import NOW, FakeService
from tests.fakes.stored import make_image


def cells(page: Page) -> list[tuple[str, ...]]:
    return [page.source.row(index).cells for index in range(len(page.source))]


def inspected(service: FakeService, name: str, platform: str | None = None) -> Inspection:
    return service.inspect(Reference.parse(name), platform=Platform.parse(platform) if platform else None)


def image_subject(service: FakeService, name: str) -> Subject:
    root = inspected(service, name)
    return Subject(root=root, images={"": root})


# layers


def test_layers_say_how_large_they_are_and_who_else_holds_them() -> None:
    service = FakeService()
    for repository, tag in (("app", "1"), ("app", "2"), ("other", "1")):
        layers = [("base", 1_000_000), (f"{repository} {tag}", 2_000_000)]
        service.add_tag(repository, tag, make_image(f"{repository}{tag}", layers=layers))
    rows = [(name, row) for name, tags in service.rows.items() for row in tags.values()]
    subject = image_subject(service, "app:1")
    assert subject.image is not None
    assert [row[4:7] for row in cells(layers_page(subject))] == [("…", "…", "…")] * 2

    subject.sharing = Sharing(row for _, row in rows)
    subject.uses = uses_of(subject.image.layers, rows)
    subject.here[""] = {subject.image.layers[0].digest: True}
    subject.unpacked = {layer.digest: 3 * layer.size_bytes for layer in subject.image.layers}
    page = layers_page(subject)
    assert [row[2:] for row in cells(page)] == [
        ("1.0 MB", "3.0 MB", "0 B", "3 tags, 2 repos", "yes", "RUN make base"),
        ("2.0 MB", "6.0 MB", "2.0 MB", "only this tag", "no", "RUN make app 1"),
    ]
    assert page.beneath == (
        "2 layers, 3.0 MB packed, 9.0 MB unpacked. A pull would fetch 1 layer, 2.0 MB: the others are here."
    )
    assert page.brief == "2 layers, 3.0 MB packed; a pull fetches 1 layer, 2.0 MB"


def test_a_layer_that_is_there_twice_is_counted_once() -> None:
    service = FakeService()
    service.add_tag("app", "1", make_image("app", layers=[("empty", 32), ("base", 1000), ("empty", 32)]))
    page = layers_page(image_subject(service, "app:1"))
    assert page.beneath == "3 layers, 1.0 kB packed"
    subject = image_subject(service, "app:1")
    subject.here[""] = {}
    assert layers_page(subject).brief.endswith("a pull fetches 2 layers, 1.0 kB")


def test_an_engine_that_cannot_be_asked_is_no_reason_to_hide_the_layers() -> None:
    service = FakeService()
    service.add_tag("app", "1")
    subject = image_subject(service, "app:1")
    subject.here[""] = None
    subject.unpacked_of.add("")
    page = layers_page(subject)
    assert [column.title for column in page.columns if column.needs < 200] == [
        "#", "DIGEST", "PACKED", "UNPACKED", "UNIQUE", "USED BY", "CREATED BY",
    ]  # fmt: skip
    assert [row[3] for row in cells(page)] == ["-", "-"]
    assert page.beneath == "2 layers, 30 MB packed"


def test_layers_of_what_failed_say_why_and_what_helps() -> None:
    subject = Subject(errors={"root": NotFound("no such tag", where="app:1", fix="list the tags")})
    assert [text for text, _ in layers_page(subject).empty] == ["no such tag (app:1)", "list the tags"]
    assert history_page(subject, NOW).empty[0][0] == "no such tag (app:1)"


# build history


def history(steps: list[dict[str, object]], layers: int = 1) -> Page:
    service = FakeService()
    service.add_tag("app", "1", make_image("app", layers=[(f"l{number}", 1000) for number in range(layers)]))
    root = inspected(service, "app:1")
    config = json.dumps({"os": "linux", "architecture": "amd64", "history": steps}).encode()
    root = replace(root, config=config)
    return history_page(Subject(root=root, images={"": root}), NOW)


def test_steps_without_a_layer_are_told_too() -> None:
    page = history([
        {"created": "2026-11-25T08:46:40Z", "created_by": "/bin/sh -c #(nop) ADD file:x in / "},
        {"created": "1970-01-01T00:00:00Z", "created_by": "ENV A=1", "empty_layer": True, "comment": "buildkit"},
    ])  # fmt: skip
    assert cells(page) == [
        ("1", "1h ago", "1.0 kB", "ADD file:x in /", ""),
        ("2", "1970-01-01", "-", "ENV A=1", "buildkit"),
    ]
    assert page.full[2] == "ENV A=1\n\nbuildkit\n\n1970-01-01T00:00:00Z"


def test_a_history_that_does_not_fit_the_layers_gives_no_step_a_size() -> None:
    page = history([{"created_by": "one"}, {"created_by": "two"}], layers=3)
    assert [row[2] for row in cells(page)] == ["?", "?"]
    assert "do not fit together" in page.beneath


@pytest.mark.parametrize("config", [b"[]", b'{"history": 7}', b'{"history":[{"created_by":[]}]}', b"\xff"])
def test_a_configuration_that_is_none_is_said_to_be_so(config: bytes) -> None:
    service = FakeService()
    service.add_tag("app", "1")
    root = replace(inspected(service, "app:1"), config=config)
    page = history_page(Subject(root=root, images={"": root}), NOW)
    assert "not a readable image configuration" in page.empty[0][0]
    assert settings_of(config) == ()


def test_settings_of_a_configuration_are_told_and_nonsense_is_left_out() -> None:
    config = {"created": "2026", "config": {"Cmd": ["sh", "-c", "a b"], "Entrypoint": {"x": 1}, "User": "root",
              "Env": ["A=1", 7, ["x"]], "Labels": {"k": "v", "n": 1}, "ExposedPorts": {"80/tcp": {}}}}  # fmt: skip
    found = [(fact.label, fact.text) for fact in settings_of(json.dumps(config).encode())]
    assert found == [
        ("created", "2026"), ("command", "sh -c 'a b'"), ("user", "root"), ("port", "80/tcp"), ("env", "A=1"),
        ("label", "k=v"), ("label", "n"),
    ]  # fmt: skip
    dated = settings_of(b'{"created":"2026-11-25T10:28:17.94298078Z"}')
    assert [(fact.label, fact.text) for fact in dated] == [("created", "2026-11-25 10:28 UTC")]
    many = json.dumps({"config": {"Env": [f"A{number}=1" for number in range(5000)]}}).encode()
    assert settings_of(many)[-1].text == "… and 4800 more"
    assert settings_of(b'{"config":{"Env":' + b"[" * 900 + b"]" * 900 + b"}}") == ()


# platforms


def index_with(*rows: PlatformRow) -> Inspection:
    service = FakeService()
    service.add_tag("app", "1", make_image("app", platforms=("linux/amd64", "linux/arm64")))
    return replace(inspected(service, "app:1"), platforms=rows)


def platform_row(name: str, *, is_stored: bool = True, attests: bool = False) -> PlatformRow:
    os_name, _, architecture = name.partition("/")
    descriptor = Descriptor(
        digest=Digest.of(name.encode()), size=10, platform=Platform(os=os_name, architecture=architecture),
        annotations={"vnd.docker.reference.type": "attestation-manifest"} if attests else None,
    )  # fmt: skip
    return PlatformRow("attestation" if attests else name, descriptor, is_stored)


def test_attestations_are_no_platforms_to_choose() -> None:
    root = index_with(
        platform_row("linux/s390x"), platform_row("linux/amd64"), platform_row("linux/arm64", is_stored=False),
        platform_row("unknown/unknown", attests=True), platform_row("linux/"), platform_row("a/b/c/d"),
    )  # fmt: skip
    assert choosable(root) == ("linux/s390x", "linux/amd64")
    assert holds(root) == "5 platforms and 1 attestation"
    page = platforms_page(Subject(root=root, platforms=choosable(root), platform="linux/amd64"))
    assert [row[3] for row in cells(page)][:3] == ["yes", "yes, shown in the other tabs", "no: only its name is known"]


def test_the_platform_of_this_machine_comes_first() -> None:
    assert preferred(["windows/amd64", str(Platform.host())]) == str(Platform.host())
    assert preferred(["plan9/mips"]) == "plan9/mips"
    assert preferred([]) == ""


def test_an_index_of_which_nothing_is_stored_says_so_in_every_tab() -> None:
    root = index_with(platform_row("linux/amd64", is_stored=False))
    subject = Subject(root=root)
    assert layers_page(subject).empty == (("no platform of this index can be looked at", "warn"),)
    assert history_page(subject, NOW).empty == layers_page(subject).empty
    assert headline(subject).startswith("index, 1 platform, ")


# extras and timeline


def test_attachments_are_a_tree_and_signatures_are_not_called_valid() -> None:
    of = Digest.of(b"image")
    rows = (
        AttachmentRow("sbom", Digest.of(b"1"), "application/spdx+json", 2000, "subject", of),
        AttachmentRow("signature", Digest.of(b"2"), "cosign", 300, "sha256-1.sig", of, depth=1),
        AttachmentRow("other", Digest.of(b"3"), "x", 1, "subject", of, depth=9_000, flaw="the manifest is missing"),
    )
    page = extras_page(Subject(attachments=rows))
    shown = cells(page)
    assert [row[0] for row in shown] == ["sbom", "  signature", "            other"]
    assert shown[1][4] == "present, not verified   cosign"
    assert shown[2][4] == "the manifest is missing"
    assert page.beneath == "3 attachments; signature present, not verified"


def test_a_timeline_tells_moments_digests_and_what_each_brought() -> None:
    rows = (
        TimelineRow(Digest.of(b"new"), NOW - 7200, True, "image", 3_000_000, 1_000_000, flaw="partial"),
        TimelineRow(Digest.of(b"gone"), None, False, flaw="the manifest is missing"),
    )
    page = timeline_page(Subject(timeline=rows), NOW)
    assert [row[:2] + row[3:] for row in cells(page)] == [
        ("2h ago", "2026-11-25 07:46 UTC", "3.0 MB", "1.0 MB", "now   partial"),
        ("-", "", "-", "-", "the manifest is missing"),
    ]
    assert page.source.key(0) == Digest.of(b"new")


# the line of tabs

TABS = [("a", "Overview"), ("b", "Layers"), ("c", "Build history"), ("d", "Timeline")]


def test_tabs_have_gaps_where_there_is_room_and_none_where_there_is_not() -> None:
    wide = place_tabs(TABS, "a", 80)
    assert [(tab.start, tab.end) for tab in wide] == [(0, 10), (11, 19), (20, 35), (36, 46)]
    assert [(tab.start, tab.end) for tab in place_tabs(TABS, "a", 43)] == [(0, 10), (10, 18), (18, 33), (33, 43)]


@pytest.mark.parametrize("width", range(17, 43))
@pytest.mark.parametrize("current", "abcd")
def test_the_chosen_tab_is_on_the_line_however_short_it_is(current: str, width: int) -> None:
    placed = place_tabs(TABS, current, width)
    assert current in [tab.id for tab in placed]
    is_cut_right = placed[-1].id != "d"
    assert placed[-1].end + is_cut_right <= width
    assert placed[0].start == (placed[0].id != "a")
