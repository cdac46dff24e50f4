"""The tabs of one tag."""

from __future__ import annotations

from ocistore_tui.tui.detail.extras import extras_page
from ocistore_tui.tui.detail.history import history_page
from ocistore_tui.tui.detail.layers import layers_page
from ocistore_tui.tui.detail.platforms import platforms_page
from ocistore_tui.tui.detail.subject import Page, Subject
from ocistore_tui.tui.detail.timeline import timeline_page

TABS = (
    ("overview", "Overview"), ("layers", "Layers"), ("history", "Build history"), ("platforms", "Platforms"),
    ("extras", "Extras"), ("timeline", "Timeline"), ("manifest", "Manifest"), ("config", "Config"),
)  # fmt: skip
DOCUMENTS = ("manifest", "config")


def listed(tab: str, subject: Subject, now: float) -> Page:
    """The page of a tab that is a list of its own; the overview and the documents are not.

    Args:
        tab: Its id.
        subject: What is known.
        now: Seconds since 1970.
    """
    if tab == "history":
        return history_page(subject, now)
    if tab == "timeline":
        return timeline_page(subject, now)
    return {"layers": layers_page, "platforms": platforms_page, "extras": extras_page}[tab](subject)
