"""Rows of the right list: what is known, and nothing that is not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import AccessDenied
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositoryRow, RepositorySummary, TagRow
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.bucket import BucketRows
from ocistore_tui.tui.rows.compare import Comparison
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.order import Order

NOW = 1_700_000_000.0


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def tag(
    name: str, of: str = "", *, age_s: float = 0, platforms: tuple[str, ...] = ("linux/amd64",), **blobs: int
) -> TagRow:
    """A described tag of the image ``of`` (its name where there is none); its manifest has one byte."""
    root = digest(of or name)
    sizes = {digest(blob): size for blob, size in blobs.items()} | {root: 1}
    return TagRow(
        name, digest=root, size_bytes=sum(sizes.values()), pushed=NOW - age_s, platforms=platforms,
        kind="image" if len(platforms) < 2 else "index", manifests=(root,), blobs=sizes,
        image_ids=(digest(f"config of {of or name}"),),
    )  # fmt: skip


def stub(name: str, age_s: float = 0) -> TagRow:
    return TagRow(name, pushed=NOW - age_s)


def attachment(suffix: str, to: str) -> TagRow:
    subject = digest(to)
    return TagRow(f"sha256-{subject.encoded}{suffix}", kind="artifact", subject=subject)


def a_bucket(**repositories: list[TagRow]) -> BucketRows:
    """These repositories, unfolded, with all their tags."""
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories(RepositoryRow(name, True) for name in repositories)
    for name, tags in repositories.items():
        rows.add_stubs(name, tags, is_whole=True)
        rows.fold(name, is_open=True)
    rows.is_whole = True
    return rows


def shown(rows: BucketRows) -> list[str]:
    """The list as one reads it: ``repository`` or ``  tag``."""
    keys = [rows.key(index) for index in range(len(rows))]
    return [name if tag is None else f"  {tag}" for name, tag in keys]


def cells(rows: BucketRows, repository: str, tag_name: str | None) -> tuple[str, ...]:
    index = rows.index((repository, tag_name))
    assert index is not None
    return rows.row(index).cells


def refilter(rows: BucketRows, text: str) -> list[str]:
    rows.filter = Filter(text)
    rows.rebuild()
    return shown(rows)


def reorder(rows: BucketRows, by: str, *, reverse: bool = False) -> list[str]:
    rows.order = Order(by, reverse)
    rows.rebuild()
    return shown(rows)


# the tree


def test_repositories_come_as_they_are_found_and_tags_below_them_when_unfolded() -> None:
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories([RepositoryRow("api", True), RepositoryRow("web", True)])
    assert shown(rows) == ["api", "web"]
    rows.fold("api", is_open=True)
    assert shown(rows) == ["api", "  ", "web"], "a line says that the tags are being listed"
    assert "listing" in rows.row(1).cells[0]
    rows.add_stubs("api", [stub("1", 60)], is_whole=False)
    assert shown(rows) == ["api", "  1", "  ", "web"]
    rows.add_stubs("api", [stub("1", 60), stub("2")], is_whole=True)
    assert shown(rows) == ["api", "  2", "  1", "web"]
    rows.fold("api", is_open=False)
    assert shown(rows) == ["api", "web"]
    assert rows.index(("api", "2")) == 0, "a folded tag is where its repository is"


def test_the_mock_of_the_design_is_what_one_sees() -> None:
    rows = a_bucket(api=[
        tag("2.4.1", "new", age_s=7200, platforms=("linux/amd64", "linux/arm64"), base=270_000_000, app=41_000_000),
        tag("latest", "new", age_s=7200, platforms=("linux/amd64", "linux/arm64"), base=270_000_000, app=41_000_000),
        tag("2.4.0", "old", age_s=6 * 86400, base=270_000_000, before=35_000_000),
        attachment(".sig", "new"), attachment(".sbom", "new"), attachment(".att", "new"), attachment(".sig", "old"),
    ])  # fmt: skip
    rows.is_complete = True
    assert shown(rows) == ["api", "  2.4.1", "  latest", "  2.4.0"], "attachments are folded into their image"
    assert cells(rows, "api", None)[0] == "▾ api  3 tags"
    assert cells(rows, "api", None)[2:] == ("346 MB", "2h")
    assert cells(rows, "api", "2.4.1") == ("    2.4.1", "41 MB", "311 MB", "2h", "2", "S B P")
    assert cells(rows, "api", "latest") == ("    latest", "= 2.4.1", "311 MB", "2h", "2", "S B P")
    assert cells(rows, "api", "2.4.0") == ("    2.4.0", "35 MB", "305 MB", "6d", "amd64", "S")


def test_what_is_not_known_is_an_ellipsis_and_never_a_wrong_number() -> None:
    rows = a_bucket(api=[stub("1"), tag("2", base=1000)])
    assert cells(rows, "api", "1")[1:3] == ("…", "…")
    assert cells(rows, "api", "2")[1] == "…", "what is unique is known when all is"
    assert cells(rows, "api", None)[2] == "≥1.0 kB"
    rows.set_tag("api", tag("1", base=1000))
    rows.is_complete = True
    assert cells(rows, "api", "2")[1] == "1 B", "the base is shared"
    assert cells(rows, "api", None)[2] == "1.0 kB"


def test_a_summary_tells_what_a_folded_repository_holds() -> None:
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories([RepositoryRow("api", True), RepositoryRow("big", True)])
    rows.set_summary(RepositorySummary("api", 14, is_whole=True, pushed=NOW - 7200))
    rows.set_summary(RepositorySummary("big", 1000, is_whole=False))
    rows.set_summary(RepositorySummary("gone", 1, is_whole=True))
    assert cells(rows, "api", None) == ("▸ api  14 tags", "", "", "2h")
    assert cells(rows, "big", None)[0] == "▸ big  over 1 000 tags"


def test_invalid_names_and_denied_repositories_keep_their_row_and_say_so() -> None:
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories([RepositoryRow("bad\x1b[31mname", False), RepositoryRow("secret", True)])
    rows.fold("secret", is_open=True)
    rows.set_failure("secret", AccessDenied("listing is denied", where="s3://b", cause="no", fix="ask"))
    first, second = rows.row(0), rows.row(1)
    assert (first.sign, first.cells[0]) == ("!", "▸ bad�[31mname (invalid name)")
    assert second.sign == "!"
    assert "listing is denied" in second.cells[0]
    assert len(rows) == 2, "nothing is being listed any more"


def test_a_broken_tag_and_an_invalid_one_are_marked_as_such() -> None:
    rows = a_bucket(api=[TagRow("1", flaw="the manifest is missing"), TagRow("-bad", flaw="unreadable")])
    signs = {rows.key(index)[1]: rows.row(index).sign for index in range(1, 3)}
    assert signs == {"1": "!", "-bad": "!"}
    assert "(invalid name)" in cells(rows, "api", "-bad")[0]


# order


def test_tags_are_sorted_within_their_repository_and_all_together_when_flat() -> None:
    rows = a_bucket(
        web=[tag("1.10", "w10", age_s=10, w=10), tag("1.9", "w9", age_s=20, w2=5000)],
        api=[tag("2", "a2", age_s=15, a=100)],
    )
    assert shown(rows) == ["web", "  1.10", "  1.9", "api", "  2"]
    assert reorder(rows, "name") == ["api", "  2", "web", "  1.9", "  1.10"]
    assert reorder(rows, "name", reverse=True) == ["web", "  1.10", "  1.9", "api", "  2"]
    assert reorder(rows, "size") == ["web", "  1.9", "  1.10", "api", "  2"]
    rows.is_flat = True
    assert reorder(rows, "pushed") == ["  1.10", "  2", "  1.9"]
    assert reorder(rows, "size") == ["  1.9", "  2", "  1.10"]
    assert reorder(rows, "name") == ["  2", "  1.9", "  1.10"]
    assert rows.row(0).cells[0] == "api:2"


def test_repositories_go_by_name_until_all_of_them_were_looked_at() -> None:
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories([RepositoryRow("old", True), RepositoryRow("api", True), RepositoryRow("new", True)])
    rows.set_summary(RepositorySummary("new", 1, is_whole=True, pushed=NOW))
    rows.set_summary(RepositorySummary("old", 1, is_whole=True, pushed=NOW - 1000))
    rows.is_whole = True
    assert shown(rows) == ["api", "new", "old"]
    rows.set_summary(RepositorySummary("api", 1, is_whole=True, pushed=NOW - 500))
    assert shown(rows) == ["new", "api", "old"]


# filter


def test_the_filter_shows_tags_that_match_also_of_folded_repositories() -> None:
    rows = a_bucket(api=[stub("2.4", 1), stub("2.5")], web=[stub("2.4"), stub("3.0", 2)], base=[stub("12")])
    rows.fold("web", is_open=False)
    assert refilter(rows, "2.4") == ["api", "  2.4", "web", "  2.4"]
    assert refilter(rows, "web") == ["web"], "a repository that matches by itself stays folded"
    assert refilter(rows, "api !2.4") == ["api", "  2.5"]
    assert refilter(rows, "web:3") == ["web", "  3.0"]
    assert refilter(rows, "cheese") == []
    assert refilter(rows, "") == ["api", "  2.5", "  2.4", "web", "base", "  12"]


def test_fields_ask_what_is_known_of_tags() -> None:
    rows = a_bucket(
        api=[
            tag("1", "one", age_s=40 * 86400, base=600_000_000), tag("2", "two", base=600_000_000),
            attachment(".sbom", "two"),
        ],
        web=[tag("1", "web", app=5), stub("unknown")],
    )  # fmt: skip
    rows.is_complete = True
    assert refilter(rows, "size>500MB") == ["api", "  2", "  1"]
    assert refilter(rows, "size>500MB age>30d") == ["api", "  1"]
    assert refilter(rows, "has:sbom") == ["api", "  2"]
    assert refilter(rows, "unique>3") == ["web", "  1"]
    assert refilter(rows, f"digest:{digest('one').encoded[:8]}") == ["api", "  1"]
    assert refilter(rows, f"digest:{digest('config of web').encoded[:8]}") == ["web", "  1"], "image ids as well"
    rows.marks.toggle(("web", "1"))
    assert refilter(rows, "is:marked") == ["web", "  1"]


def test_what_a_late_answer_tells_is_filtered_too() -> None:
    rows = a_bucket(api=[stub("1"), stub("2")])
    assert refilter(rows, "size>1kB") == []
    rows.set_tag("api", tag("2", big=5000))
    assert shown(rows) == ["api", "  2"]


# attachments


def test_a_dot_shows_what_is_attached_below_its_image_once() -> None:
    rows = a_bucket(api=[
        tag("1", "one", age_s=5), tag("latest", "one", age_s=6), tag("2", "two", age_s=9),
        attachment(".sig", "one"), attachment("", "two"), attachment(".sig", "an image nobody tags"),
    ])  # fmt: skip
    rows.shows_hidden = True
    rows.rebuild()
    names = shown(rows)
    assert names[:4] == ["api", "  1", f"  {attachment('.sig', 'one').name}", "  latest"]
    assert names[4:] == [
        "  2", f"  {attachment('', 'two').name}", f"  {attachment('.sig', 'an image nobody tags').name}"
    ]  # fmt: skip
    assert len(set(names)) == len(names), "no line is there twice: the cursor would jump"
    assert rows.row(2).cells[0].strip().startswith("signature")
    assert rows.tag(rows.key(2)) == attachment(".sig", "one")


# marks


def test_a_marked_repository_covers_its_tags_until_one_is_unmarked() -> None:
    rows = a_bucket(api=[stub("1", 3), stub("2", 2), stub("3", 1)], web=[stub("1", 50)])
    rows.marks.toggle(("api", None))
    marked = [rows.row(index).is_marked for index in range(len(rows))]
    assert marked == [True, True, True, True, False, False]
    assert rows.chosen(None) == [("api", "1"), ("api", "2"), ("api", "3")]
    rows.marks.toggle(("api", "2"))
    assert rows.chosen(None) == [("api", "1"), ("api", "3")]
    assert [rows.row(index).is_marked for index in range(4)] == [True, True, False, True]
    assert rows.row(0).mark == "-", "some of them"
    rows.marks.toggle(("api", "2"))
    assert rows.row(0).mark == "*", "all of them again"
    rows.marks.toggle(("api", None))
    rows.marks.toggle(("api", None))
    assert not len(rows.marks)


def test_inversion_within_a_marked_repository_leaves_nothing() -> None:
    rows = a_bucket(api=[stub("1"), stub("2")])
    rows.marks.toggle(("api", None))
    rows.marks.invert(rows.shown_keys())
    assert rows.chosen(None) == []
    assert not len(rows.marks)


def test_marks_survive_filter_order_and_late_answers_and_are_counted_when_hidden() -> None:
    rows = a_bucket(api=[stub("1"), stub("2")], web=[stub("1")])
    rows.marks.add([("api", "1"), ("web", "1")])
    refilter(rows, "api")
    assert rows.hidden_marks == 1
    rows.set_tag("api", tag("1"))
    reorder(rows, "name")
    refilter(rows, "")
    assert rows.hidden_marks == 0
    assert rows.marks.listed() == [("api", "1"), ("web", "1")]


def test_marks_go_with_what_they_marked() -> None:
    rows = a_bucket(api=[stub("1"), stub("2")], web=[stub("1")], base=[stub("1")])
    rows.marks.add([("api", "1"), ("api", "2"), ("web", "1"), ("base", None)])
    rows.set_tag("api", TagRow("1", is_gone=True))
    assert rows.marks.listed() == [("api", "2"), ("web", "1"), ("base", None)]
    rows.add_stubs("web", [stub("9")], is_whole=True)
    assert rows.marks.listed() == [("api", "2"), ("base", None)]
    rows.keep_only({"api", "web"})
    assert rows.marks.listed() == [("api", "2")]
    assert shown(rows) == ["api", "  2", "web", "  9"]


def test_without_marks_a_command_is_about_the_row_under_the_cursor() -> None:
    rows = a_bucket(api=[stub("1"), stub("2")])
    assert rows.chosen(("api", "1")) == [("api", "1")]
    assert rows.chosen(("api", None)) == [("api", "1"), ("api", "2")]
    assert rows.chosen(("gone", "1")) == []
    assert rows.chosen(None) == []


def test_a_marked_repository_whose_tags_are_not_known_is_told() -> None:
    rows = BucketRows(Comparison(), Glyphs(), lambda: NOW)
    rows.add_repositories([RepositoryRow("api", True)])
    rows.marks.toggle(("api", None))
    assert rows.unlisted(None) == ["api"]
    rows.add_stubs("api", [stub("1")], is_whole=True)
    assert rows.unlisted(None) == []
    assert rows.chosen(None) == [("api", "1")]


# what changes


def test_what_is_known_of_a_tag_stays_until_the_tag_was_moved() -> None:
    known = tag("1", "one", age_s=100, base=1000)
    rows = a_bucket(api=[known])
    rows.add_stubs("api", [stub("1", 100)], is_whole=True)
    assert rows.tag(("api", "1")) == known
    rows.add_stubs("api", [stub("1", 5)], is_whole=True)
    assert rows.tag(("api", "1")) == stub("1", 5), "it names another image now"
    assert cells(rows, "api", "1")[2] == "…"


def test_a_moved_tag_is_no_alias_any_more() -> None:
    rows = a_bucket(api=[tag("2.4.1", "one"), tag("latest", "one")])
    assert cells(rows, "api", "latest")[1] == "= 2.4.1"
    rows.set_tag("api", tag("latest", "two"))
    rows.is_complete = True
    assert cells(rows, "api", "latest")[1] == "1 B"


def test_sums_follow_what_is_learnt() -> None:
    rows = a_bucket(api=[tag("1", "one", a=1000, age_s=50), tag("2", "two", b=2000, age_s=90)])
    assert cells(rows, "api", None)[2:] == ("3.0 kB", "50s")
    rows.set_tag("api", TagRow("1", is_gone=True))
    assert cells(rows, "api", None)[2:] == ("2.0 kB", "1m")
    rows.set_tag("api", tag("3", "three", b=2000, c=7000, age_s=0))
    assert cells(rows, "api", None)[2:] == ("9.0 kB", "0s")


def test_rows_of_nothing_known_are_ignored() -> None:
    rows = a_bucket(api=[stub("1")])
    rows.set_tag("gone", tag("1"))
    rows.add_stubs("gone", [stub("1")], is_whole=True)
    rows.fold("gone", is_open=True)
    rows.set_failure("gone", AccessDenied("x", where="y"))
    assert shown(rows) == ["api", "  1"]
    assert rows.index(("gone", "1")) is None
    assert rows.index("nonsense") is None


def test_nothing_is_rebuilt_until_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = a_bucket(api=[stub(str(number)) for number in range(50)])
    built = 0
    before = rows._tree_keys

    def counted() -> list[tuple[str, str | None]]:
        nonlocal built
        built += 1
        return before()

    monkeypatch.setattr(rows, "_tree_keys", counted)
    rows.add_repositories(RepositoryRow(f"more-{number}", True) for number in range(1000))
    for number in range(50):
        rows.set_tag("api", replace(tag(str(number)), pushed=NOW))
    assert built == 0
    assert len(rows) == 1051
    rows.row(7), rows.index(("api", "7")), len(rows)
    assert built == 1
    rows.set_tag("api", tag("7", x=5))
    len(rows)
    assert built == 1, "a detail of a line moves none"
