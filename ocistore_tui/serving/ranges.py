"""Parts of a blob that a client asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re

from ocistore_tui.serving.problem import Problem

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*\Z")


def range_of(text: str, size_bytes: int) -> tuple[int, int] | None:
    """Start and length of the one range that ``text`` asks for.

    Returns:
        None where all is to be sent: nothing that could be understood, or several ranges.

    Raises:
        Problem: the range lies outside.
    """
    found = _RANGE.match(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size_bytes)
        start = size_bytes - length
    else:
        start = int(found[1])
        end = min(int(found[2]), size_bytes - 1) if found[2] else size_bytes - 1
        if found[2] and int(found[2]) < start:
            return None
        length = end - start + 1
    if length <= 0 or start >= size_bytes:
        raise Problem(
            416, "SIZE_INVALID", f"the blob has {size_bytes} bytes", headers={"Content-Range": f"bytes */{size_bytes}"}
        )
    return start, length
