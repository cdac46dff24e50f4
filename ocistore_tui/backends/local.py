"""A directory as a store, equal to the filesystem driver of distribution (registry/storage/driver/filesystem)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocistore_tui.backends.base import (
    MIB,
    CancelSignal,
    Capabilities,
    Entry,
    ObjectStore,
    RangeReader,
    Report,
    UnfinishedUpload,
    check_cancel,
    checked_chunks,
)
from ocistore_tui.backends.local_check import check_directory
from ocistore_tui.backends.local_errors import store_error, translated
from ocistore_tui.backends.local_files import GrowingFile, check_space, current_token, seal
from ocistore_tui.backends.local_listing import child_dirs, entry_of, stamp, walk
from ocistore_tui.backends.local_paths import KeyPaths
from ocistore_tui.backends.local_reader import FileReader, open_file
from ocistore_tui.backends.local_tree import Tree, sync
from ocistore_tui.backends.objects import root_of, too_large, written_already
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    NotFound,
    OciStoreError,
    PreconditionFailed,
    UsageError,
)
from ocistore_tui.model.digest import Digest


class LocalStore(ObjectStore):
    """The directory ``root``, such as ``/var/lib/registry``, or what is in ``root_dir`` below it.

    With ``create``, the first write makes a missing root, and until then single objects are absent (without, it is
    `StoreMissing`); listing it is an error in any case, because a mistyped directory must not look like an empty store.
    Symbolic links are followed to files inside the root only. Conditions are atomic between processes of this program;
    a running registry takes no lock.
    """

    capabilities = Capabilities(cheap_pages=False)

    def __init__(self, root: Path, *, root_dir: str = "", create: bool = False) -> None:
        self.paths = KeyPaths(root)
        if below := root_of(root_dir):
            self.paths.check_inside(f"{self.paths.root}/{below}")
            self.paths = KeyPaths(self.paths.root / below)
        self.root = self.paths.root
        self.url = f"file://{self.root}"
        self._create = create
        self._tree = Tree(self.paths, create=create)

    @property
    def spool_dir(self) -> Path | None:
        """See `ObjectStore.spool_dir`; None too where we may not write."""
        try:
            with translated(str(self._tree.staging)):
                staging = self._tree.prepare()
        except (AccessDenied, NotFound):
            return None
        return staging if os.access(staging, os.W_OK | os.X_OK) else None

    # -- reading ------------------------------------------------------------------------------------------------------

    def list_entries(self, prefix: str, *, start_after: str | None = None) -> Iterator[Entry]:
        """See `ObjectStore.list_entries`."""
        directory = self.paths.directory(prefix)
        self._check_root(directory)
        yield from walk(directory, prefix, start_after=start_after or "", check_link=self.paths.check_link)

    def list_dirs(self, prefix: str, *, start_after: str | None = None) -> Iterator[str]:
        """See `ObjectStore.list_dirs`; an empty directory is listed too, as a registry does."""
        directory = self.paths.directory(prefix)
        names = child_dirs(directory, at_root=not prefix)
        if not names:
            self._check_root(directory)
        return (name for name in names if start_after is None or name > start_after)

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        path = self.paths.path(key)
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                self.paths.check_link(path)
                found = Path(path).stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise store_error(error, where=path) from error
            if not self._create:
                self._check_root(path)
            return None
        if not stat.S_ISREG(found.st_mode) or self._misspelled(key):
            return None
        return entry_of(key, found)

    def get(self, key: str, *, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        with self._opened(key) as (file, found, path), translated(path):
            if found.st_size > max_bytes:
                raise too_large(path, max_bytes)
            data = bytearray()
            while len(data) < found.st_size and (piece := os.read(file, found.st_size - len(data))):
                data += piece
            return bytes(data), stamp(found)

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, token: str | None = None
    ) -> RangeReader:
        """See `ObjectStore.open_range`."""
        file, found, path = self._open(key)
        reader = FileReader(file, path, start=start, end=found.st_size if length is None else start + length)
        try:
            if token is not None and token != stamp(found):
                raise _changed(path)
            if start > found.st_size or (length is not None and start + length > found.st_size):
                raise IntegrityError(
                    "the file is shorter than it must be",
                    where=path,
                    cause=f"it has {found.st_size} bytes",
                    fix="verify the store, and push the image again to repair it",
                )
        except OciStoreError:
            reader.close()
            raise
        return reader

    def _check_root(self, where: str) -> None:
        with translated(where):
            self._tree.check_root()

    def _misspelled(self, key: str) -> bool:
        with translated(str(self.root / key)):
            return bool(self.paths.folds_case()) and self.paths.other_spelling(key) is not None

    def _open(self, key: str) -> tuple[int, os.stat_result, str]:
        path = self.paths.path(key)
        try:
            if self._misspelled(key):
                raise NotFound("no such object", where=path, cause="only in another spelling of upper and lower case")
            return *open_file(path, self.paths.check_link), path
        except NotFound:
            self._check_root(path)  # says it better, when it is the whole directory that is missing
            raise

    @contextmanager
    def _opened(self, key: str) -> Iterator[tuple[int, os.stat_result, str]]:
        file, found, path = self._open(key)
        try:
            yield file, found, path
        finally:
            os.close(file)

    # -- writing ------------------------------------------------------------------------------------------------------

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_token: str | None = None) -> str:
        """See `ObjectStore.put`; survives a power cut when it returns."""
        target = self._target(key)
        if if_absent and self.head(key) is not None:
            return self._same_already(key, data)
        with translated(str(target)):
            with self._tree.new_file(key) as (file, new):
                GrowingFile(file).write(data)
                token = seal(file)
                with self._tree.locked():
                    try:
                        if if_token is not None and current_token(target) != if_token:
                            raise FileExistsError(errno.EEXIST, "another version")
                        changed = self._tree.publish(new, target, exclusive=if_absent)
                    except FileExistsError:
                        return self._same_already(key, data)
            sync(changed)
            return token

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        *,
        size_bytes: int,
        digest: Digest,
        if_absent: bool = True,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.put_stream`."""
        target = self._target(key)
        if if_absent and (there := self.head(key)) is not None and there.size_bytes == size_bytes and there.token:
            return there.token
        where = str(target)
        with translated(where), self._tree.new_file(key) as (file, new):
            check_space(self._tree.staging, size_bytes)
            growing = GrowingFile(file)
            for chunk in checked_chunks(chunks, size_bytes=size_bytes, digest=digest, where=where, cancel=cancel):
                growing.write(chunk)
                if progress:
                    progress(len(chunk))
            return self._publish_blob(file, new, target)

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.put_file`; moves the file when it is on the file system of the store."""
        target = self._target(key)
        with translated(str(target)):
            found = path.lstat()
            movable = stat.S_ISREG(found.st_mode) and found.st_dev == self._tree.prepare().stat().st_dev
        if not movable or found.st_size != size_bytes:
            return super().put_file(key, path, size_bytes=size_bytes, digest=digest, progress=progress, cancel=cancel)
        check_cancel(cancel, where=str(target))
        with translated(str(target)):
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.fchmod(file, self._tree.file_mode())
                self._tree.adopt(path)
                token = self._publish_blob(file, path, target)
            finally:
                os.close(file)
        if progress:
            progress(size_bytes)
        return token

    def copy_from(
        self,
        source: ObjectStore,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        digest: Digest,
        progress: Callable[[int], None] | None = None,
        cancel: CancelSignal | None = None,
    ) -> str:
        """See `ObjectStore.copy_from`; between directories the kernel copies (or shares) the data, and we read it once.

        Never by a hard link: a registry that writes into one of the two would change both.
        """
        with source.open_range(source_key) as reader:
            if isinstance(reader, FileReader):
                target = self._target(key)
                with translated(str(target)), self._tree.new_file(key) as (file, new):
                    check_space(self._tree.staging, size_bytes)
                    if reader.copy_to(file, limit_bytes=size_bytes + 1, cancel=cancel):
                        chunks = iter(lambda: os.read(file, MIB), b"")
                        for chunk in checked_chunks(
                            chunks, size_bytes=size_bytes, digest=digest, where=str(target), cancel=cancel
                        ):
                            if progress:
                                progress(len(chunk))
                        return self._publish_blob(file, new, target)
            return self.put_stream(
                key,
                iter(lambda: reader.read(MIB), b""),
                size_bytes=size_bytes,
                digest=digest,
                if_absent=False,
                progress=progress,
                cancel=cancel,
            )

    def _target(self, key: str) -> Path:
        path = self.paths.path(key)
        if key.endswith(".tmp"):
            raise UsageError("not a usable key", where=repr(key), fix="files ending in .tmp are taken for unfinished")
        with translated(path):
            self._tree.prepare()
            self.paths.check_inside(path.rpartition("/")[0], afresh=True)
            self.paths.check_spelling(key)
        return Path(path)

    def _publish_blob(self, file: int, new: Path, target: Path) -> str:
        token = seal(file)
        with self._tree.locked():
            self._tree.publish(new, target)
        return token

    def _same_already(self, key: str, data: bytes) -> str:
        token = written_already(self.get, key, data)
        if token is None:
            raise _changed(str(self.root / key))
        return token

    # -- deleting, unfinished files, check ----------------------------------------------------------------------------

    def delete(self, keys: Sequence[str], *, if_token: str | None = None) -> list[tuple[str, OciStoreError]]:
        """See `ObjectStore.delete`; an emptied tag or repository goes in one step."""
        if if_token is not None and len(keys) != 1:
            raise UsageError("a token goes with exactly one key", where=self.url)
        failed: list[tuple[str, OciStoreError]] = []
        for key in keys:
            try:
                self._delete(key, if_token)
            except OciStoreError as error:
                failed.append((key, error))
        return failed

    def _delete(self, key: str, if_token: str | None) -> None:
        target = Path(self.paths.path(key))
        if not self.root.is_dir():
            self._check_root(str(target))
        if self._misspelled(key):
            return
        with translated(str(target)):
            self.paths.check_inside(str(target.parent), afresh=True)
            with self._tree.locked():
                if if_token is not None and current_token(target) not in (None, if_token):
                    raise _changed(str(target))
                self._tree.remove(target)

    def list_unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """See `ObjectStore.list_unfinished`; files whose key is not known (spooled ones) come with every prefix.

        ``started`` is the time of the last write, so that what is still being written counts as young.
        """
        directory = self.paths.directory(prefix)
        self._check_root(directory)
        with translated(str(self._tree.staging)):
            leftovers = list(self._tree.leftovers())
        for path, key, found in leftovers:
            if not key or key.startswith(prefix):
                yield UnfinishedUpload(path, key or path, found.st_mtime, found.st_size)
        for entry in walk(directory, prefix, start_after="", check_link=self.paths.check_link, unfinished=True):
            yield UnfinishedUpload(entry.key, entry.key, entry.modified, entry.size_bytes)

    def abort(self, upload: UnfinishedUpload) -> None:
        """See `ObjectStore.abort`."""
        path = self.root / upload.id
        if path.parent != self._tree.staging or path.name == "..":
            if not upload.id.endswith(".tmp"):
                raise UsageError("not an unfinished file", where=upload.id)
            path = Path(self.paths.path(upload.id))
        with translated(str(path)):
            self._tree.drop(path)

    def check(self, *, write: bool = False) -> Report:
        """See `ObjectStore.check`."""
        return check_directory(self, self._tree, write=write)


def _changed(where: str) -> PreconditionFailed:
    return PreconditionFailed(
        "somebody else changed the object", where=where, fix="look at the new state, then run again"
    )
