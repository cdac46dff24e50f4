"""Keys as paths below a root that nothing leads out of."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ocistore_tui.errors import AccessDenied, Refused, UsageError

OWN_DIR = ".ocistore"
"""Below the root, beside ``docker/``: temporary files and the lock. No key begins with it."""

_REMEMBERED = 20_000


class KeyPaths:
    """Turns keys into paths, refusing what a key cannot be and symbolic links that leave the root."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self._real_root = os.path.realpath(self.root).rstrip("/")
        self._text = str(self.root)
        self._seen_inside: set[str] = set()
        self._folds: bool | None = None

    def path(self, key: str) -> str:
        """The file of ``key``; its directory is surely inside the root.

        Raises:
            UsageError: not a key.
            AccessDenied: a symbolic link on the way leaves the root.
        """
        path = self._joined(key)
        self.check_inside(path.rpartition("/")[0])
        return path

    def directory(self, prefix: str) -> str:
        """The directory of ``prefix`` (empty or ending in ``/``), surely inside the root."""
        if not prefix:
            return self._text
        if not prefix.endswith("/"):
            raise UsageError("not a usable prefix", where=repr(prefix), fix="prefixes end with /")
        path = self._joined(prefix[:-1])
        self.check_inside(path)
        return path

    def _joined(self, key: str) -> str:
        parts = key.split("/")
        if "" in parts or "." in parts or ".." in parts or "\0" in key or parts[0] == OWN_DIR:
            raise UsageError("not a usable key", where=repr(key), fix="keys are plain names joined by /")
        return f"{self._text}/{key}"

    def check_inside(self, directory: str, *, afresh: bool = False) -> None:
        """Refuse a directory that a symbolic link leads out of the root; remembers unless ``afresh``."""
        if directory in self._seen_inside and not afresh:
            return
        # Walk up to what is known; only a symbolic link on the way needs the whole path looked at.
        at, root_length = directory, len(self._text)
        while len(at) > root_length and (afresh or at not in self._seen_inside):
            try:
                is_link = stat.S_ISLNK(os.lstat(at).st_mode)
            except OSError:  # not there: nothing to lead anywhere
                pass
            else:
                if is_link:
                    self.check_link(at)
                self._seen_inside.add(at)
            at = at.rpartition("/")[0]
        if len(self._seen_inside) > _REMEMBERED:
            self._seen_inside.clear()

    def check_link(self, path: str) -> None:
        """Refuse the symbolic link ``path`` if it leaves the root."""
        target = os.path.realpath(path)
        if target != self._real_root and not target.startswith(self._real_root + "/"):
            raise AccessDenied(
                "a symbolic link leaves the store's directory",
                where=path,
                cause=f"it leads to {target}",
                fix="give the directory itself with --dir, or mount it there (mount --bind) instead of linking",
            )

    def folds_case(self) -> bool | None:
        """Whether the file system takes ``Latest`` and ``latest`` for one name; None: not known before a write."""
        if self._folds is None:
            for name in ("docker", OWN_DIR):
                plain, twin = self.root / name, self.root / name.upper()
                if plain.exists():
                    self._folds = twin.exists() and twin.samefile(plain)
                    break
        return self._folds

    def other_spelling(self, key: str) -> str | None:
        """How a part of ``key`` is really spelled on a disk that folds case, when it is spelled differently there."""
        at = self.root
        for part in key.split("/"):
            here = at / part
            if not here.exists():
                return None
            # Hex names have one spelling, and their directories are the long ones.
            if not _is_hex(part):
                try:
                    names = [entry.name for entry in os.scandir(at)]
                except (FileNotFoundError, NotADirectoryError):  # removed since we looked
                    return None
                if part not in names:
                    twins = [name for name in names if name.casefold() == part.casefold()]
                    return str(at / (twins[0] if twins else part))
            at = here
        return None

    def check_spelling(self, key: str) -> None:
        """Refuse a key whose twin in other letter case takes its place on this disk."""
        if self.folds_case() and (twin := self.other_spelling(key)):
            raise Refused(
                "the name is taken in another spelling",
                where=f"{self.root}/{key}",
                cause=f"this file system does not tell upper from lower case, and {twin} exists",
                fix="use the spelling that is there, or a file system that tells case apart",
            )


def _is_hex(part: str) -> bool:
    return len(part) in (2, 64, 96, 128) and not part.strip("0123456789abcdef")
