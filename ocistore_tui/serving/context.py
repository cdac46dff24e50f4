"""The store and the means that all parts of one registry share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ocistore_tui.backends.base import MIB, SMALL_OBJECT_BYTES, ObjectStore
from ocistore_tui.layout.blobs import Blobs
from ocistore_tui.layout.repository import Repository
from ocistore_tui.model.digest import Digest
from ocistore_tui.serving.rules import Event, Listener, Rules
from ocistore_tui.serving.sessions import Sessions

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_REMEMBERED = 20_000
_REQUESTS = 16
_AHEAD = 2
"""Large blobs read from a bucket in parallel pieces at once; others go in one stream."""
_WHOLE_MOVES = 3
"""Smaller ones sent to a bucket at once, in one piece, which is held in memory for that."""
_HELD_FROM_BYTES = MIB


class Context:
    """What one registry works with.

    Args:
        store: Where everything is.
        rules: What clients may do.
        listener: Hears of what they do.
        prefix: What the names of repositories begin with for clients; ends in a slash unless empty.
        blobs: The blobs of the store.
    """

    def __init__(self, store: ObjectStore, rules: Rules, listener: Listener | None, prefix: str, blobs: Blobs) -> None:
        self.store, self.rules, self.prefix, self.blobs = store, rules, prefix, blobs
        self.seen = Seen()
        self.sessions = Sessions(most=rules.max_uploads, idle_s=rules.upload_idle_s)
        self.is_cut_off = threading.Event()
        """Ends uploads into the store."""
        self.ahead = threading.BoundedSemaphore(_AHEAD)
        # Two of each, for what comes as fast as a client sends it must not hold up what is on disk already.
        self._large = tuple(threading.BoundedSemaphore(rules.large_moves) for _ in range(2))
        self._whole = tuple(threading.BoundedSemaphore(_WHOLE_MOVES) for _ in range(2))
        self._listener = listener
        self._pool = ThreadPoolExecutor(_REQUESTS, "ocistore-serve")

    def repository(self, name: str) -> Repository:
        """A repository of the store."""
        return Repository(self.store, name)

    def upload_slot(self, size_bytes: int, *, spooled: bool) -> threading.BoundedSemaphore | None:
        """What has to be held while a blob of this size goes into the store: this bounds the memory all of them take.

        None: it takes next to none.
        """
        if size_bytes <= _HELD_FROM_BYTES or self.store.spool_dir is not None:
            return None
        return (self._whole if size_bytes <= SMALL_OBJECT_BYTES else self._large)[spooled]

    def tell(self, event: Event) -> None:
        """Let the owner know."""
        if self._listener is not None:
            self._listener(event)

    def path(self, repository: str, rest: str) -> str:
        """Where a client finds something of a repository."""
        return f"/v2/{self.prefix}{repository}/{rest}"

    def each(self, work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
        """``work`` on every item, several at once, results in order."""
        listed = list(items)
        if len(listed) < 2:
            return [work(item) for item in listed]
        return list(self._pool.map(work, listed))

    def close(self) -> None:
        """Forget the uploads under way, and let the threads end."""
        self.sessions.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


class Seen:
    """Which versions of which blobs were hashed once and found right, or wrong; the latest few thousand."""

    def __init__(self) -> None:
        self._sound: OrderedDict[tuple[Digest, str], None] = OrderedDict()
        self._damaged: OrderedDict[Digest, None] = OrderedDict()
        self._lock = threading.Lock()

    def is_sound(self, digest: Digest, token: str | None) -> bool:
        """Whether this very version was seen to be right."""
        return token is not None and (digest, token) in self._sound

    def is_damaged(self, digest: Digest) -> bool:
        """Whether the blob was seen to be wrong, and not stored anew since."""
        return digest in self._damaged

    def sound(self, digest: Digest, token: str | None) -> None:
        """This version is right."""
        with self._lock:
            self._damaged.pop(digest, None)
            if token:
                self._sound[digest, token] = None
                if len(self._sound) > _REMEMBERED:
                    self._sound.popitem(last=False)

    def damaged(self, digest: Digest) -> None:
        """It is wrong: the next upload of it is to replace it."""
        with self._lock:
            self._damaged[digest] = None
            if len(self._damaged) > _REMEMBERED:
                self._damaged.popitem(last=False)
