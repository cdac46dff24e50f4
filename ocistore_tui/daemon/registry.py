"""An engine that pushes to and pulls from a registry of ours on this computer, and keeps no trace of its name."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import threading
from collections.abc import Iterator

from ocistore_tui.daemon.client import EngineClient
from ocistore_tui.errors import Cancelled, OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.local import LOOPBACK_PREFIX

_OURS = re.compile(rf"localhost:(\d{{1,5}})/{LOOPBACK_PREFIX}[0-9a-f]+/")
_KEPT_PREFIX = "ocistore-kept/"
_PATIENT_S, _HURRIED_S = 60.0, 3.0


def obstacle(client: EngineClient) -> str:
    """Why the engine cannot reach a registry that listens on this computer; empty when it can."""
    if client.address.scheme != "unix":
        return "the engine may be on another computer, whose localhost is not this one"
    if client.is_podman:
        return "podman takes no registry without TLS"
    options = client.info.get("SecurityOptions")
    if client.info.get("OperatingSystem") == "Docker Desktop":
        return "Docker Desktop's engine is in a virtual machine, whose localhost is not this computer"
    if isinstance(options, list) and any("rootless" in str(option) for option in options):
        return "a rootless engine has a localhost of its own"
    return ""


def is_passing(name: str) -> bool:
    """Whether an image has this name for the length of one of our transfers."""
    return name.startswith(_KEPT_PREFIX) or _OURS.match(name) is not None


def kept_name(image: Digest) -> str:
    """A name that holds an image while its own one may be taken away."""
    return f"{_KEPT_PREFIX}{secrets.token_hex(8)}:{image.short}"


@contextlib.contextmanager
def named(client: EngineClient, name: str) -> Iterator[None]:
    """Take ``name`` away again, whatever happens inside; and, meanwhile, what killed processes left before."""
    # An engine with many images takes long to list them.
    sweeping = threading.Thread(target=sweep, args=(client, name), name="ocistore-sweep", daemon=True)
    sweeping.start()
    is_hurried = False
    try:
        yield
    except BaseException as error:
        is_hurried = isinstance(error, Cancelled)
        client = EngineClient(client.address, answer_s=_HURRIED_S if is_hurried else _PATIENT_S)
        raise
    finally:
        with contextlib.suppress(OciStoreError):
            client.untag(name)
        if not is_hurried:
            sweeping.join(_HURRIED_S)


def sweep(client: EngineClient, own: str) -> None:
    """Take names of our registries away that no transfer uses any more; as far as the engine lets us.

    Args:
        client: The engine.
        own: The name this transfer uses: on its port listens nobody but we.
    """
    ours = _OURS.match(own)
    with contextlib.suppress(OciStoreError):
        for image in client.images():
            tagged = {name.rpartition(":")[0] for name in image.names}
            # A digest of a repository that has a tag goes with that.
            digests = [name for name in image.repo_digests if name.partition("@")[0] not in tagged]
            for name in (*image.names, *digests):
                found = _OURS.match(name)
                if found and name != own and ((ours and found[1] == ours[1]) or not _listens(int(found[1]))):
                    with contextlib.suppress(OciStoreError):  # the others may go all the same
                        client.untag(name)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError, OverflowError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False
