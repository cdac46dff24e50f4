"""The conformance suite of the distribution specification, whole, against our server over a directory and over S3."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.testbed.need import bed, missing
from tests.testbed.serving import KINDS, bench_of

SUITE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
WANTED = {
    "OCI_TLS": "disabled",
    "OCI_VERSION": "1.1",
    # What the specification leaves to registries, and ours does.
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_suite_passes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    suite = bed() / "bin/conformance"
    if not suite.exists():
        missing("conformance", f"there is no {suite}: GOBIN={suite.parent} go install {SUITE}")
    with bench_of(kind, tmp_path, request) as bench:
        env = {**os.environ, **WANTED, "OCI_REGISTRY": bench.address, "OCI_RESULTS_DIR": str(tmp_path / "results")}
        done = subprocess.run([suite], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False)
    report = (tmp_path / "results/results.yaml").read_text() + done.stdout
    rows = dict(re.findall(r"^  (\S[^\n]*?)\.*:\s+([A-Z]\w+)$", done.stdout, re.MULTILINE))
    assert set(rows.values()) <= {"Pass", "Disabled"}, report[-5000:]
    assert sorted(name for name, result in rows.items() if result == "Disabled") == ["Sparse Manifests"]
    assert sum(result == "Pass" for result in rows.values()) > 40
    assert done.returncode == 0, done.stderr[-2000:]
