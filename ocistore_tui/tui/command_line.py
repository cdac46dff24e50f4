"""The headless command line that does the same as a plan, ready to paste; never with a secret."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.stores import StoreRow

_COMMON = ("root_dir", "concurrency", "ca_bundle", "insecure_skip_tls_verify")
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": (
        "region", "endpoint", "profile", "path_style", "anonymous", "sse", "sse_kms_key_id", "storage_class", *_COMMON,
    ),
    "gcs": ("project_id", "keyfile", "endpoint", "anonymous", *_COMMON),
    "azure": ("account_name", "endpoint", *_COMMON),
    "fs": ("dir", *_COMMON),
}  # fmt: skip
"""Settings of a store that are options of the same name on the command line; nothing else of a store is printed."""
_TURNED_OFF = {"path_style": "--virtual-hosted-style"}
_LIKE_A_FORM = re.compile(r"(?:dir|containers-storage|tarball|ostree|sif):")
"""Names of images that the command line takes for a transport of skopeo (``docker-daemon:`` makes it clear)."""


def command_line(request: PushRequest | PullRequest, store: StoreRow) -> str:
    """The line for a shell: ``oci-store @prod push team/app:1 --image app:1``."""
    return " ".join(map(quote, words(request, store)))


def serve_line(store: StoreRow, address: str) -> str:
    """The line that serves a store as the UI does: ``oci-store @prod serve --listen 127.0.0.1:5000``."""
    is_named = store.origin == "saved"
    line = ["oci-store", f"@{store.name}" if is_named else store.backend, "serve"]
    if not is_named:
        line += [str(store.settings.get("bucket", ""))] if store.backend != "fs" else []
        line += store_options(store.settings, store.backend)
    return " ".join(map(quote, [*line, "--listen", address]))


def words(request: PushRequest | PullRequest, store: StoreRow) -> list[str]:
    """The same as the program gets it from a shell."""
    is_push = isinstance(request, PushRequest)
    reference = request.target if isinstance(request, PushRequest) else request.source
    verb = "push" if is_push else "pull"
    # The headless program refuses to push to a connection that is saved as read only: there the store itself is named.
    is_named = store.origin == "saved" and not (is_push and store.settings.get("mode") == "read-only")
    line = ["oci-store", f"@{store.name}" if is_named else store.backend, verb]
    bucket = str(store.settings.get("bucket", "")) if not is_named and store.backend != "fs" else ""
    target = f"{bucket}/{reference}" if bucket else str(reference)
    options = list(_options(request, {} if is_named else store.settings, store.backend))
    return [*line, *options, "--", target] if target.startswith("-") else [*line, target, *options]


def _options(
    request: PushRequest | PullRequest, settings: Mapping[str, str | int | bool], backend: str
) -> Iterator[str]:
    if request.image is not None:
        yield from _option("image", _image(request.image))
    if request.platform is not None:
        yield from _option("platform", str(request.platform))
    if request.all_platforms:
        yield "--all-platforms"
    if request.via != "auto":
        yield from _option("via", request.via)
    yield from store_options(settings, backend)
    docker_host = request.docker_host or settings.get("docker_host")
    if docker_host:
        yield from _option("docker_host", str(docker_host))


def store_options(settings: Mapping[str, object], backend: str) -> Iterator[str]:
    """The options that describe a store; what is no such option is left out."""
    for name in OPTIONS[backend]:
        value = settings.get(name)
        if value is True:
            yield f"--{name.replace('_', '-')}"
        elif value is False:
            if name in _TURNED_OFF:
                yield _TURNED_OFF[name]
        elif value not in (None, ""):
            yield from _option(name, str(value))


def _option(name: str, value: str) -> tuple[str, ...]:
    flag = f"--{name.replace('_', '-')}"
    return (f"{flag}={value}",) if value.startswith("-") else (flag, value)


def _image(image: str) -> str:
    return f"docker-daemon:{image}" if _LIKE_A_FORM.match(image) else image


def quote(word: str) -> str:
    r"""A word as a shell takes it; what no terminal shows is written as ``$'\x1b'``, so that it survives a copy."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(sign) for sign in word) + "'"


def _escaped(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    # A file name that is not UTF-8 comes with its odd bytes as surrogates.
    raw = sign.encode("utf-8", "surrogateescape" if "\udc80" <= sign <= "\udcff" else "replace")
    return "".join(f"\\x{byte:02x}" for byte in raw)
