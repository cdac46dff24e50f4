"""Run as a program: push into a store, and die without warning after the Nth write to it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from ocistore_tui import wiring
from tests.testbed.opened import NOWHERE, push


def main() -> None:
    """Arguments: the place as JSON, target, image, and after how many writes to die (0: never)."""
    place, target, image, dies_after = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    written = 0

    def counting(write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal written
            answer = write(*args, **kwargs)
            written += 1
            if written == dies_after:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    with wiring.open_service(wiring.Place(**place, docker_host=NOWHERE)) as service:
        store: Any = service._context.store
        for name in ("put", "put_stream", "put_file"):
            setattr(store, name, counting(getattr(store, name)))
        push(service, target, image)
    print(written)


if __name__ == "__main__":
    main()
