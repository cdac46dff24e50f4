"""What somebody with access to a bucket might call things, in the hope that a terminal acts on it."""

from __future__ import annotations

import re

CLIPBOARD = "\x1b]52;c;UEFXTkVE\x07"
TITLE = "\x1b]0;PAWNED\x07"

STRINGS: dict[str, str] = {
    "osc52": f"a{CLIPBOARD}b",
    "osc0": f"a{TITLE}b",
    "osc-st": "a\x1b]0;PAWNED\x1b\\b",
    "csi": "a\x1b[2J\x1b[1;1H\x1b[31;5mb",
    "dcs": "a\x1bP1$tx\x1b\\b\x1b_apc\x1b\\\x1b^pm\x1b\\",
    "c1": "a\x9b31m\x9d0;PAWNED\x9c\x90\x9f\x85b",
    "c0": "a\x00\x01\x05\x07\x08\x0b\x0c\x0e\x0f\x1ab",
    "del": "a\x7fb",
    "lines": "a⟪\r\n⟫b⟪\n⟫c⟪\r⟫d\u2028e\u2029f",
    "tab": "a\tb",
    "bidi": "a\u202etxt.exe\u202c\u2066x\u2069\u200f\u061cb",
    "zero-width": "a\u200b\u200c\u200d\u2060\ufeffb",
    "tags": "a\U000e0041\U000e007fb",
    "surrogates": "a\ud800\udcffb",
    "markup": "[bold]a[/x][@click=app.quit]b[/]",
    "markup-end": "a[/]",
    "rich": "a[red]b[/red]{c}$accent",
    "cjk": "漢字かな交じり文" * 4,
    "long": "n" * 10_000,
    "long-osc": CLIPBOARD * 700,
}
"""Each alone, so that it is whole even where there is little room."""

EVERYTHING = "".join(STRINGS[name] for name in STRINGS if not name.startswith("long"))


def leaks(stream: str) -> list[str]:
    """What reached a terminal besides text and the sequences a program like ours needs.

    Args:
        stream: Everything that was written to it, decoded.
    """
    broken = ["a line of its own"] if re.search("⟪[\r\n]+⟫", stream) else []
    rest = _ALLOWED.sub("", stream)
    return broken + sorted({f"U+{ord(letter):04X}" for letter in rest if _is_active(letter)})


def _is_active(letter: str) -> bool:
    code = ord(letter)
    return (
        code < 0x20 or 0x7F <= code <= 0x9F or code in (0x061C, 0xFEFF) or 0x200B <= code <= 0x200F
        or 0x2028 <= code <= 0x202E or 0x2060 <= code <= 0x206F or 0xFFF9 <= code <= 0xFFFB
        or 0xD800 <= code <= 0xDFFF or 0xE0000 <= code <= 0xE007F
    )  # fmt: skip


_ALLOWED = re.compile(
    r"\x1b\[(?:[0-9;:]*m"  # colours and styles
    r"|[0-9]*;?[0-9]*H"  # the cursor's place
    r"|\?[0-9;]+[hl]"  # modes
    r"|[<>=]?[0-9;]*u|\?u"  # keyboard protocol
    r"|\?[0-9]+\$p"  # is a mode known
    r"|[0-9]*[ABCDGKL]"  # the cursor, a line
    r")"
    r"|\x1b\]22;[a-z-]+\x07"  # the shape of the mouse pointer
    r"|\r\n"  # between the lines of a whole screen
)
"""Never ``J`` (clears), ``n`` and ``c`` (make the terminal answer), ``t`` (moves windows), OSC, DCS, APC."""
