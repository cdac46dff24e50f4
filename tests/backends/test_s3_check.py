"""The self-test: the step that fails is named, with the permission it lacks and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from ocistore_tui.backends import s3_check
from ocistore_tui.backends.base import Finding
from ocistore_tui.backends.s3 import S3Store
from tests.backends.s3_buckets import client, new_bucket, options, store_at, without_waiting
from tests.faults.canned import Answer, CannedServer, Request
from tests.faults.s3_answers import always, page, refusal, well


def failed(store: S3Store, *, write: bool = True) -> Finding:
    """The first step that failed."""
    report = store.check(write=write)
    assert not report.ok
    finding = next(finding for finding in report.findings if finding.ok is False)
    assert finding.error is not None
    assert finding.detail == finding.error.message or finding.step == "clock"
    assert finding.error.fix
    return finding


@pytest.mark.parametrize(
    ("code", "status", "step", "fix"),
    [
        ("AccessDenied", 403, "list", "grant s3:ListBucket"),
        ("InvalidAccessKeyId", 403, "sign in", "--access-key"),
        ("SignatureDoesNotMatch", 403, "sign in", "--secret-key"),
        ("ExpiredToken", 400, "sign in", "aws sso login"),
        ("RequestTimeTooSkewed", 403, "clock", "timedatectl"),
        ("NoSuchBucket", 404, "list", "aws s3 mb s3://bucket"),
        ("AuthorizationHeaderMalformed", 400, "region", "--region eu-west-1"),
        ("SlowDown", 503, "reach", "--concurrency"),
        ("NotImplemented", 501, "reach", "another server"),
    ],
)
def test_a_first_request_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, step: str, fix: str
) -> None:
    without_waiting(monkeypatch)
    with CannedServer(always(refusal(status, code, region="eu-west-1"))) as server:
        found = failed(store_at(server))
    assert found.step == step
    assert found.error is not None
    assert fix in found.error.fix


def test_nothing_there_and_no_credentials() -> None:
    assert failed(S3Store(options("http://127.0.0.1:1", "bucket"))).step == "reach"
    with CannedServer(well) as server:
        found = failed(store_at(server, access_key=None, secret_key=None))
    assert found.step == "sign in"
    assert found.error is not None
    assert "AWS_ACCESS_KEY_ID" in found.error.fix


def test_a_web_page_is_not_reached() -> None:
    with CannedServer(always(Answer(200, "<html></html>"))) as server:
        found = failed(store_at(server))
    assert found.step == "reach"
    assert "not an S3 endpoint" in found.detail


@pytest.mark.parametrize(
    ("step", "permission", "when"),
    [
        ("read", "s3:GetObject", lambda request: request.method == "HEAD"),
        ("write", "s3:PutObject", lambda request: request.method == "PUT"),
        ("delete", "s3:DeleteObject", lambda request: request.method == "DELETE"),
    ],
)
def test_a_right_that_is_missing_is_named(step: str, permission: str, when: Callable[[Request], bool]) -> None:
    stored: dict[str, bytes] = {}

    def answer(request: Request) -> Answer:
        """A server that keeps conditions and holds one object of ours at a time."""
        if when(request):
            return refusal(403, "AccessDenied")
        key = request.path.partition("?")[0]
        if ".ocistore-check" not in request.path:
            return well(request)
        if request.method == "DELETE":
            stored.pop(key, None)
            return Answer(204)
        there = stored.get(key)
        etag = f'"{there!r}"'
        if request.method == "PUT":
            conditions = request.headers
            if (conditions.get("if-none-match") and there) or conditions.get("if-match", etag) != etag:
                return refusal(412, "PreconditionFailed")
            stored[key] = request.body
            return Answer(200, headers={"ETag": f'"{request.body!r}"'})
        return Answer(200, there, {"ETag": etag}) if there else refusal(404, "NoSuchKey")

    with CannedServer(answer) as server:
        found = failed(store_at(server))
    assert found.step == step
    assert found.error is not None
    assert f"grant {permission} on the bucket bucket" in found.error.fix


@pytest.mark.parametrize(("offset_s", "said"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off(monkeypatch: pytest.MonkeyPatch, offset_s: int, said: str) -> None:
    monkeypatch.setattr(s3_check, "time", SimpleNamespace(time=lambda: time.time() + offset_s))
    with CannedServer(well) as server:
        found = failed(store_at(server), write=False)
    assert found.step == "clock"
    assert said in found.detail
    assert found.error is not None
    assert "timedatectl" in found.error.fix


def test_a_bucket_elsewhere_costs_a_round_trip_and_is_said() -> None:
    def answer(request: Request) -> Answer:
        found = well(request)
        return Answer(found.status, found.body, {**found.headers, "x-amz-bucket-region": "eu-west-1"})

    with CannedServer(answer) as server:
        report = store_at(server).check()
    assert report.ok
    (region,) = (finding for finding in report.findings if finding.step == "region")
    assert "--region eu-west-1" in region.detail


def test_an_empty_bucket_has_nothing_to_read() -> None:
    with CannedServer(lambda request: page() if request.method == "GET" else well(request)) as server:
        report = store_at(server).check()
    assert report.ok
    assert {finding.step: finding.ok for finding in report.findings}["read"] is None


def test_a_healthy_bucket_is_left_as_it_was(moto: str) -> None:
    place = new_bucket(moto)
    client(moto).put_object(Bucket=place.bucket, Key="k", Body=b"x")
    report = S3Store(place).check(write=True)
    assert report.ok
    assert {finding.step for finding in report.findings if finding.ok} == {
        "reach", "sign in", "region", "list", "read", "clock", "write", "conditions", "case", "delete"
    }  # fmt: skip
    assert [found["Key"] for found in client(moto).list_objects_v2(Bucket=place.bucket)["Contents"]] == ["k"]


def test_without_leave_to_write_nothing_is_written() -> None:
    with CannedServer(well) as server:
        report = store_at(server).check()
    assert {request.method for request in server.requests} == {"GET", "HEAD"}
    assert {finding.step: finding.ok for finding in report.findings}["write"] is None
