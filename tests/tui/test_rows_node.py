"""What a repository's tags make together stays true, whatever is learnt of them one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import TagRow
from ocistore_tui.tui.rows.node import Node


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


NAMES = st.sampled_from(["1", "2", "2.1", "latest"])
MOMENTS = st.sampled_from([None, 1.0, 2.0, 3.0])
STUBS = st.builds(lambda name, pushed: TagRow(name, pushed=pushed), NAMES, MOMENTS)
DESCRIBED = st.builds(
    lambda name, pushed, image, blobs: TagRow(
        name, digest=digest(image), pushed=pushed, blobs={digest(blob): 2 ** ord(blob) for blob in {*blobs, image}}
    ),
    NAMES, MOMENTS, st.sampled_from("AB"), st.sets(st.sampled_from("CDE")),
)  # fmt: skip
BROKEN = st.builds(lambda name, pushed: TagRow(name, pushed=pushed, flaw="unreadable"), NAMES, MOMENTS)
ROWS = STUBS | DESCRIBED | BROKEN


def told(node: Node) -> tuple[object, ...]:
    digests = [digest(image) for image in "AB"]
    names = [sorted(node.names_of(one)) for one in digests]
    return node.size_bytes, node.is_described, node.pushed, names, [node.first_name(one) for one in digests]


@given(st.lists(ROWS, max_size=4), st.lists(ROWS | NAMES, max_size=12))
def test_sums_are_those_of_the_tags_there_are(listed: list[TagRow], learnt: list[TagRow | str]) -> None:
    node = Node("api", is_valid=True, lower="api")
    node.take(listed, is_whole=True)
    told(node)
    for one in learnt:
        if isinstance(one, str):
            node.drop(one)
        else:
            node.put(one)
        anew = Node("api", is_valid=True, lower="api", tags=dict(node.tags), is_listed=True)
        assert told(node) == told(anew)


def test_among_several_names_of_one_digest_the_most_exact_one_is_meant() -> None:
    node = Node("api", is_valid=True, lower="api")
    image = digest("image")
    for name in ("latest", "2", "2.4.1", "2.4", "2.4.1.\x1b no registry could serve it"):
        node.put(TagRow(name, digest=image))
        assert node.first_name(image) in node.names_of(image)
    assert node.first_name(image) == "2.4.1"
    assert node.first_name(digest("another")) is None
    assert node.names_of(digest("another")) == ()


def test_what_was_read_of_an_attachment_stays_when_it_is_listed_again() -> None:
    subject = digest("image")
    name = f"sha256-{subject.encoded}.sig"
    read = TagRow(name, digest=digest("signature"), pushed=1.0, subject=subject, extras=("signature",))
    node = Node("api", is_valid=True, lower="api")
    node.take([TagRow(name, pushed=1.0, subject=subject)], is_whole=True)
    node.put(read)
    node.take([TagRow(name, pushed=1.0, subject=subject)], is_whole=True)
    assert list(node.attachments()) == [read]
    node.take([TagRow(name, pushed=2.0, subject=subject)], is_whole=True)
    assert [row.digest for row in node.attachments()] == [None], "it was moved: another signature"
    assert node.take([], is_whole=True) == {name}
