"""What a test needs and may not find: skipped with the reason, or failed where it is required.

``OCISTORE_REQUIRE`` names what must be there, separated by commas (``docker-registry,azurite``), or ``all``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def bed() -> Path:
    """Where components that no package brings are kept: ``OCISTORE_TESTBED``, else below the user's cache."""
    cache = Path(os.environ.get("OCISTORE_REAL_CACHE") or Path.home() / ".cache")
    return Path(os.environ.get("OCISTORE_TESTBED") or cache / "ocistore-testbed")


def missing(name: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where ``name`` is required."""
    if {name, "all"}.intersection(os.environ.get("OCISTORE_REQUIRE", "").split(",")):
        pytest.fail(f"{name} is required: {reason}")
    pytest.skip(reason)


def program(name: str, *, hint: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    return found or missing(name, f"{name} is not installed: {hint}")
