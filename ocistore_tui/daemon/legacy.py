"""Names of layers in the exports of engines up to 24: v1 ids, which follow from the chain of diff IDs.

Source: moby 20.10, image/v1/imagev1.go (CreateID) and image/tarexport/save.go. Knowing them lets a push drop layers it
knows without reading or hashing them. The top layer's id covers the whole config, so it stays unknown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ocistore_tui.model.digest import Digest

_EMPTY_CONFIG = (
    '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,'
    '"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"",'
    '"Entrypoint":null,"OnBuild":null,"Labels":null}'
)


def v1_names(diff_ids: Sequence[Digest]) -> dict[str, Digest]:
    """Directory names of all layers but the top one, with what they hold."""
    names: dict[str, Digest] = {}
    chain = parent = ""
    for diff_id in diff_ids[:-1]:
        chain = "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest() if chain else diff_id
        tail = f',"parent":"sha256:{parent}"' if parent else ""
        document = f'{{"container_config":{_EMPTY_CONFIG},"created":"1970-01-01T00:00:00Z","layer_id":"{chain}"{tail}}}'
        parent = hashlib.sha256(document.encode()).hexdigest()
        names[parent] = diff_id
    return names
