"""A network that fails between us and S3: success or a clean error, and never a bad blob at its key."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ocistore_tui.engine.service import Service
from ocistore_tui.errors import Cancelled, IntegrityError, OciStoreError, Throttled
from ocistore_tui.layout import paths
from ocistore_tui.layout.paths import Kind
from ocistore_tui.model.plan import PullRequest, PushRequest
from ocistore_tui.model.reference import Reference
from ocistore_tui.wiring import Place, open_service
from tests.faults.proxy import Fault, FaultProxy, http_answer
from tests.testbed import images, servers
from tests.testbed.images import Image, layer
from tests.testbed.opened import NOWHERE, pull, push

BIG_BYTES = 20_000_000
PART = r"PUT \S+partNumber=2"
COMPLETE = r"POST \S+uploadId="
BLOB = r"PUT \S+/blobs/sha256/\S+/data HTTP"
TAG = r"PUT \S+/current/link"
IMAGE = Image((layer("big", BIG_BYTES), layer("small")), coding="")
READ = rf"GET \S+/{images.Digest.of(IMAGE.blobs[0]).encoded}/data"
SLOW_DOWN = http_answer(503, b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>")

PUSH_FAULTS = {
    "a part is reset": (PART, "reset", {"on": "request", "after_bytes": 3_000_000}),
    "the reply to a part is lost": (PART, "close", {}),
    "a part is flipped": (PART, "flip", {"on": "request", "after_bytes": 1_000_000}),
    "a small blob is reset": (BLOB, "reset", {"on": "request", "after_bytes": 8_000}),
    "the reply to a small blob is lost": (BLOB, "reset", {"times": 2}),
    "the reply to the completion is lost": (COMPLETE, "close", {}),
    "two requests are told to slow down": (BLOB, "answer", {"answer": SLOW_DOWN, "times": 2}),
    "the reply to the tag is lost": (TAG, "close", {}),
    "a link is told there was an internal error": (r"PUT \S+/link", "answer", {"answer": http_answer(500), "times": 2}),
    "every second connection breaks": (r".", "reset", {"times": 6, "skip": 3}),
}
PULL_FAULTS = {
    "a read is cut": (READ, "close", {"after_bytes": 2_000_000}),
    "a read is reset, twice": (READ, "reset", {"after_bytes": 1_000_000, "times": 2}),
    "a read is flipped": (READ, "flip", {"after_bytes": 2_000_000}),
    "the manifest is cut": (r"GET \S+/link", "reset", {"times": 2}),
    "reads are told to slow down": (READ, "answer", {"answer": SLOW_DOWN, "times": 2}),
}


@pytest.fixture
def proxy(moto: str) -> Iterator[FaultProxy]:
    with FaultProxy(moto) as proxy:
        yield proxy


@pytest.fixture
def bucket(moto: str) -> str:
    return servers.make_bucket(moto)


@pytest.fixture
def service(proxy: FaultProxy, bucket: str) -> Iterator[Service]:
    access, secret = servers.S3_KEYS
    options = {"endpoint": proxy.url, "access_key": access, "secret_key": secret}
    with open_service(Place("s3", bucket, options, docker_host=NOWHERE)) as service:
        yield service


@pytest.fixture
def image() -> Image:
    return IMAGE


def bad_blobs(moto: str, bucket: str) -> list[str]:
    """Blobs whose bytes are not what their key says, read past the proxy."""
    access, secret = servers.S3_KEYS
    client = boto3.client(
        "s3", endpoint_url=moto, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
    )
    bad = []
    for row in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        parsed = paths.parse(row["Key"])
        assert parsed is not None, f"a stray key: {row['Key']}"
        if parsed.kind is Kind.BLOB:
            assert parsed.digest is not None
            body = client.get_object(Bucket=bucket, Key=row["Key"])["Body"].read()
            if hashlib.sha256(body).hexdigest() != parsed.digest.encoded:
                bad.append(row["Key"])
    return bad


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("fault", PUSH_FAULTS)
def test_a_push_through_faults(
    fault: str, form: str, service: Service, proxy: FaultProxy, moto: str, bucket: str, image: Image, tmp_path: Path
) -> None:
    if form == "oci-archive":
        source = f"{form}:{images.oci_archive(tmp_path / 'image.tar', '1', image)}"
    else:
        source = f"{form}:{images.docker_archive(tmp_path / 'image.tar', {'app:1': image})}"
    request, what, more = PUSH_FAULTS[fault]
    planted = proxy.fail(request, what, **more)
    error: OciStoreError | None = None
    try:
        push(service, "app:1", source)
    except OciStoreError as raised:
        error = raised
    assert planted.happened.is_set(), "the fault was never met"
    # This server verifies no hashes, real ones do: tests/backends/test_s3_faults.py flips bits before one.
    assert bad_blobs(moto, bucket) == [] or what == "flip"
    if error is not None:
        assert error.fix
        assert list(service.tag_names("app")) == [], "a push that failed tags nothing"
    proxy.heal()
    push(service, "app:1", source)
    assert list(service.flaws("app")) == []
    if what != "flip":
        pull(service, "app:1", f"oci:{tmp_path / 'back'}")


@pytest.mark.parametrize("fault", PULL_FAULTS)
def test_a_pull_through_faults(fault: str, service: Service, proxy: FaultProxy, image: Image, tmp_path: Path) -> None:
    push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'image.tar', '1', image)}")
    request, what, more = PULL_FAULTS[fault]
    planted = proxy.fail(request, what, **more)
    out = tmp_path / "out.tar"
    try:
        result = pull(service, "app:1", f"oci-archive:{out}")
        assert result.digest == image.digest
        assert what != "flip", "a flipped bit was not noticed"
    except IntegrityError:
        assert what == "flip"
        assert not out.exists()
    assert planted.happened.is_set(), "the fault was never met"
    proxy.heal()
    out.unlink(missing_ok=True)
    assert pull(service, "app:1", f"oci-archive:{out}").digest == image.digest


def cancel_when(fault: Fault, cancel: threading.Event) -> list[float]:
    """Set ``cancel`` as soon as the fault is met; the list gets the moment."""
    moments: list[float] = []

    def wait() -> None:
        fault.happened.wait(60)
        moments.append(time.monotonic())
        cancel.set()

    threading.Thread(target=wait, daemon=True).start()
    return moments


@pytest.mark.parametrize("stalled", ["a part", "the completion", "a small blob", "the tag"])
def test_a_stalled_push_can_be_cancelled(
    stalled: str, service: Service, proxy: FaultProxy, moto: str, bucket: str, image: Image, tmp_path: Path
) -> None:
    source = f"oci-archive:{images.oci_archive(tmp_path / 'image.tar', '1', image)}"
    request = {"a part": PART, "the completion": COMPLETE, "a small blob": BLOB, "the tag": TAG}[stalled]
    plan = service.plan_push(PushRequest(Reference.parse("app:1"), source))
    cancel = threading.Event()
    moments = cancel_when(proxy.fail(request, "stall", times=100), cancel)
    with pytest.raises(Cancelled):
        service.push(plan, cancel=cancel)
    assert time.monotonic() - moments[0] < 3, "a cancel waits for nobody"
    assert bad_blobs(moto, bucket) == []
    proxy.heal()
    push(service, "app:1", source)
    assert list(service.flaws("app")) == []


def test_a_stalled_read_can_be_cancelled(service: Service, proxy: FaultProxy, image: Image, tmp_path: Path) -> None:
    push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'image.tar', '1', image)}")
    plan = service.plan_pull(PullRequest(Reference.parse("app:1"), f"oci-archive:{tmp_path / 'out.tar'}"))
    cancel = threading.Event()
    moments = cancel_when(proxy.fail(READ, "stall", after_bytes=1_000_000, times=100), cancel)
    with pytest.raises(Cancelled):
        service.pull(plan, cancel=cancel)
    assert time.monotonic() - moments[0] < 3
    assert not (tmp_path / "out.tar").exists()


def test_a_store_that_throttles_for_ever_is_given_up(
    service: Service, proxy: FaultProxy, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.fail(r".", "answer", answer=SLOW_DOWN, times=10_000)
    started = time.monotonic()
    with pytest.raises(Throttled):
        push(service, "app:1", f"oci-archive:{images.oci_archive(tmp_path / 'image.tar', '1', image)}")
    assert time.monotonic() - started < 60
