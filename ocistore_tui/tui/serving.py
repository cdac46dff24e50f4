"""The open store as a registry on this computer, for as long as it is open and nobody stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocistore_tui.tui.command_line import serve_line

if TYPE_CHECKING:
    from ocistore_tui.errors import OciStoreError
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.ports import Served
    from ocistore_tui.tui.session import Session

_TOPIC = "serve"
_GRACE_S = 3.0
"""Running requests have so long to finish when the program ends."""


def toggle(app: OcistoreApp, session: Session) -> None:
    """Begin to serve the store, read only, or stop."""
    served = session.served
    if served is not None:
        stop(app, session)
        return

    def started(made: Served) -> None:
        session.served = made
        app.serving_changed()
        app.say(f"docker pull {made.address}/REPOSITORY:TAG works on this computer now; y on a tag copies the line")
        app.log_command(serve_line(session.store, made.address), "serving, read only")

    def failed(error: OciStoreError) -> None:
        app.say(str(error), kind="error", fix=error.fix)

    app.desk.ask(_TOPIC, lambda _: app.stores.serve(session.store), started, failed)


def stop(app: OcistoreApp, session: Session) -> None:
    """Serve no more; running requests may finish meanwhile."""
    served, session.served = session.served, None
    if served is not None:
        app.serving_changed()
        app.desk.ask(f"{_TOPIC} no more", lambda _: served.close(), lambda _: app.say("the store is served no more"))


def end(app: OcistoreApp, session: Session) -> None:
    """The program ends."""
    served, session.served = session.served, None
    if served is not None:
        app.desk.finish(_TOPIC, served.close, within_s=_GRACE_S)
