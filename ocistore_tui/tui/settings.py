"""What a person likes: theme, signs, density, mouse, keys of their own. Kept here, read once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from ocistore_tui.errors import OciStoreError
from ocistore_tui.tui.commands import BY_ID
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.ports import Preferences

if TYPE_CHECKING:
    from ocistore_tui.tui.app import OcistoreApp

_MAX_RECENT = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """Every field has a usable default; what cannot be understood is as if it were not there."""

    theme: str = ""
    """A theme's name; empty: the usual one."""
    is_ascii: bool = False
    """Plain signs, whatever the terminal can show."""
    is_compact: bool = False
    """Fewer lines round the panes."""
    uses_mouse: bool = True
    """False gives the terminal's own selection back."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Command id to keys, comma-separated."""
    recent: tuple[str, ...] = ()
    """What the palette did last, newest first."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From what was kept; anything may be in there."""
        usual = cls()

        def flag(name: str) -> bool:
            value = told.get(name)
            return value if isinstance(value, bool) else bool(getattr(usual, name))

        theme, keymap, recent = told.get("theme"), told.get("keymap"), told.get("recent")
        return cls(
            theme=theme if isinstance(theme, str) else "",
            is_ascii=flag("is_ascii"),
            is_compact=flag("is_compact"),
            uses_mouse=flag("uses_mouse"),
            keymap={
                name: keys
                for name, keys in (keymap if isinstance(keymap, Mapping) else {}).items()
                if name in BY_ID and isinstance(keys, str) and keys
            },
            recent=tuple(one for one in (recent if isinstance(recent, list | tuple) else ()) if isinstance(one, str))[
                :_MAX_RECENT
            ],
        )

    def told(self) -> dict[str, Any]:
        """To be kept: only what is not usual, in values JSON and TOML have."""
        usual = asdict(type(self)())
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in values.items() if value != usual[name] and value != []}

    def used(self, entry: str) -> Self:
        """With one entry of the palette in front of the others."""
        kept = [one for one in self.recent if one != entry]
        return replace(self, recent=(entry, *kept)[:_MAX_RECENT])


_current: WeakKeyDictionary[OcistoreApp, Settings] = WeakKeyDictionary()
_writing = Lock()


def settings_of(app: OcistoreApp) -> Settings:
    """The settings of a running application."""
    return _current.get(app) or Settings()


def load(app: OcistoreApp) -> None:
    """Read what was kept and make it so, before anything is painted: nothing changes its colour a moment later.

    The command line outweighs what was kept.
    """
    settings = Settings()
    if isinstance(app.stores, Preferences):
        try:
            settings = Settings.of(app.stores.settings())
        except OciStoreError as error:
            app.say(str(error), kind="warning", fix=error.fix)
    _current[app] = settings
    if settings.theme in app.available_themes and not app.opening.theme and not app.no_color:
        app.theme = settings.theme
    app.glyphs = Glyphs.for_terminal(forced_ascii=settings.is_ascii or app.opening.ascii)
    app.set_class(settings.is_compact, "-compact")
    if settings.keymap:
        app.set_keymap(dict(settings.keymap))
    if not settings.uses_mouse:
        use_mouse(app, is_on=False)


def change(app: OcistoreApp, **changes: Any) -> Settings:
    """Change settings, show the change, and keep it."""
    before = settings_of(app)
    settings = _current[app] = replace(before, **changes)
    if settings.theme != before.theme and settings.theme in app.available_themes:
        app.theme = settings.theme
    if settings.is_ascii != before.is_ascii:
        app.glyphs = Glyphs.for_terminal(forced_ascii=settings.is_ascii)
        app.open_store(app.session.store, place=app.session.place)  # rows hold the signs they were painted with
    app.set_class(settings.is_compact, "-compact")
    if settings.uses_mouse != before.uses_mouse:
        use_mouse(app, is_on=settings.uses_mouse)
    keep(app)
    return settings


def keep(app: OcistoreApp) -> None:
    """Have the settings kept; that they cannot be is said, and changes nothing else."""
    stores = app.stores
    if not isinstance(stores, Preferences):
        return

    def write() -> None:
        with _writing:  # two changes may come at once; whoever is the last to write has the newest
            stores.keep_settings(settings_of(app).told())

    app.desk.ask(
        "settings", lambda _: write(), lambda _: None, lambda error: app.say(str(error), kind="warning", fix=error.fix)
    )


def note_used(app: OcistoreApp, entry: str) -> None:
    """Remember what the palette did."""
    _current[app] = settings_of(app).used(entry)
    keep(app)


def use_mouse(app: OcistoreApp, *, is_on: bool) -> None:
    """Take the mouse, or leave it to the terminal. Textual decides this once; its drivers can do it at any time."""
    driver = app._driver  # noqa: SLF001 - there is no public way
    turn = getattr(driver, "_enable_mouse_support" if is_on else "_disable_mouse_support", None)
    if driver is None or turn is None:
        return
    driver._mouse = True  # noqa: SLF001 - without it the driver does neither
    turn()
    driver._mouse = is_on  # noqa: SLF001 - and this is what it does after a stop with Ctrl-Z
