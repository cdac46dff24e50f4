"""Certificates that sign themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.testbed.need import program


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = [program("openssl", hint="apt-get install openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj",
               "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
