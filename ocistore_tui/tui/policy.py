"""The rights this program needs in a store, for whoever grants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.stores import StoreRow

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp


def copy_policy(app: OcistoreApp, row: StoreRow) -> None:
    """Copy the least rights this program needs in a store, as one line."""
    stores = app.stores

    def came(text: str) -> None:
        line = " ".join(part.strip() for part in text.splitlines())
        if line:
            app.copy(line, "policy")
        else:
            app.say("a folder needs no policy", fix="the file rights of this computer count")

    def failed(error: OciStoreError) -> None:
        app.say(str(error), kind="error", fix=error.fix)

    app.desk.ask("store-policy", lambda _: stores.policy(row), came, failed)
