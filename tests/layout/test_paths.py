"""Every key and its inverse: what is built parses back, and nothing else parses."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocistore_tui.layout import paths
from ocistore_tui.layout.paths import Kind, ParsedKey
from ocistore_tui.model.digest import Digest

HEX = "0123456789abcdef"
D = Digest.of(b"")
V2 = "docker/registry/v2"

digests = st.one_of(
    *(
        st.text(HEX, min_size=length, max_size=length).map(lambda text, name=name: Digest.parse(f"{name}:{text}"))
        for name, length in (("sha256", 64), ("sha384", 96), ("sha512", 128))
    )
)
component = st.from_regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", fullmatch=True)
repositories = st.lists(component, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


def build(parsed: ParsedKey) -> str:
    """The key of what a key was parsed to."""
    name, tag, digest = parsed.repository, parsed.tag, parsed.digest
    if parsed.kind is Kind.TAG_CURRENT:
        return paths.tag_current(name, tag)
    assert digest is not None
    if parsed.kind is Kind.BLOB:
        return paths.blob(digest)
    if parsed.kind is Kind.LAYER_LINK:
        return paths.layer_link(name, digest)
    if parsed.kind is Kind.REVISION_LINK:
        return paths.revision_link(name, digest)
    return paths.tag_index(name, tag, digest)


@given(repositories, tags, digests)
@example("current", "current", D)
@example("blobs/index/revisions", "index", D)
@example("a/data/link", "link", D)
def test_what_is_built_parses_back(name: str, tag: str, digest: Digest) -> None:
    for parsed in (
        ParsedKey(Kind.BLOB, digest=digest),
        ParsedKey(Kind.LAYER_LINK, name, digest=digest),
        ParsedKey(Kind.REVISION_LINK, name, digest=digest),
        ParsedKey(Kind.TAG_CURRENT, name, tag),
        ParsedKey(Kind.TAG_INDEX, name, tag, digest),
    ):
        assert paths.parse(build(parsed)) == parsed


@given(
    st.lists(
        st.sampled_from(
            ["docker/registry/v2", "blobs", "repositories", "_layers", "_manifests", "revisions", "tags", "current",
             "index", "link", "data", "sha256", "sha512", "00", "e3", D.encoded, "a", "_a", "", "..", "_uploads", "\n"]
        ),
        max_size=12,
    ).map("/".join)
)  # fmt: skip
def test_whatever_parses_is_exactly_what_would_be_built(key: str) -> None:
    parsed = paths.parse(key)
    if parsed is not None and parsed.kind is not Kind.UPLOAD:
        assert build(parsed) == key


def test_the_keys_are_the_registry_s_own() -> None:
    hex_text = D.encoded
    assert paths.blob(D) == f"{V2}/blobs/sha256/e3/{hex_text}/data"
    assert paths.layer_link("a/b", D) == f"{V2}/repositories/a/b/_layers/sha256/{hex_text}/link"
    assert paths.revision_link("a/b", D) == f"{V2}/repositories/a/b/_manifests/revisions/sha256/{hex_text}/link"
    assert paths.tag_current("a/b", "1.0") == f"{V2}/repositories/a/b/_manifests/tags/1.0/current/link"
    assert paths.tag_index("a/b", "1.0", D) == f"{V2}/repositories/a/b/_manifests/tags/1.0/index/sha256/{hex_text}/link"
    upload = f"{V2}/repositories/a/b/_uploads/3f8e/hashstates/sha256/0"
    assert paths.parse(upload) == ParsedKey(Kind.UPLOAD, "a/b")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "docker",
        f"{V2}/blobs/sha256/e3/{D.encoded}",
        f"{V2}/blobs/sha256/e4/{D.encoded}/data",
        f"{V2}/blobs/sha256/e3/{D.encoded}/data/",
        f"{V2}/blobs/sha256/e3/{D.encoded}/data\n",
        f"{V2}/blobs/sha256/E3/{D.encoded.upper()}/data",
        f"{V2}/blobs/sha256/e3/{D.encoded[:-1]}/data",
        f"{V2}/blobs/sha512/e3/{D.encoded}/data",
        f"{V2}/blobs/md5/e3/{D.encoded}/data",
        f"/{V2}/blobs/sha256/e3/{D.encoded}/data",
        f"{V2}/repositories/_layers/sha256/{D.encoded}/link",
        f"{V2}/repositories//_layers/sha256/{D.encoded}/link",
        f"{V2}/repositories/a//b/_layers/sha256/{D.encoded}/link",
        f"{V2}/repositories/a/_layers/sha256/{D.encoded}/link.3f8e.tmp",
        f"{V2}/repositories/a/_layers/sha256/../link",
        f"{V2}/repositories/_trash/a/_layers/sha256/{D.encoded}/link",
        f"{V2}/repositories/a/_tmp-1/_manifests/tags/1/current/link",
        f"{V2}/repositories/a/_manifests/tags/.DS_Store",
        f"{V2}/repositories/a/_manifests/tags/1/current",
        f"{V2}/repositories/a/_manifests/tags/1/x/current/link",
        f"{V2}/repositories/a/_manifests/tags/",
        f"{V2}/repositories/a/_uploads/3f8e",
        f"{V2}/repositories/a/data",
    ],
)
def test_anything_else_is_none_of_ours(key: str) -> None:
    assert paths.parse(key) is None
