"""What a person likes, kept from one start to the next; where this program keeps its files; texts people ask for."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocistore_tui import __version__
from ocistore_tui.config import cache_dir, config_path, data_dir, state_dir
from ocistore_tui.errors import AccessDenied, NoSpace, OciStoreError
from ocistore_tui.found.files import read_document
from ocistore_tui.wiring.state import write_document

_FILE = "settings.json"
_VERSION = 1
_MAX_SAME_NAME = 1000
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def read_settings() -> dict[str, Any]:
    """What was kept last; what is damaged, or of no kind that is kept, is as if it were not there."""
    told = read_document(state_dir() / _FILE).get("settings")
    return {name: value for name, value in told.items() if _can_be_kept(value)} if isinstance(told, dict) else {}


def write_settings(settings: Mapping[str, Any]) -> None:
    """Keep settings in place of what was kept.

    Raises:
        OciStoreError: the file cannot be written.
    """
    try:
        write_document(_FILE, {"v": _VERSION, "settings": dict(settings)})
    except OSError as error:
        raise _file_error("the settings cannot be kept", state_dir() / _FILE, error) from error


def own_files() -> Sequence[tuple[str, str]]:
    """The program with its version, its files and directories: what each is, and where."""
    return (
        (f"program {__version__}", str(Path(__file__).parents[1])),
        ("saved stores", str(config_path())),
        ("settings", str(state_dir() / _FILE)),
        ("stopped transfers", str(state_dir() / "unfinished.json")),
        ("log of a fault", str(state_dir() / "last-fault.log")),
        ("cache", str(cache_dir())),
        ("own store, texts", str(data_dir())),
    )


def write_text(name: str, text: str) -> str:
    """Write a new file in the current directory, or in the data directory where that one takes none.

    Args:
        name: What to call it; characters that do not belong in a name are left out. A number is put into it where
            there is a file of that name.
        text: What to write.

    Returns:
        The path.

    Raises:
        OciStoreError: neither directory takes it.
    """
    refused: OSError | None = None
    for directory in _directories():
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return str(_write_new(directory, name, text.encode("utf-8", "replace")))
        except OSError as error:
            refused = error
    assert refused is not None
    raise _file_error("the text cannot be written", data_dir(), refused) from refused


def _directories() -> Iterator[Path]:
    with contextlib.suppress(OSError):  # it may have been removed meanwhile
        yield Path.cwd()
    yield data_dir()


def _write_new(directory: Path, name: str, raw: bytes) -> Path:
    plain = Path(re.sub(r"[^\w.-]+", "-", name)[-100:].lstrip(".-") or "text.txt")
    for number in range(1, _MAX_SAME_NAME):
        path = directory / (plain if number == 1 else f"{plain.stem}-{number}{plain.suffix}")
        try:
            file = path.open("xb")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(raw)
        except OSError:
            path.unlink(missing_ok=True)  # half a text is none
            raise
        return path
    raise FileExistsError(errno.EEXIST, "there are too many files of this name", str(directory / plain))


def _can_be_kept(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    if isinstance(value, dict):
        return all(isinstance(one, str) for one in value.values())
    return isinstance(value, str | bool)


def _file_error(message: str, path: Path, error: OSError) -> OciStoreError:
    is_full = error.errno in _NO_SPACE
    return (NoSpace if is_full else AccessDenied)(
        message, where=str(path), cause=error.strerror or str(error),
        fix="free space there" if is_full else "make it a directory you can write to",
    )  # fmt: skip
