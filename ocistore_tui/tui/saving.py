"""Writing a document to a file of the user's; nothing that is there is ever replaced."""

from __future__ import annotations

from pathlib import Path

from ocistore_tui.errors import AccessDenied, Refused


def save_new(path: str, raw: bytes) -> str:
    """Write ``raw`` to a new file and return its path.

    Raises:
        Refused: there is one already.
        AccessDenied: it cannot be written.
    """
    target = Path(path).expanduser()
    try:
        with target.open("xb") as file:
            file.write(raw)
    except FileExistsError as error:
        raise Refused("there is a file of this name", where=str(target), fix="choose another name") from error
    except (OSError, ValueError) as error:
        raise AccessDenied(
            "cannot write the file", where=str(target), cause=getattr(error, "strerror", "") or str(error),
            fix="choose a directory you can write to",
        ) from error  # fmt: skip
    return str(target)
