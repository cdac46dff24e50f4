"""Outside text made inert: nothing from a bucket or daemon may steer a terminal (ux.md §5)."""

from __future__ import annotations

import re

_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def inert(text: str, *, limit: int = 512) -> str:
    """``text`` with every control, bidirectional, zero-width, tag and surrogate code point replaced by ``�``.

    Args:
        text: Anything that came from outside.
        limit: Longest result in characters; more is cut in the middle with ``…``.
    """
    if len(text) > limit:
        half = (limit - 1) // 2
        text = f"{text[:half]}…{text[len(text) - (limit - 1 - half) :]}"
    return _ACTIVE.sub("�", text)
