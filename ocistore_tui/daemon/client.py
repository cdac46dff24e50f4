"""A container engine by its API: docker of any age with either image store, or podman (docker-api.md)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from ocistore_tui.backends.base import CancelSignal
from ocistore_tui.daemon.address import Address
from ocistore_tui.daemon.http import Response
from ocistore_tui.daemon.wire import Wire, not_an_engine
from ocistore_tui.errors import NoSpace, NotFound, OciStoreError, Unavailable, UsageError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import EngineEvent, LocalImage
from ocistore_tui.model.platform import Platform
from ocistore_tui.model.text import inert

_NEWEST_API = (1, 51)
_PULLS_PLATFORMS = (1, 32)


class EngineClient:
    """One engine; asks it for its version and kind when they first matter.

    Args:
        address: Where it listens.
        answer_s: Seconds it may think about a small question.
    """

    def __init__(self, address: Address, *, answer_s: float = 60.0) -> None:
        self.address = address
        self._answer_s = answer_s
        self._api: tuple[int, int] | None = None
        self._info: Mapping[str, Any] | None = None
        self._is_podman = False

    @property
    def label(self) -> str:
        """Name, version and address."""
        return f"{self.product} ({self.address})"

    @property
    def product(self) -> str:
        """Name and version."""
        name = "podman" if self.is_podman else "docker"
        return f"{name} {inert(str(self.info.get('ServerVersion', '')), limit=40)}"

    @property
    def api(self) -> tuple[int, int]:
        """The API version both ends know."""
        if self._api is None:
            with self._send("GET", "/_ping", timeout_s=self._answer_s) as response:
                response.read()
                version = response.headers.get("api-version", "")
                self._is_podman = "libpod-api-version" in response.headers
            major, _, minor = version.partition(".")
            if not (major.isdecimal() and minor.isdecimal()):
                raise not_an_engine(self.address, "its /_ping names no API version")
            self._api = min((int(major), int(minor)), _NEWEST_API)
        return self._api

    @property
    def is_podman(self) -> bool:
        """Whether it is podman, which takes no partial images."""
        _ = self.api
        return self._is_podman

    @property
    def info(self) -> Mapping[str, Any]:
        """What ``GET /info`` says."""
        if self._info is None:
            found = self._json("GET", "/info")
            if not isinstance(found, dict):
                raise not_an_engine(self.address, "its /info is no object")
            self._info = found
        return self._info

    @property
    def has_containerd_store(self) -> bool:
        """Whether images are kept by digest; the driver's name alone does not tell (docker-api.md §1)."""
        status = self.info.get("DriverStatus")
        return isinstance(status, list) and ["driver-type", "io.containerd.snapshotter.v1"] in status

    @property
    def reads_zstd(self) -> bool:
        """Whether zstd layers can be loaded: docker 23 and later, podman."""
        return self.is_podman or self.api >= (1, 42)

    @property
    def platform(self) -> Platform:
        """What its containers run on."""
        names = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
        machine = str(self.info.get("Architecture", ""))
        return Platform(os=str(self.info.get("OSType") or "linux"), architecture=names.get(machine, machine))

    def images(self) -> list[LocalImage]:
        """Everything it holds; chains of diff IDs are looked up per image, so they are left out here."""
        rows = self._json("GET", "/images/json")
        found: list[LocalImage] = []
        for row in rows if isinstance(rows, list) else ():
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, OverflowError):
                names = tuple(name for name in row.get("RepoTags") or () if "<none>" not in name)
                found.append(
                    LocalImage(
                        id=Digest.parse(row["Id"]),
                        names=names,
                        size_bytes=int(row.get("Size") or 0),
                        created=float(row.get("Created") or 0) or None,
                        repo_digests=tuple(row.get("RepoDigests") or ()),
                    )
                )
        return found

    def chains(self) -> list[tuple[Digest, tuple[Digest, ...]]]:
        """Id and chain of diff IDs of every image."""
        with ThreadPoolExecutor(8, "ocistore-inspect") as pool:
            rows = list(pool.map(self._chain, [image.id for image in self.images()]))
        return [row for row in rows if row is not None]

    def _chain(self, image: Digest) -> tuple[Digest, tuple[Digest, ...]] | None:
        # An image may go between the list and the look.
        with contextlib.suppress(NotFound, ValueError, AttributeError, TypeError):
            layers = (self.inspect(image).get("RootFS") or {}).get("Layers") or ()
            return image, tuple(Digest.parse(str(layer)) for layer in layers)
        return None

    def inspect(self, name: str) -> Mapping[str, Any]:
        """What the engine knows of an image.

        Raises:
            NotFound: it has no such image.
        """
        document = self._json("GET", f"/images/{quote(name, safe='/:@')}/json", subject=name)
        if not isinstance(document, dict):
            raise not_an_engine(self.address, "its answer about an image is no object")
        return document

    def find(self, name: str) -> Digest | None:
        """The id an image name has now; None when there is none."""
        try:
            return Digest.parse(str(self.inspect(name).get("Id", "")))
        except (NotFound, ValueError):
            return None

    def tag(self, image: str, name: str) -> None:
        """Give an image another name."""
        repository, _, tag = name.rpartition(":")
        self._json("POST", f"/images/{quote(image, safe='/:@')}/tag", {"repo": repository, "tag": tag}, subject=image)

    def untag(self, name: str) -> None:
        """Take a name away; the image goes with its last name, its layers stay where others need them."""
        with contextlib.suppress(NotFound):
            self._json("DELETE", f"/images/{quote(name, safe='/:@')}", {"force": "1", "noprune": "1"}, subject=name)

    def export(
        self, name: str, *, platform: Platform | None = None, cancel: CancelSignal | None = None
    ) -> Generator[bytes]:
        """The image's archive as it comes; with ``platform`` only that one, where the engine knows how (API 1.48).

        HTTP/1.0, because then the engine does not cut it into small chunks; no limit on silence, because a classic
        engine says nothing until it has written everything to its own disk.
        """
        path = f"/images/{quote(name, safe='/:@')}/get"
        if platform is not None:
            wanted = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
            path += "?" + urlencode({"platform": json.dumps({key: text for key, text in wanted.items() if text})})
        with self._send("GET", self._versioned(path), cancel=cancel, timeout_s=None, version="1.0") as response:
            self._check(response, subject=name)
            yield from response.pieces()

    def load(self, archive: Iterable[bytes], *, cancel: CancelSignal | None = None) -> list[dict[str, Any]]:
        """Send an archive and return what the engine said of its result, line by line.

        Raises:
            OciStoreError: the engine refused it; what ``archive`` raises passes through and ends the load.
        """
        wire = Wire(self.address)
        target = self._versioned("/images/load") + "?quiet=0"
        try:
            try:
                wire.send("POST", target, headers={"Content-Type": "application/x-tar"}, body=archive, cancel=cancel)
            except Unavailable as error:
                # The engine may have answered before it read everything: its own words are worth more.
                if error.where != str(self.address):
                    raise
                try:
                    response = Response(wire, timeout_s=2.0, cancel=cancel)
                except Unavailable:
                    raise error from None
                return self._loaded(response)
            return self._loaded(Response(wire, timeout_s=None, cancel=cancel))
        finally:
            wire.close()

    def push(self, name: str, *, cancel: CancelSignal | None = None) -> Iterator[EngineEvent]:
        """Let the engine push an image to the registry its name begins with, and tell what it does.

        Raises:
            OciStoreError: it failed, in the engine's words.
        """
        repository, _, tag = name.rpartition(":")
        target = f"/images/{quote(repository, safe='/:')}/push?" + urlencode({"tag": tag})
        # Required, though it says nothing (docker-api.md §5).
        yield from self._told(target, headers={"X-Registry-Auth": "e30="}, cancel=cancel)

    def pull(self, name: str, platform: Platform, *, cancel: CancelSignal | None = None) -> Iterator[EngineEvent]:
        """Let the engine pull ``REGISTRY/REPOSITORY@DIGEST``, and tell what it does.

        Raises:
            OciStoreError: it failed, in the engine's words.
        """
        repository, _, digest = name.partition("@")
        query = {"fromImage": repository, "tag": digest}
        if platform.is_known and self.api >= _PULLS_PLATFORMS:
            query["platform"] = str(platform)
        yield from self._told(f"/images/create?{urlencode(query)}", headers={}, cancel=cancel)

    def _told(self, target: str, *, headers: Mapping[str, str], cancel: CancelSignal | None) -> Iterator[EngineEvent]:
        with self._send("POST", self._versioned(target), headers=headers, cancel=cancel, timeout_s=None) as response:
            self._check(response, subject="")
            for line in response.lines():
                with contextlib.suppress(ValueError, RecursionError):
                    told = json.loads(line)
                    if isinstance(told, dict):
                        yield self._event(told)

    def _event(self, told: Mapping[str, Any]) -> EngineEvent:
        detail, progress = told.get("errorDetail"), told.get("progressDetail")
        if detail or told.get("error"):
            said = str(detail.get("message") or "") if isinstance(detail, dict) else ""
            said = inert((said or str(told.get("error") or "it gave no reason")).strip(), limit=300)
            if "no space left" in said:
                raise engine_is_full(str(self.address), said)
            raise Unavailable(
                "the engine could not move the image", where=str(self.address), cause=said, fix="use --via archive"
            )
        current, total = (progress.get("current"), progress.get("total")) if isinstance(progress, dict) else (0, 0)
        return EngineEvent(
            layer=str(told.get("id") or ""),
            status=str(told.get("status") or ""),
            done_bytes=current if isinstance(current, int) else 0,
            total_bytes=total if isinstance(total, int) else 0,
        )

    def _loaded(self, response: Response) -> list[dict[str, Any]]:
        if response.status != 200:
            self._raise_for(response.status, response.read(), subject="")
        events: list[dict[str, Any]] = []
        try:
            for line in response.lines():
                with contextlib.suppress(ValueError, RecursionError):
                    event = json.loads(line)
                    # Large images come with thousands of lines of progress.
                    if isinstance(event, dict) and event.keys() & {"stream", "error", "errorDetail"}:
                        events.append(event)
        except Unavailable:
            # An engine that refuses early may hang up hard; what it said before that is worth more.
            if not any(event.keys() & {"error", "errorDetail"} for event in events):
                raise
        return events

    def _json(self, method: str, path: str, query: Mapping[str, str] | None = None, *, subject: str = "") -> Any:
        target = self._versioned(path) + (f"?{urlencode(query)}" if query else "")
        with self._send(method, target, timeout_s=self._answer_s) as response:
            body = response.read()
            if response.status >= 300:
                self._raise_for(response.status, body, subject=subject)
        if not body:
            return None
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise not_an_engine(self.address, f"{path} did not answer with JSON") from error

    def _versioned(self, path: str) -> str:
        major, minor = self.api
        return f"/v{major}.{minor}{path}"

    def _send(
        self,
        method: str,
        target: str,
        *,
        timeout_s: float | None,
        headers: Mapping[str, str] | None = None,
        cancel: CancelSignal | None = None,
        version: str = "1.1",
    ) -> Response:
        wire = Wire(self.address)
        try:
            body = b"" if method != "GET" else None
            wire.send(method, target, headers=headers or {}, body=body, cancel=cancel, version=version)
            return Response(wire, timeout_s=timeout_s, cancel=cancel)
        except BaseException:
            wire.close()
            raise

    def _check(self, response: Response, *, subject: str) -> None:
        if response.status >= 300:
            self._raise_for(response.status, response.read(), subject=subject)

    def _raise_for(self, status: int, body: bytes, *, subject: str) -> None:
        try:
            message = str(json.loads(body).get("message", ""))
        except (ValueError, AttributeError, RecursionError):
            message = body[:200].decode("utf-8", "replace")
        message = inert(message, limit=300)
        error: OciStoreError
        if status == 404 and subject:
            error = NotFound(
                "no such local image",
                where=f"{subject} in {self.address}",
                cause=message,
                fix="see docker images; name another with --image",
            )
        elif "no space left" in message:
            error = engine_is_full(str(self.address), message)
        elif status == 400:
            error = UsageError("the engine refuses the request", where=str(self.address), cause=message)
        else:
            error = Unavailable(
                f"the engine failed with status {status}",
                where=str(self.address),
                cause=message,
                fix="look at the engine's log",
            )
        raise error


def engine_is_full(where: str, said: str) -> NoSpace:
    """The error for an engine that has no room for an image."""
    return NoSpace("the engine's disk is full", where=where, cause=said, fix="docker system df; docker system prune")
