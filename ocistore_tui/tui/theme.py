"""Our themes: calm surfaces in clear layers, one accent, and colours for states that only ever repeat a sign."""

from __future__ import annotations

from textual.theme import Theme

DEFAULT_THEME = "ocistore-dark"
LIGHT_THEME = "ocistore-light"
CONTRAST_THEME = "ocistore-contrast"
COLOURLESS_THEME = "ansi-dark"
"""What `NO_COLOR` gets: Textual then sends no colour at all, where any other theme would turn grey."""


def _theme(
    name: str,
    *,
    dark: bool,
    layers: tuple[str, str, str],
    ink: tuple[str, str, str],
    accent: str,
    states: tuple[str, str, str],
    cursor: tuple[str, str, str],
    lines: tuple[str, str],
) -> Theme:
    """One theme from the few colours there are.

    Args:
        name: As people choose it.
        dark: Whether light text is on dark ground.
        layers: Ground, what lies on it (bars, dialogs), and what lies on that (fields, hints).
        ink: Text, muted text, text that is off.
        accent: The one colour that leads the eye: focus, keys, marks.
        states: Good, warning, bad.
        cursor: Ground and text of the cursor's row, and its ground without the focus.
        lines: Borders without the focus, and scrollbars.
    """
    background, surface, panel = layers
    text, muted, off = ink
    good, warning, bad = states
    return Theme(
        name=name, primary=accent, secondary=muted, accent=accent, success=good, warning=warning, error=bad,
        foreground=text, background=background, surface=surface, panel=panel, boost=panel, dark=dark,
        variables={
            "text": text, "text-muted": muted, "text-disabled": off,
            "foreground-muted": muted, "foreground-disabled": off,
            "text-primary": accent, "text-secondary": muted, "text-accent": accent,
            "text-success": good, "text-warning": warning, "text-error": bad,
            "border": accent, "border-blurred": lines[0],
            "block-cursor-background": cursor[0], "block-cursor-foreground": cursor[1],
            "block-cursor-text-style": "bold", "block-cursor-blurred-background": cursor[2],
            "block-cursor-blurred-foreground": text, "block-hover-background": surface,
            "input-cursor-background": accent, "input-cursor-foreground": background,
            "input-selection-background": cursor[0], "input-selection-foreground": cursor[1],
            "screen-selection-background": cursor[0], "screen-selection-foreground": cursor[1],
            "scrollbar": lines[1], "scrollbar-hover": muted, "scrollbar-active": accent,
            "scrollbar-background": background, "scrollbar-corner-color": background,
            "scrollbar-background-hover": background, "scrollbar-background-active": background,
            "footer-key-foreground": accent, "footer-background": surface, "footer-foreground": muted,
            "footer-description-foreground": muted, "button-focus-text-style": "bold",
        },
    )  # fmt: skip


THEMES: tuple[Theme, ...] = (
    _theme(
        DEFAULT_THEME, dark=True, layers=("#11151c", "#191f29", "#222a36"), ink=("#d6dce6", "#8d98aa", "#616c7d"),
        accent="#5cc4c9", states=("#8fce82", "#e3b864", "#f0757c"), cursor=("#1f4d57", "#f2f7f8", "#1f2834"),
        lines=("#313b4a", "#3a4657"),
    ),
    _theme(
        LIGHT_THEME, dark=False, layers=("#fbfaf7", "#f1eee7", "#e5e1d7"), ink=("#22272e", "#5d646e", "#8c919a"),
        accent="#0b6e7c", states=("#266c2c", "#8a5700", "#b0231c"), cursor=("#c5e2e5", "#0c2529", "#e8e5dc"),
        lines=("#cdc8bc", "#bdb8ab"),
    ),
    _theme(
        CONTRAST_THEME, dark=True, layers=("#000000", "#000000", "#1c1c1c"), ink=("#ffffff", "#d0d0d0", "#a8a8a8"),
        accent="#ffd84d", states=("#5cff7a", "#ffb84d", "#ff7a7a"), cursor=("#ffd84d", "#000000", "#333333"),
        lines=("#9a9a9a", "#9a9a9a"),
    ),
)  # fmt: skip
"""Registered beside Textual's own; ``ansi-dark`` and ``ansi-light`` follow the terminal's colours."""


def theme_for(chosen: str, *, known: frozenset[str] | set[str], no_color: bool = False) -> str:
    """The theme to begin with.

    Args:
        chosen: A name from the command line or the settings; empty: nobody chose.
        known: Themes there are.
        no_color: Whether `NO_COLOR` is set; it outweighs every choice that is not colourless.
    """
    if no_color:
        return chosen if chosen.startswith("ansi-") and chosen in known else COLOURLESS_THEME
    return chosen if chosen in known else DEFAULT_THEME
