"""Walking a directory tree in the order of the keys."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator

from ocistore_tui.backends.base import Entry
from ocistore_tui.backends.local_errors import store_error
from ocistore_tui.backends.local_paths import OWN_DIR

CheckLink = Callable[[str], None]
"""Called with the path of every symbolic link met; raises for one that must not be there."""


def stamp(found: os.stat_result) -> str:
    """The version token of a file: our writes give every version its own nanosecond, renames its own inode."""
    return f"{found.st_ino:x}.{found.st_mtime_ns:x}.{found.st_size:x}"


def entry_of(key: str, found: os.stat_result) -> Entry:
    """What a listing tells of a file."""
    return Entry(key, found.st_size, found.st_mtime, stamp(found))


def child_dirs(directory: str, *, at_root: bool) -> list[str]:
    """Names of the directories in ``directory``, in byte order; empty when it is missing or a file.

    Only the directory itself is read where the file system tells the kind of its entries. Symbolic links are left out,
    wherever they lead: one that leaves the root is refused when somebody goes through it, or lists its objects.
    """
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise store_error(error, where=directory) from error
    if at_root and OWN_DIR in names:
        names.remove(OWN_DIR)
    names.sort()
    return names


def walk(
    directory: str, prefix: str, *, start_after: str, check_link: CheckLink, unfinished: bool = False
) -> Iterator[Entry]:
    """Every file below ``directory`` as an entry with a key that begins with ``prefix``, in the order of the keys.

    What vanishes while we walk was not there. With ``unfinished``, the ``*.tmp`` files instead of all others.
    """
    below = [_children(directory, prefix, check_link)]
    while below:
        child = next(below[-1], None)
        if child is None:
            below.pop()
            continue
        key, entry = child
        if key.endswith("/"):
            if key > start_after or start_after.startswith(key):
                below.append(_children(entry.path, key, check_link))
        elif key > start_after and key.endswith(".tmp") == unfinished:
            try:
                # follow_symlinks: a link that stays inside the root stands for its file
                found = entry.stat()
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ELOOP):  # gone, or a link that leads nowhere
                    continue
                raise store_error(error, where=entry.path) from error
            if stat.S_ISREG(found.st_mode):
                yield entry_of(key, found)


def _children(directory: str, prefix: str, check_link: CheckLink) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The children by key, directories with a closing ``/`` (that is what makes ``r-a/`` come before ``r/``)."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if prefix or entry.name != OWN_DIR:
                        found.append((f"{prefix}{entry.name}/", entry))
                else:
                    if entry.is_symlink():
                        check_link(entry.path)
                    found.append((prefix + entry.name, entry))
    except (FileNotFoundError, NotADirectoryError):
        return iter(())
    except OSError as error:
        raise store_error(error, where=directory) from error
    found.sort(key=lambda child: child[0])
    return iter(found)
