"""What the palette offers: commands, stores, names that are loaded, settings, and what was typed itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ocistore_tui.errors import OciStoreError, UsageError
from ocistore_tui.model.reference import Reference
from ocistore_tui.model.stores import StoreRow
from ocistore_tui.model.text import inert
from ocistore_tui.tui.commands import AREAS
from ocistore_tui.tui.ports import Preferences
from ocistore_tui.tui.reach import Reachable, below, reachable
from ocistore_tui.tui.settings import change, settings_of

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp
    from ocistore_tui.tui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the palette can do; every text is inert."""

    key: str
    """What it is, for good: ``command:send``."""
    kind: str
    label: str
    act: Callable[[], Awaitable[None]]
    detail: str = ""
    keys: str = ""
    """Comma-separated, as bindings write them."""
    reason: str = ""
    """Why it cannot work now; empty when it can. Chosen all the same, it says so."""
    needle: str = ""
    """What is searched, in lower case."""
    is_kept: bool = True
    """Whether it comes first the next time."""


def command_entries(app: OcistoreApp) -> list[Entry]:
    """The commands of the screen below, in the order of the table."""
    return [_command(app, one) for one in reachable(below(app)) if one.command.id != "palette"]


def _command(app: OcistoreApp, one: Reachable) -> Entry:
    async def act() -> None:
        await app.run_action(one.command.action, one.node)

    area = AREAS[one.command.area].lower()
    return Entry(
        f"command:{one.command.id}", "command", one.command.label, act, one.command.help,
        one.keys.partition(",")[0], inert(one.reason),
        f"{one.command.label} {area} {one.command.help}".lower(),
    )  # fmt: skip


def store_entries(app: OcistoreApp, rows: Sequence[StoreRow]) -> list[Entry]:
    """Saved stores."""

    async def act(row: StoreRow) -> None:
        app.open_store(row)

    return [
        Entry(
            f"store:{row.name}", "store", inert(row.name, limit=60), partial(act, row), inert(row.url, limit=200),
            needle=inert(f"{row.name} {row.url}").lower(),
        )
        for row in rows
    ]  # fmt: skip


def name_entries(app: OcistoreApp) -> list[Entry]:
    """Repositories and tags that are loaded; nothing is asked for."""
    main = app.main_screen
    if main is None:
        return []
    entries: list[Entry] = []
    for node in main.bucket.model.nodes.values():
        shown = inert(node.name)
        act = partial(_go_to_repository, main, node.name)
        entries.append(Entry(f"repository:{node.name}", "repository", shown, act, needle=shown.lower(), is_kept=False))
        for tag in node.tags:
            label = inert(f"{node.name}:{tag}")
            act = partial(_open_tag, main, node.name, tag)
            entries.append(Entry(f"tag:{node.name}:{tag}", "tag", label, act, needle=label.lower(), is_kept=False))
    return entries


async def _go_to_repository(main: MainScreen, name: str) -> None:
    _back_to(main)
    bucket = main.bucket
    main.action_side_bucket()
    bucket.rows_list.move_to((name, None))
    if bucket.rows_list.cursor_key == (name, None):
        if not bucket.model.nodes[name].is_open:
            bucket.action_open()
    else:
        main.app.say(f"the filter hides {name}", kind="warning", fix="Esc clears the filter")


async def _open_tag(main: MainScreen, repository: str, tag: str) -> None:
    _back_to(main)
    main.action_side_bucket()
    main.bucket.rows_list.move_to((repository, tag))
    main.bucket.open_tag(repository, tag)


def typed_entries(app: OcistoreApp, text: str) -> list[Entry]:
    """What was typed, taken as a URL, a saved name, or a tag nobody has listed yet."""
    main = app.main_screen
    if "://" in text or text.startswith("@"):
        return [_address(app, text)]
    if main is None:
        return []
    try:
        reference = Reference.parse(text, default_tag=None)
    except UsageError:
        return []
    if reference.tag is None and reference.digest is None:
        return []

    async def act() -> None:
        from ocistore_tui.tui.screens.detail import DetailScreen

        _back_to(main)
        app.push_screen(DetailScreen(main.session, reference, None))

    return [Entry(f"open:{text}", "open", inert(text), act, "by name, without listing", is_kept=False)]


def _address(app: OcistoreApp, text: str) -> Entry:
    def failed(error: OciStoreError) -> None:
        app.say(str(error), kind="error", fix=error.fix)

    async def act() -> None:
        app.desk.ask("palette", lambda _: app.stores.parse(text.removeprefix("@")), app.open_store, failed)

    return Entry(f"open:{text}", "open", inert(text, limit=200), act, "as a store", is_kept=False)


def setting_entries(app: OcistoreApp) -> list[Entry]:
    """What a person can like another way; only here, for no key is worth it."""
    settings = settings_of(app)

    def turn(name: str, *, value: object) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            change(app, **{name: value})

        return act

    no_color = "NO_COLOR is set" if app.no_color else ""
    entries = [
        Entry(
            f"theme:{name}", "theme", name, turn("theme", value=name), "in use" if name == app.theme else "",
            reason="" if name.startswith("ansi-") else no_color, needle=f"theme colours {name}",
        )
        for name in sorted(app.available_themes, key=lambda name: (not name.startswith("ocistore"), name))
    ]  # fmt: skip
    switches = (
        ("is_ascii", "ASCII signs", "plain characters for signs and borders", settings.is_ascii),
        ("is_compact", "Compact", "no borders round the panes", settings.is_compact),
        ("uses_mouse", "Mouse", "off gives the terminal's own selection back", settings.uses_mouse),
    )
    for name, label, detail, is_on in switches:
        label = f"{label}: turn {'off' if is_on else 'on'}"
        entries.append(
            Entry(f"setting:{name}", "setting", label, turn(name, value=not is_on), detail,
                  needle=f"setting {label} {detail}".lower())
        )  # fmt: skip

    async def export() -> None:
        _export(app)

    reason = "" if isinstance(app.stores, Preferences) else "this machine keeps no texts"
    entries.append(
        Entry("setting:export", "setting", "Export the screen's text", export, "into a file", reason=reason,
              needle="setting export the screen's text screenshot")
    )  # fmt: skip
    return entries


def _export(app: OcistoreApp) -> None:
    stores = app.stores
    if not isinstance(stores, Preferences):
        app.say("this machine keeps no texts", kind="warning")
        return
    text = "\n".join(inert(line, limit=1000).rstrip() for line in _screen_lines(app)) + "\n"
    app.desk.ask(
        "export", lambda _: stores.write_text("screen.txt", text), lambda path: app.say(f"written: {path}"),
        lambda error: app.say(str(error), kind="error", fix=error.fix),
    )  # fmt: skip


def _screen_lines(app: OcistoreApp) -> list[str]:
    width, height = app.size
    strips = app.screen._compositor.render_strips()  # noqa: SLF001 - the only way to what is painted
    return [strip.text for strip in strips[:height]] if width else []


def _back_to(main: MainScreen) -> None:
    app = main.app
    while app.screen is not main and main in app.screen_stack:
        app.pop_screen()
