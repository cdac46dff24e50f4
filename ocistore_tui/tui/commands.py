"""The one table of commands: it feeds key bindings, key bar, palette, help and README.

A key means one thing in the whole program. A command that cannot work now keeps its key and its place: its handler
says why (ux.md §3).
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do."""

    id: str
    """Stable name: key maps use it, and ``action_<id>`` (with ``_``) does it, unless it is still to come."""
    keys: str
    """Comma-separated, the first is shown."""
    label: str
    """One or two words for the key bar."""
    help: str
    """One sentence for help and palette."""
    where: str
    """``app``, ``pane`` (both lists), or a screen's name."""
    area: str = "go"
    """Groups palette and help."""
    coming: str = ""
    """Not built yet: what will be there."""
    in_bar: bool = False

    @property
    def action(self) -> str:
        """What is run where the key is bound."""
        return f"app.coming({self.id!r})" if self.coming else self.id.replace("-", "_")


COMMANDS: tuple[Command, ...] = (
    # everywhere
    Command("help", "question_mark,f1", "Help", "Keys that work here, what the signs mean, all keys", "app", "help", in_bar=True),
    Command("palette", "colon,ctrl+p,f2", "Palette", "Find a command, a store, a repository or a tag by name", "app", "go"),
    Command("stores", "c", "Stores", "Open another store, or describe a new one", "app", "store", in_bar=True),
    Command("transfers", "w,f9", "Transfers", "All transfers, running and ended", "app", "transfer", in_bar=True),
    Command("log", "at", "Command log", "What was done, as command lines", "app", "help"),
    Command("refresh", "r", "Refresh", "Look again at both sides", "app", "view"),
    Command("unlock", "L", "Unlock", "Allow deleting for this session", "app", "store",
            coming="MANAGE mode comes with delete and clean-up; this version only adds"),
    Command("usage", "u", "Usage", "What takes the space: largest repositories, shared bytes", "app", "store",
            coming="usage of the whole store comes with a later version"),
    Command("clean", "X", "Clean up", "Plan what can be deleted", "app", "store",
            coming="clean-up (plan, then apply) comes with a later version; nothing is ever deleted by this one"),
    Command("quit", "q,ctrl+q,f10", "Quit", "Leave; asks when transfers run", "app", "go", in_bar=True),
    # the two lists
    Command("open", "enter,f3", "Open", "Unfold a repository, open a tag or image", "pane", "go", in_bar=True),
    Command("send", "p,f5", "Push", "Push or pull what is marked, or the cursor's row, to the other side", "pane", "transfer", in_bar=True),
    Command("mark", "space,insert", "Mark", "Mark or unmark the row", "pane", "mark", in_bar=True),
    Command("mark-range", "v", "Range", "Mark from the last mark to here", "pane", "mark"),
    Command("mark-down", "shift+down", "Mark down", "Mark and go down", "pane", "mark"),
    Command("mark-up", "shift+up", "Mark up", "Mark and go up", "pane", "mark"),
    Command("mark-invert", "asterisk", "Invert", "Mark what is not marked among the rows shown", "pane", "mark"),
    Command("mark-pattern", "plus", "Mark by pattern", "Mark the names that match", "pane", "mark"),
    Command("unmark-pattern", "minus", "Unmark by pattern", "Unmark the names that match", "pane", "mark"),
    Command("filter", "slash", "Filter", "Show only rows that match; words, !word, *?, ~fuzzy, /regex/, size>500MB age>30d …", "pane", "view", in_bar=True),
    Command("sort", "s", "Sort", "Order by name, age, size …; the same again turns it round", "pane", "view", in_bar=True),
    Command("flat", "t", "Tree/flat", "Tags below repositories, or all tags in one list", "pane", "view"),
    Command("hidden", "full_stop", "Hidden", "Show attachments as rows of their own", "pane", "view"),
    Command("fold", "h,left", "Fold", "Fold the repository", "pane", "go"),
    Command("unfold", "l,right", "Unfold", "Unfold the repository", "pane", "go"),
    Command("source", "f4", "Other source", "Left: docker context, podman, a folder of archives, an OCI layout; right: edit the store", "pane", "store"),
    Command("copy", "y", "Copy", "Copy the reference, digest, command line … of this row", "pane", "edit", in_bar=True),
    Command("inside", "o", "Inside", "Look into the layers without pulling", "pane", "view",
            coming="looking inside layers comes with a later version", in_bar=True),
    Command("compare", "equals_sign", "Compare", "Compare two images", "pane", "view", coming="comparing two images file by file comes with a later version"),
    Command("retag", "a,f6", "Tag", "Add or move a tag", "pane", "edit", coming="adding and moving tags by hand comes with a later version; push with another tag does it today"),
    Command("timeline", "H", "Timeline", "Every digest the tag ever had", "pane", "view"),
    Command("export", "e", "Export", "Pull into an archive file", "pane", "transfer"),
    Command("verify", "V", "Verify", "Read every byte and compare digests", "pane", "store", coming="verifying the bytes at rest comes with a later version; every pull verifies what it reads"),
    Command("delete", "D,f8", "Delete", "Plan the deletion of tags", "pane", "edit", coming="deleting comes with MANAGE mode in a later version; nothing is ever deleted by this one", in_bar=True),
    # main screen
    Command("side-local", "1", "Local", "Go to the local images", "main", "view"),
    Command("side-bucket", "2", "Bucket", "Go to the store", "main", "view"),
    Command("inspector", "3,i", "Inspector", "Show or hide what is known of the row", "main", "view"),
    Command("dock", "4", "Dock", "Go to the transfers dock", "main", "view"),
    Command("zoom", "z", "Zoom", "Give the pane the whole width, or take it back", "main", "view"),
    Command("dock-resume", "R", "Resume", "Go on with the transfers the dock names as interrupted or failed", "main", "transfer"),
    Command("dock-forget", "x", "Forget", "Take interrupted transfers off the list; what they sent stays in the store", "main", "transfer"),
    Command("serve", "S", "Serve", "Serve the store as a registry on this computer, read only, for docker pull and others; again stops", "main", "store"),
    Command("demo", "n", "Demo content", "Fill an empty store with small real images made here", "main", "store"),
    # transfers screen
    Command("pause", "P", "Pause", "Pause or go on", "transfers", "transfer", in_bar=True),
    Command("cancel", "x", "Cancel", "Stop a transfer; finished blobs are kept for a resume", "transfers", "transfer", in_bar=True),
    Command("retry", "R", "Retry", "Run it again from where it stopped", "transfers", "transfer", in_bar=True),
    Command("move-down", "J", "Later", "Move down in the queue", "transfers", "transfer", in_bar=True),
    Command("move-up", "K", "Sooner", "Move up in the queue", "transfers", "transfer", in_bar=True),
    Command("clear", "C", "Clear ended", "Take ended transfers off the list", "transfers", "transfer", in_bar=True),
    # detail screen
    Command("tab-left", "left_square_bracket,h,left", "Tab left", "The tab before", "detail", "go"),
    Command("tab-right", "right_square_bracket,l,right", "Tab right", "The next tab", "detail", "go", in_bar=True),
    Command("platform-next", "greater_than_sign", "Next platform", "The next platform of an index", "detail", "go"),
    Command("platform-previous", "less_than_sign", "Previous platform", "The platform before", "detail", "go"),
    Command("detail-pull", "p,f5", "Pull", "Pull this image, or the digest under the timeline's cursor", "detail", "transfer", in_bar=True),
    Command("detail-copy", "y", "Copy", "Copy the reference, digest, command line …", "detail", "edit", in_bar=True),
    Command("detail-timeline", "H", "Timeline", "Every digest the tag ever had", "detail", "view", in_bar=True),
    Command("detail-view", "full_stop", "View", "Manifest and Config: formatted, exact bytes, hex", "detail", "view", in_bar=True),
    Command("detail-save", "e", "Save", "Save the exact bytes of the manifest or configuration", "detail", "edit", in_bar=True),
    # stores screen
    Command("store-open", "enter,f3", "Open", "Open the store; one whose bucket is not known yet is asked for it", "stores", "store", in_bar=True),
    Command("store-new", "n,f7", "New", "Describe a new store", "stores", "store", in_bar=True),
    Command("store-edit", "E", "Edit", "Change the description of a store", "stores", "store", in_bar=True),
    Command("store-forget", "x", "Forget", "Take a saved store off the list; its content stays", "stores", "store", in_bar=True),
    Command("store-test", "V", "Test", "Try it step by step", "stores", "store", in_bar=True),
    Command("store-copy", "y", "Copy", "Copy the store's URL; after a test that was denied, the policy it needs", "stores", "edit", in_bar=True),
    Command("store-url", "U", "Name or URL", "Type a store's name, its URL or a directory, and open it", "stores", "store", in_bar=True),
)  # fmt: skip

AREAS: dict[str, str] = {
    "go": "Go", "view": "Look", "mark": "Mark", "transfer": "Move images", "edit": "Names", "store": "Stores",
    "help": "Help",
}  # fmt: skip
"""Areas in the order of the help screen, with their titles."""

PLACES: dict[str, str] = {
    "app": "everywhere", "pane": "in both lists", "main": "main screen", "transfers": "transfers", "detail": "one tag",
    "stores": "stores",
}  # fmt: skip
"""Where commands are, in words."""

MOVES: tuple[tuple[str, str], ...] = (
    ("j,k,down,up", "One row down, up"),
    ("g,G", "To the first, the last row"),
    ("pageup,pagedown", "A page up, down"),
    ("ctrl+d,ctrl+u", "Half a page down, up"),
    ("tab", "To the other side, or the next field"),
    ("escape", "One step back: the field, the filter, the marks, the screen"),
)
"""Keys of every list; they are the list's own."""

BY_ID = {command.id: command for command in COMMANDS}


def commands_of(where: str) -> tuple[Command, ...]:
    """The commands of one place, in the order of the table."""
    return tuple(command for command in COMMANDS if command.where == where)


def bindings_of(*places: str) -> list[BindingType]:
    """Key bindings of these places."""
    return [
        Binding(command.keys, command.action, command.label, id=command.id, tooltip=command.help, show=command.in_bar)
        for command in COMMANDS
        if command.where in places
    ]


_SHOWN_ASCII = {
    "enter": "Enter", "left": "Left", "right": "Right", "up": "Up", "down": "Down", "shift+down": "Shift+Down",
    "shift+up": "Shift+Up",
}  # fmt: skip

_SHOWN = {
    "question_mark": "?", "colon": ":", "at": "@", "enter": "⏎", "space": "Space", "slash": "/", "full_stop": ".",
    "asterisk": "*", "plus": "+", "minus": "-", "equals_sign": "=", "left_square_bracket": "[",
    "right_square_bracket": "]", "greater_than_sign": ">", "less_than_sign": "<", "left": "←", "right": "→",
    "up": "↑", "down": "↓", "insert": "Ins", "pageup": "PgUp", "pagedown": "PgDn", "tab": "Tab", "shift+down": "⇧↓", "shift+up": "⇧↑", "escape": "Esc",
}  # fmt: skip


def key_name(key: str, *, is_ascii: bool = False) -> str:
    """A key as people call it: ``slash`` is ``/``, ``f5`` is ``F5``, ``ctrl+d`` is ``Ctrl+D``."""
    if is_ascii and key in _SHOWN_ASCII:
        return _SHOWN_ASCII[key]
    if key in _SHOWN:
        return _SHOWN[key]
    if key[:1] == "f" and key[1:].isdigit():
        return key.upper()
    return "+".join(part.title() for part in key.split("+")) if "+" in key else key


def shown_keys(keys: Command | str, *, is_ascii: bool = False) -> str:
    """All keys of a command for people: ``p F5``."""
    text = keys if isinstance(keys, str) else keys.keys
    return " ".join(key_name(key, is_ascii=is_ascii) for key in text.split(","))


def key_table() -> str:
    """The README's table of keys; ``python -m ocistore_tui.tui.commands`` prints it."""
    lines = ["| where | keys | | |", "|---|---|---|---|"]
    lines += [
        f"| {PLACES[command.where]} | {_code(command.keys)} | {command.label} | "
        f"{command.help.replace('|', '/')}{' (to come)' if command.coming else ''} |"
        for command in COMMANDS
    ]
    lines += [f"| in every list | {_code(keys)} | | {text} |" for keys, text in MOVES]
    return "\n".join(lines)


def _code(keys: str) -> str:
    return " ".join(f"`{key_name(key)}`" for key in keys.split(","))


if __name__ == "__main__":
    print(key_table())  # noqa: T201 - this is its whole purpose
