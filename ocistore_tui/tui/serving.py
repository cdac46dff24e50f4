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
    if session.is_to_be_served:
        stop(app, session)
        return
    session.is_to_be_served = True

    def begin() -> None:
        made = app.stores.serve(session.store)
        # Told: the answer to a question that nobody asks any more is dropped, and this one has to be closed then.
        app.desk.tell(lambda: begun(made))

    def begun(made: Served) -> None:
        if not session.is_to_be_served or session.served is not None:
            _close(app, made)
            return
        session.served = made
        app.serving_changed()
        app.say(f"docker pull {made.address}/REPOSITORY:TAG works on this computer now; y on a tag copies the line")
        app.log_command(serve_line(session.store, made.address), "serving, read only")

    def failed(error: OciStoreError) -> None:
        session.is_to_be_served = False
        app.say(str(error), kind="error", fix=error.fix)

    app.desk.ask(_TOPIC, lambda _: begin(), lambda _: None, failed)


def stop(app: OcistoreApp, session: Session) -> None:
    """Serve no more, or do not begin; running requests may finish meanwhile."""
    served, session.served = session.served, None
    if session.is_to_be_served:
        session.is_to_be_served = False
        app.desk.forget(_TOPIC)
    if served is not None:
        app.serving_changed()
        _close(app, served)


def end(app: OcistoreApp, session: Session) -> None:
    """The program ends."""
    served, session.served = session.served, None
    if served is not None and not app.desk.finish(_TOPIC, served.close, within_s=_GRACE_S):
        app.outcome.lines.append("somebody was still pulling from the store that was served: that broke off")


def _close(app: OcistoreApp, served: Served) -> None:
    app.desk.ask(f"{_TOPIC} no more", lambda _: served.close(), lambda _: app.say("the store is served no more"))
