"""What only one digest holds, and what deleting several would free."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.tui.rows.unique import Sharing


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def tag(name: str, of: str, **blobs: int) -> TagRow:
    """A tag of the image ``of`` with these blobs; its manifest has one byte."""
    sizes = {digest(blob): size for blob, size in blobs.items()} | {digest(of): 1}
    return TagRow(name, digest=digest(of), blobs=sizes, size_bytes=sum(sizes.values()))


def test_a_blob_two_images_share_is_unique_to_neither_but_freed_with_both() -> None:
    sharing = Sharing([tag("1", "one", base=100, a=10), tag("2", "two", base=100, b=20)])
    assert sharing.unique_bytes(digest("one")) == 11
    assert sharing.unique_bytes(digest("two")) == 21
    assert sharing.freed_bytes([digest("one"), digest("two")]) == 132, "the shared base goes with the last of them"
    assert sharing.total_bytes == 132
    assert sharing.users(digest("base")) == 2
    assert sharing.users(digest("a")) == 1
    assert sharing.users(digest("of nobody")) == 0


def test_two_tags_of_one_digest_count_once() -> None:
    sharing = Sharing([tag("1", "one", base=100), tag("latest", "one", base=100)])
    assert sharing.unique_bytes(digest("one")) == 101
    assert sharing.total_bytes == 101


def test_a_third_holder_keeps_the_blob() -> None:
    rows = [tag("1", "one", base=100), tag("2", "two", base=100), tag("3", "three", base=100)]
    assert Sharing(rows).freed_bytes([digest("one"), digest("two")]) == 2


def test_what_is_not_described_counts_nothing() -> None:
    sharing = Sharing([TagRow("stub"), TagRow("broken", flaw="gone")])
    assert sharing.total_bytes == 0
    assert sharing.unique_bytes(digest("unknown")) == 0


IMAGES = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("uvwxyz")), max_size=6)


@given(IMAGES, st.sets(st.sampled_from("abcdef")))
def test_what_is_freed_is_the_total_less_what_the_others_hold(images: dict[str, set[str]], gone: set[str]) -> None:
    rows = [tag(name, name, **{blob: 2 ** (ord(blob) - ord("u")) for blob in blobs}) for name, blobs in images.items()]
    kept = [row for row in rows if row.name not in gone]
    freed = Sharing(rows).freed_bytes(row.digest for row in rows if row.name in gone and row.digest)
    assert freed == Sharing(rows).total_bytes - Sharing(kept).total_bytes
