"""Which images are the same on both sides: told by what identifies them."""

from __future__ import annotations

import pytest

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.model.local import LocalRow
from ocistore_tui.tui.rows.compare import Comparison, Sameness


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def image(name: str, *ids: str, platforms: tuple[str, ...] = (), flaw: str = "") -> LocalRow:
    return LocalRow(name, name, ids=frozenset(map(digest, ids)), platforms=platforms, flaw=flaw)


def tag(name: str, *configs: str, missing: int = 0, platforms: tuple[str, ...] = ()) -> TagRow:
    """A tag whose images have these configs; its manifest is called after the tag."""
    return TagRow(
        name, digest=digest(f"manifest of {name}"), image_ids=tuple(map(digest, configs)),
        manifests=(digest(f"manifest of {name}"),), missing=missing, platforms=platforms,
    )  # fmt: skip


@pytest.fixture
def both() -> Comparison:
    comparison = Comparison()
    comparison.is_complete = True
    return comparison


def test_the_same_image_is_the_same_under_any_name(both: Comparison) -> None:
    both.set_tag("platform/api", tag("2.4.1", "config"))
    local = image("mine:latest", "config")
    both.set_local([local])
    assert both.of_local(local) is Sameness.SAME
    assert both.of_tag("platform/api", tag("2.4.1", "config")) is Sameness.SAME
    assert both.stored_as(local) == [("platform/api", "2.4.1")]
    assert both.local_names(tag("2.4.1", "config")) == ["mine:latest"]


def test_an_engine_that_knows_images_by_their_manifest_is_compared_as_well(both: Comparison) -> None:
    both.set_tag("api", tag("1", "config"))
    assert both.of_local(image("api:1", "manifest of 1")) is Sameness.SAME


def test_another_image_under_the_same_name_differs_on_both_sides(both: Comparison) -> None:
    both.set_tag("api", tag("1", "theirs"))
    local = image("registry.example:5000/api:1", "mine")
    both.set_local([local])
    assert both.of_local(local) is Sameness.DIFFERS
    assert both.of_tag("api", tag("1", "theirs")) is Sameness.DIFFERS


def test_what_is_on_one_side_only_says_so(both: Comparison) -> None:
    both.set_tag("api", tag("1", "theirs"))
    local = image("web:1", "mine")
    both.set_local([local])
    assert both.of_local(local) is Sameness.ONLY
    assert both.of_tag("api", tag("1", "theirs")) is Sameness.ONLY


def test_nothing_found_means_nothing_before_all_tags_are_known() -> None:
    comparison = Comparison()
    local = image("web:1", "mine")
    assert comparison.of_local(local) is Sameness.UNKNOWN
    assert not comparison.knows(local, ("web", "1"))
    comparison.set_tag("web", TagRow("1"))
    assert comparison.of_local(local) is Sameness.UNKNOWN, "a name alone says nothing"
    comparison.set_tag("web", TagRow("1", is_gone=True))
    assert comparison.of_local(local) is Sameness.ONLY, "it was looked for and is not there"
    assert comparison.knows(local, ("web", "1"))
    comparison.set_tag("other", tag("9", "mine"))
    assert comparison.of_local(local) is Sameness.SAME, "found elsewhere: no need to know the rest"


def test_an_index_with_absent_platforms_is_partial_unless_a_whole_one_is_stored_too(both: Comparison) -> None:
    both.set_tag("api", tag("1", "config", missing=2))
    local = image("api:1", "config")
    both.set_local([local])
    assert both.of_local(local) is Sameness.PARTIAL
    assert both.of_tag("api", tag("1", "config", missing=2)) is Sameness.PARTIAL
    both.set_tag("backup/api", tag("2", "config"))
    assert both.of_local(local) is Sameness.SAME


def test_a_local_image_of_several_platforms_is_partial_where_one_of_them_is_not_stored(both: Comparison) -> None:
    both.set_tag("api", tag("1", "amd", platforms=("linux/amd64",)))
    two = image("api:1", "amd", "arm", platforms=("linux/amd64", "linux/arm64"))
    assert both.of_local(two) is Sameness.PARTIAL
    both.set_tag("api", tag("1", "amd", "arm", platforms=("linux/amd64", "linux/arm64/v8")))
    assert both.of_local(two) is Sameness.SAME, "a variant that only one side tells is no difference"
    assert both.of_local(image("api:1", "arm", platforms=("linux/arm64",))) is Sameness.SAME


def test_a_moved_tag_is_forgotten_as_what_it_was(both: Comparison) -> None:
    local = image("api:1", "old")
    both.set_local([local])
    both.set_tag("api", tag("1", "old"))
    both.set_tag("api", tag("1", "new"))
    assert both.of_local(local) is Sameness.DIFFERS
    both.drop_tag("api", "1")
    assert both.of_local(local) is Sameness.ONLY
    assert both.tag("api", "1") is None


def test_broken_images_are_compared_with_nothing(both: Comparison) -> None:
    assert both.of_local(image("api:1", flaw="the archive is cut off")) is Sameness.BROKEN
    assert both.of_tag("api", TagRow("1", flaw="the manifest is missing")) is Sameness.BROKEN


def test_without_a_local_side_tags_have_no_sign(both: Comparison) -> None:
    assert both.of_tag("api", tag("1", "config")) is Sameness.NONE
    both.set_local([image("web:1", "x")])
    assert both.of_tag("api", TagRow("1")) is Sameness.UNKNOWN
    both.set_local([])
    assert both.of_tag("api", tag("1", "config")) is Sameness.NONE


def test_its_own_name_comes_first_among_the_places_of_an_image(both: Comparison) -> None:
    both.set_tag("a", tag("1", "config"))
    both.set_tag("api", tag("1", "config"))
    assert both.stored_as(image("api:1", "config")) == [("api", "1"), ("a", "1")]


def test_an_image_whose_name_can_be_no_target_is_only_here(both: Comparison) -> None:
    assert both.of_local(image("", "config")) is Sameness.ONLY
    assert Comparison().of_local(image("", "config")) is Sameness.ONLY
