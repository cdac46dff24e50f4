"""Changing a registry's directory tree so that nobody ever sees half a change.

New files are written in ``.ocistore/tmp`` below the root (the same file system, outside of ``docker/``) and renamed
into place; missing directories are built there too and arrive together with their first file, because a registry takes
an empty ``tags/NAME`` directory for a tag. Every rename and unlink happens under one lock between processes of this
program; a registry takes no lock, and is treated as somebody who may come in between at any time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from ocistore_tui.backends.local_errors import check_root, make_below, make_root
from ocistore_tui.backends.local_paths import OWN_DIR, KeyPaths
from ocistore_tui.errors import NotFound, Unavailable

_ATTEMPTS = 20
_LOCK_TIMEOUT_S = 60.0
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST}
_NAME_BYTES = 240

_KEPT_DIRS = tuple(
    f"docker/registry/v2{rest}" for rest in ("", "/blobs", "/blobs/sha256", "/repositories")
)  # layout of every registry; their parents are kept with them


class Tree:
    """The writing side of a directory store; raises `OSError`, which the store translates."""

    def __init__(self, paths: KeyPaths, *, create: bool) -> None:
        self.paths = paths
        self.root = paths.root
        self.staging = self.root / OWN_DIR / "tmp"
        self._create = create
        self._lock = threading.Lock()
        self._kept = {str(self.root), f"{self.root}/docker", f"{self.root}/docker/registry"}
        self._kept.update(f"{self.root}/{name}" for name in _KEPT_DIRS)
        self._owner: tuple[int, int] | None = None
        self._file_mode: int | None = None

    def check_root(self) -> None:
        """See `local_errors.check_root`."""
        check_root(self.root, create=self._create)

    # -- files in the making --------------------------------------------------------------------------------------

    def prepare(self) -> Path:
        """The staging directory, made with everything above it when missing.

        Raises:
            StoreMissing: the root is missing and may not be created.
            UsageError: the root is a file, or cannot be made.
        """
        if not self.staging.is_dir():
            try:
                self.check_root()
            except NotFound:
                if not self._create:
                    raise
                make_root(self.root)
            for directory in (self.staging.parent, self.staging):
                make_below(self.root, directory)
                self.adopt(directory)
        self.paths.check_inside(str(self.staging))
        return self.staging

    @contextmanager
    def new_file(self, key: str) -> Iterator[tuple[int, Path]]:
        """An open empty file to become ``key``; what is still there at the end is removed."""
        name = f"{uuid.uuid4().hex}~{quote(key, safe='')}"
        path = self.prepare() / (name if len(name) <= _NAME_BYTES else name[:33])
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            file = os.open(path, flags, 0o666)
        except FileNotFoundError:  # somebody tidied the staging directory away
            self.prepare()
            file = os.open(path, flags, 0o666)
        try:
            self.adopt(path)
            yield file, path
        finally:
            os.close(file)
            path.unlink(missing_ok=True)

    def adopt(self, path: Path) -> None:
        """Give what root made to the owner of the root directory, so that their registry can use it."""
        if os.geteuid() != 0:
            return
        if self._owner is None:
            found = self.root.stat()
            self._owner = (found.st_uid, found.st_gid)
        if self._owner != (0, 0):
            os.chown(path, *self._owner, follow_symlinks=False)

    def file_mode(self) -> int:
        """The rights a new file gets here: 0666 less the umask (which cannot be asked without changing it)."""
        if self._file_mode is None:
            with self.new_file("mode") as (file, _):
                self._file_mode = os.fstat(file).st_mode & 0o777
        return self._file_mode

    # -- the lock -------------------------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among the processes of this program; best effort where the file system has no locks.

        Raises:
            Unavailable: somebody holds the lock for a minute.
        """
        with self._lock:
            path = self.prepare().parent / "lock"
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # enough for a lock, and others may own it
            except FileNotFoundError:
                file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
                self.adopt(path)
            try:
                self._wait(file)
                yield
            finally:
                os.close(file)

    def _wait(self, file: int) -> None:
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return None
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    raise
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "another process keeps the store locked",
                        where=str(self.root / OWN_DIR / "lock"),
                        fix="find it with: fuser -v on that file",
                    ) from error
            time.sleep(0.002)

    # -- publishing -----------------------------------------------------------------------------------------------

    def publish(self, new: Path, target: Path, *, exclusive: bool = False) -> list[Path]:
        """Move the finished file ``new`` to ``target``, with missing directories; the lock must be held.

        Returns the directories to `sync` to make it survive a power cut.

        Raises:
            FileExistsError: ``exclusive``, and there is something.
            Unavailable: somebody keeps removing the directories, or removed ``new``.
        """
        for _ in range(_ATTEMPTS):
            try:
                self._place(new, target, exclusive)
            except FileNotFoundError as error:
                if not new.exists():
                    raise Unavailable(
                        "the temporary file was removed before it was finished",
                        where=str(new),
                        fix="let nothing clean up there while a push is running, then run again",
                    ) from error
                if changed := self._place_with_parents(new, target):
                    return changed
            else:
                return [target.parent]
        raise Unavailable(
            "the directory keeps vanishing", where=str(target.parent), fix="stop what deletes there, then run again"
        )

    def _place(self, new: Path, target: Path, exclusive: bool) -> None:
        if not exclusive:
            new.rename(target)
            return
        try:
            target.hardlink_to(new)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # FAT, some network mounts: the lock has to do.
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
            new.rename(target)
        else:
            new.unlink()

    def _place_with_parents(self, new: Path, target: Path) -> list[Path]:
        """Build the missing directories aside, with the file inside, and move the topmost; empty: look again."""
        top = None
        for parent in target.parents:
            if os.path.lexists(parent):
                break
            top = parent
        if top is None:
            return []
        made = self.staging / f"{uuid.uuid4().hex}.d"
        inner = made / target.parent.relative_to(top)
        try:
            inner.mkdir(parents=True)
            chain = [inner, *(parent for parent in inner.parents if parent.is_relative_to(made))]
            for directory in chain:
                self.adopt(directory)
            new.rename(inner / target.name)
            try:
                made.rename(top)
            except OSError as error:
                (inner / target.name).rename(new)
                if error.errno in _OCCUPIED or error.errno == errno.ENOENT:
                    return []
                raise
        finally:
            if made.exists():
                shutil.rmtree(made, ignore_errors=True)
        return [top / directory.relative_to(made) for directory in chain] + [top.parent]

    # -- removing -------------------------------------------------------------------------------------------------

    def remove(self, target: Path) -> None:
        """Remove a file and the directories this empties, all at once to anyone who looks; the lock must be held."""
        top, child = None, target
        for parent in target.parents:
            if str(parent) in self._kept or not _holds_only(parent, child.name):
                break
            top = child = parent
        if top is None:
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                target.unlink()
            self._prune(target.parent)
            return
        gone = self.staging / f"{uuid.uuid4().hex}.gone"
        with suppress(FileNotFoundError):
            top.rename(gone)
            (gone / target.relative_to(top)).unlink()
            self._give_back(gone, top)

    def _give_back(self, gone: Path, top: Path) -> None:
        """Put back what a registry wrote into the directory between our look and our rename, then drop the rest."""
        for directory, _, names in os.walk(gone):
            for name in names:
                path = Path(directory) / name
                with suppress(FileExistsError):
                    self.publish(path, top / path.relative_to(gone), exclusive=True)
        shutil.rmtree(gone)

    def _prune(self, directory: Path) -> None:
        for at in (directory, *directory.parents):
            if str(at) in self._kept or not at.is_relative_to(self.root):
                return
            try:
                at.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # not empty, not ours to remove, or a file
                return

    # -- leftovers ------------------------------------------------------------------------------------------------

    def leftovers(self) -> Iterator[tuple[str, str, os.stat_result]]:
        """What killed processes left in the staging directory: (path below the root, key or "", stat)."""
        try:
            entries = sorted(os.scandir(self.staging), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                path = str(Path(entry.path).relative_to(self.root))
                yield path, unquote(entry.name.partition("~")[2]), found

    def drop(self, path: Path) -> None:
        """Remove one leftover or ``*.tmp`` file; already gone is fine."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _holds_only(directory: Path, name: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return all(entry.name == name for entry in entries) and os.path.lexists(directory / name)
    except (FileNotFoundError, NotADirectoryError):
        return False


def sync(directories: Iterable[Path]) -> None:
    """Make renames in ``directories`` survive a power cut."""
    for directory in directories:
        with suppress(FileNotFoundError):  # deleted again by somebody else
            _sync(directory)


def _sync(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some file systems cannot, and need not
            raise
    finally:
        os.close(file)
