"""What a command line makes the program ask of the engine, without an engine."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ocistore_tui.errors import Refused
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.wiring import Place
from tests.cli.running import Invoke


@dataclass
class Seen:
    """What the program was about to do."""

    places: list[Place] = field(default_factory=list)
    requests: list[PushRequest | PullRequest] = field(default_factory=list)

    @property
    def place(self) -> Place:
        (place,) = self.places
        return place

    @property
    def request(self) -> PushRequest | PullRequest:
        (request,) = self.requests
        return request


class Recorder:
    """A Service that notes what it is asked for, and does nothing."""

    store_url = "nowhere://"

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def plan_push(self, request: PushRequest) -> NoReturn:
        self._seen.requests.append(request)
        raise Refused("seen enough")

    def plan_pull(self, request: PullRequest) -> NoReturn:
        self._seen.requests.append(request)
        raise Refused("seen enough")

    def repositories(self) -> list[Any]:
        return []

    def is_image_layout(self) -> bool:
        return False

    def close(self) -> None:
        pass


def run_line(oci_store: Invoke, line: str) -> None:
    name, *words = shlex.split(line)
    assert name == "oci-store"
    assert oci_store(*words).code == Refused.exit_code, "the recorder was not reached"
