"""One container: names below the root, the old leading slash, requests whose failures are the program's errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from xml.etree.ElementTree import Element

from azure.storage.blob import BlobClient

from ocistore_tui.backends.azure_client import AzureConnection, AzureOptions
from ocistore_tui.backends.azure_errors import no_object, nothing_there, translated
from ocistore_tui.backends.azure_listing import in_byte_order, read_blob, read_name
from ocistore_tui.backends.azure_upload import match, token_of
from ocistore_tui.backends.base import QUICK_SHARE, SILENCE_S, Entry
from ocistore_tui.backends.objects import root_of, too_large, too_short
from ocistore_tui.errors import NotFound

PAGE_BLOBS = 5000


class Container:
    """What every part of the adapter shares; the client is built at the first request."""

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        root = root_of(options.root_dir)
        self.url = "/".join(filter(None, ("az:/", options.account_name, options.container, root)))
        self._root: str | None = f"{root}/" if root else None
        self._lock = threading.Lock()
        self._probing = threading.Lock()  # of its own: a probe that hangs must not hold up close()
        self._connection: AzureConnection | None = None
        self.account = options.account_name

    def where(self, key: str) -> str:
        """The key for messages."""
        return f"{self.url}/{key}" if key else self.url

    def translated(self, key: str) -> AbstractContextManager[None]:
        """Let only `OciStoreError` out."""
        return translated(self.where(key), account=self.account, credential=self.options.credential_kind)

    @property
    def connection(self) -> AzureConnection:
        """The client and what is known of the far end."""
        with self._lock:
            if self._connection is None:
                with self.translated(""):
                    self._connection = AzureConnection(self.options)
                self.account = self.account or str(self._connection.container.account_name or "")
            return self._connection

    def sign_in(self) -> None:
        """Get what is needed to sign requests, as far as that takes no request to the container.

        Raises:
            OciStoreError: there are no credentials, or they cannot be used.
        """
        with self.translated(""):
            self.connection.sign_in()

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # -- names

    @property
    def prefix(self) -> str:
        """What every blob's name begins with: the root directory, a slash as registries 2.x wrote it, or nothing.

        Without a root directory, found out by one or two requests, once. With both forms in the container, the one of
        registries 3.x counts. A root directory decides by itself: registries 2.x have none.

        Raises:
            OciStoreError: the container cannot be listed.
        """
        with self._probing:
            if self._root is None:
                self._root = "/" if not self._holds("docker/") and self._holds("/docker/") else ""
            return self._root

    def _holds(self, name_prefix: str) -> bool:
        return any(self.pages(name_prefix, 1))

    def blob(self, key: str) -> BlobClient:
        """The client of one blob."""
        return self.connection.container.get_blob_client(self.prefix + key)

    # -- listing

    def pages(
        self, name_prefix: str, page_size: int, *, start: str | None = None, dirs: bool = False, staged: bool = False
    ) -> Iterator[list[Element]]:
        """The rows of a listing, page by page; names as they are in the container."""
        connection = self.connection
        more: dict[str, Any] = {"results_per_page": page_size, "name_starts_with": name_prefix or None}
        # Older servers cannot start in the middle, and others may sort what is not ASCII differently.
        if start is not None and start.isascii() and not self.options.api_version:
            more["start_from"] = start
        include = ["metadata", *(["uncommittedblobs"] if staged else [])]
        with self.translated(""):
            if dirs:
                pages = connection.container.walk_blobs(delimiter="/", **more).by_page()
            else:
                pages = connection.container.list_blobs(include=include, **more).by_page()
        while True:
            with self.translated(""):
                page = next(pages, None)
            if page is None:
                return
            yield connection.transport.take_rows()

    def entries(self, prefix: str, start_after: str | None, *, staged: bool = False) -> Iterator[Entry]:
        """The blobs below ``prefix``; with ``staged`` also those that have blocks and were never committed."""
        root = self.prefix
        cut, start = len(root), None if start_after is None else root + max(prefix, start_after)

        def found() -> Iterator[Entry]:
            for page in self.pages(root + prefix, PAGE_BLOBS, start=start, staged=staged):
                with self.translated(""):
                    rows = [read_blob(element) for element in page]
                for row in rows:
                    if row is None:
                        continue
                    key = row.name[cut:]
                    if key[-1:] not in ("", "/") and (start_after is None or key > start_after):
                        yield Entry(key, row.size_bytes, row.modified, row.etag)

        return in_byte_order(found(), lambda entry: entry.key)

    def child_names(self, prefix: str, start_after: str | None) -> Iterator[str]:
        """The children of ``prefix`` in the order of ``name/``."""
        root = self.prefix
        cut = len(root + prefix)
        start = None if start_after is None else root + prefix + start_after
        pages = self.pages(root + prefix, PAGE_BLOBS, start=start, dirs=True)
        names = (read_name(row)[cut:] for page in pages for row in page if row.tag == "BlobPrefix")
        for name in in_byte_order(names, lambda name: name):
            if len(name) > 1 and (start_after is None or name[:-1] > start_after):
                yield name[:-1]

    # -- looking

    def head(self, key: str) -> Entry | None:
        """See `ObjectStore.head`."""
        try:
            with self.translated(key):
                found = self.blob(key).get_blob_properties()
                if found.last_modified is None:
                    raise ValueError("the answer has no Last-Modified")
        except NotFound as error:
            if not nothing_there(error):
                raise
            return None
        if (found.metadata or {}).get("hdi_isfolder") == "true":
            return None
        return Entry(key, int(found.size), found.last_modified.timestamp(), token_of(found.etag))

    def get(self, key: str, max_bytes: int) -> tuple[bytes, str]:
        """See `ObjectStore.get`."""
        with self.translated(key):
            quick_s = QUICK_SHARE * SILENCE_S
            answer = self.blob(key).download_blob(offset=0, length=max_bytes + 1, read_timeout=quick_s)
            data, properties = answer.readall(), answer.properties
        if len(data) > max_bytes:
            raise too_large(self.where(key), max_bytes)
        return data, token_of(properties.etag)

    def fetch(self, key: str, start: int, size_bytes: int, token: str | None) -> bytes:
        """Exactly these bytes of this version."""
        with self.translated(key):
            data: bytes = self.blob(key).download_blob(offset=start, length=size_bytes, **match(token)).readall()
        if len(data) != size_bytes:
            raise too_short(self.where(key))
        return data

    def found(self, key: str) -> Entry:
        """Like `head`.

        Raises:
            NotFound: there is none.
        """
        entry = self.head(key)
        if entry is None:
            raise no_object(self.where(key))
        return entry
