"""A fault of the program itself: told without values, because messages and variables can hold secrets."""

from __future__ import annotations

import traceback
from pathlib import Path

from ocistore_tui import __version__
from ocistore_tui.errors import OciStoreError


def fault_of(error: Exception) -> OciStoreError:
    """What to tell the user of an exception nobody expected; where it arose is kept in a log."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return OciStoreError(
        "a fault of the program itself",
        where=_write_log(error),
        cause=f"{type(error).__name__}{place}",
        fix="report it with the log file; it holds no data and no secrets",
    )


def _write_log(error: BaseException) -> str:
    from ocistore_tui.config import state_dir

    path = state_dir() / "last-fault.log"
    lines = [f"ocistore-tui {__version__}"]
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError:
        return "(no log could be written)"
    return str(path)
