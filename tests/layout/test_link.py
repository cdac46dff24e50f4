"""Links as others leave them: read where they can be read, told apart where a registry stumbles."""

from __future__ import annotations

import pytest

from ocistore_tui.errors import IntegrityError
from ocistore_tui.layout.link import decode_link, encode_link
from ocistore_tui.model.digest import Digest

D = Digest.of(b"x")
SHA512 = Digest.parse("sha512:" + "a" * 128)


def test_a_link_is_the_bare_digest() -> None:
    raw = encode_link(D)
    assert raw == D.encode()
    assert len(raw) == 71
    link = decode_link(raw, "v1", where="app:1")
    assert (link.digest, link.token, link.flaws) == (D, "v1", ())
    assert decode_link(encode_link(SHA512), "", where="").digest == SHA512


@pytest.mark.parametrize("raw", [b"%s\n", b"%s\r\n", b" %s", b"\t%s \n\n"])
def test_white_space_is_read_and_told(raw: bytes) -> None:
    link = decode_link(raw % D.encode(), "", where="app:1")
    assert link.digest == D
    assert "500" in link.flaws[0]


def test_a_digest_twice_in_a_row_is_read_and_told() -> None:
    raw = D.encode() * 2
    assert len(raw) == 142
    link = decode_link(raw, "", where="app:1")
    assert link.digest == D
    assert "twice" in link.flaws[0]
    assert len(decode_link(raw + b"\n", "", where="").flaws) == 2


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (D.encode()[:-1], "instead of a digest"),
        (D.encode() + b"a", "instead of a digest"),
        (D.encode() + Digest.of(b"y").encode(), "instead of a digest"),
        (D.encode() * 3, "instead of a digest"),
        (D.upper().encode(), "instead of a digest"),
        (b"\xef\xbb\xbf" + D.encode(), "instead of a digest"),
        (b"\xff\x00" * 35, "instead of a digest"),
        (b"sha256:../../../../etc/passwd", "instead of a digest"),
        (b"../../../blobs/sha256/aa/data", "instead of a digest"),
        (b"md5:" + b"a" * 32, "instead of a digest"),
        (b"\x1b]0;owned\x07" * 8, "instead of a digest"),
    ],
)
def test_anything_else_is_one_clear_error(raw: bytes, cause: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_link(raw, "", where="app:1")
    error = caught.value
    assert error.where == "app:1"
    assert cause in error.cause
    assert error.cause.isprintable()
    assert len(error.cause) < 200
    assert error.fix
