"""The program over services in memory: doing nothing, or with four transfers that report ten times a second.

python -m benchmarks.ui_dock idle|busy
"""

from __future__ import annotations

import sys
import threading
import time

from msgspec.structs import replace

from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.progress import LayerProgress, LayerState
from ocistore_tui.model.reference import Reference
from ocistore_tui.tui.app import OcistoreApp
from ocistore_tui.tui.ports import Opening
from ocistore_tui.tui.queue import Queue
from tests.fakes.service import FakeService
from tests.fakes.stores import PROD, FakeStores

TRANSFERS = 4
_EVERY_S = 0.1
_STEP = 300_000


def main() -> None:
    """Run it until it is ended."""
    service = FakeService()
    for number in range(TRANSFERS):
        service.add_local(f"bench/app{number}:1")
    queue = Queue.__init__
    Queue.__init__ = lambda self, _=TRANSFERS: queue(self, TRANSFERS)
    app = OcistoreApp(Opening(PROD), FakeStores(service), clock=time.time)
    if sys.argv[1] == "busy":
        service.hold("push")
        threading.Thread(target=_transfers, args=(app, service), daemon=True).start()
    app.run()


def _transfers(app: OcistoreApp, service: FakeService) -> None:
    time.sleep(1)
    requests = [PushRequest(Reference(f"bench/app{n}", "1"), image=f"bench/app{n}:1") for n in range(TRANSFERS)]
    plans = [service.plan_push(request) for request in requests]
    app.desk.tell(lambda: app.runner.start(app.session, plans))
    while len(service.moves) < TRANSFERS:
        time.sleep(_EVERY_S)
    done = 0
    layers = tuple(LayerProgress(f"sha256:{n:064x}", LayerState.UPLOADING, 0, 10**9) for n in range(4))
    while True:
        done += _STEP
        for move in service.moves.values():
            shown = tuple(replace(layer, done_bytes=done) for layer in layers)
            move.total_bytes = 4 * 10**9
            move.show(4 * done, layers=shown, rate_bytes_s=float(_STEP * 10), elapsed_s=done / _STEP / 10)
        time.sleep(_EVERY_S)


if __name__ == "__main__":
    main()
