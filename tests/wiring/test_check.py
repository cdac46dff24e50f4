"""A live check names the step that fails, the permission and the fix; and it finds the prefix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from ocistore_tui.backends.local import LocalStore
from ocistore_tui.config import Value
from ocistore_tui.errors import UsageError
from ocistore_tui.model.stores import CheckStep, StoreRow
from ocistore_tui.wiring.rows import embedded_row, parse_store
from ocistore_tui.wiring.stores import LocalStores
from tests.fakes.azure_relay import new_container
from tests.fakes.gcs_server import GcsServer
from tests.faults.canned import CannedServer
from tests.faults.s3_answers import always, refusal
from tests.testbed import servers

REPOSITORY = "docker/registry/v2/repositories/team/app/_manifests/tags/1/current/link"


def check(row: StoreRow, *, write: bool = False) -> dict[str, CheckStep]:
    return {step.step: step for step in LocalStores().check(row, write=write)}


def bucket_row(backend: str, **settings: Value) -> StoreRow:
    return StoreRow("url", "a test", backend, "shown", settings)


def put(directory: Path, *keys: str) -> StoreRow:
    """A directory with these files; its row."""
    for key in keys:
        (directory / key).parent.mkdir(parents=True, exist_ok=True)
        (directory / key).write_text("x")
    return parse_store(str(directory))


def failing(steps: Mapping[str, CheckStep]) -> CheckStep:
    (step,) = [step for step in steps.values() if step.ok is False]
    assert step.error is not None
    assert step.error.fix
    return step


# a directory


def test_a_registry_at_the_top(tmp_path: Path) -> None:
    steps = check(put(tmp_path, REPOSITORY))
    assert all(step.ok is not False for step in steps.values())
    assert (steps["layout"].ok, steps["layout"].detail) == (True, "found at the top, 1 repository")
    assert (steps["write"].ok, steps["write"].detail) == (None, "not tried")
    assert re.search(r", [0-9.]+ [kMGTPE]B free$", steps["reach"].detail), "in units that people read"


def test_writing_is_tried_only_when_asked_and_leaves_nothing(tmp_path: Path) -> None:
    row = put(tmp_path, REPOSITORY)
    before = sorted(tmp_path.rglob("*"))
    check(row)
    assert sorted(tmp_path.rglob("*")) == before
    assert check(row, write=True)["write"].ok
    left = [path for path in tmp_path.rglob("*") if path.is_file() and ".ocistore" not in path.parts]
    assert left == [tmp_path / REPOSITORY]


@pytest.mark.parametrize("prefix", ["registry", "some/registry"])
def test_the_prefix_is_found_not_asked(tmp_path: Path, prefix: str) -> None:
    step = failing(check(put(tmp_path, f"{prefix}/{REPOSITORY}", "unrelated/file")))
    assert (step.step, step.detail) == ("layout", "no registry layout under this prefix (found 1 other prefix)")
    assert step.error is not None
    assert step.error.fix == f"set the prefix to {prefix}"


def test_a_prefix_that_was_given_is_looked_above_too(tmp_path: Path) -> None:
    put(tmp_path, f"one/{REPOSITORY}", f"two/{REPOSITORY}")
    settings = {"dir": str(tmp_path), "root_dir": "oen"}
    (tmp_path / "oen").mkdir()
    step = failing(check(bucket_row("fs", **settings)))
    assert step.detail == "no registry layout under this prefix (found 2 other prefixes)"
    assert step.error is not None
    assert (step.error.cause, step.error.fix) == ("there is one under: one, two", "set the prefix to one")
    put(tmp_path, REPOSITORY)
    step = failing(check(bucket_row("fs", **settings)))
    assert step.error is not None
    assert step.error.fix == "leave the prefix out"


def test_a_prefix_below_the_given_one_is_told_from_the_top(tmp_path: Path) -> None:
    put(tmp_path, f"some/deep/{REPOSITORY}")
    step = failing(check(bucket_row("fs", dir=str(tmp_path), root_dir="some")))
    assert step.error is not None
    assert step.error.fix == "set the prefix to some/deep"


def test_an_empty_store_and_one_with_other_things_are_ready_for_a_first_push(tmp_path: Path) -> None:
    assert check(put(tmp_path))["layout"] == CheckStep("layout", None, "nothing there yet: the first push begins it")
    step = check(put(tmp_path, "photos/cat.jpg"))["layout"]
    assert (step.ok, step.detail) == (None, "no registry layout under this prefix: the first push begins one")


def test_hostile_prefixes_are_told_in_harmless_words(tmp_path: Path) -> None:
    step = failing(check(put(tmp_path, f"a\x1b]52;c;x\x07/{REPOSITORY}")))
    assert step.error is not None
    assert "\x1b" not in step.error.fix + step.error.cause + step.detail


def test_a_directory_that_is_not_there_and_one_that_will_be(tmp_path: Path) -> None:
    step = failing(check(parse_store(str(tmp_path / "gone"))))
    assert step.step == "reach"
    assert all(step.ok is not False for step in check(embedded_row()).values()), "it is made by the first push"


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert failing(check(parse_store(str(tmp_path / "file")))).step == "reach"


# S3


@pytest.fixture
def s3_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.S3_KEYS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.S3_KEYS[1])
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("s3_keys")
def test_a_bucket_with_a_registry_under_a_prefix(moto: str) -> None:
    import boto3

    bucket = servers.make_bucket(moto)
    boto3.client("s3", endpoint_url=moto).put_object(Bucket=bucket, Key=f"some/registry/{REPOSITORY}", Body=b"x")
    step = failing(check(bucket_row("s3", bucket=bucket, endpoint=moto)))
    assert step.error is not None
    assert step.error.fix == "set the prefix to some/registry"
    steps = check(bucket_row("s3", bucket=bucket, endpoint=moto, root_dir="some/registry"), write=True)
    assert all(step.ok is not False for step in steps.values())
    assert steps["layout"].detail == "found under some/registry/, 1 repository"
    assert steps["write"].ok


@pytest.mark.usefixtures("s3_keys")
def test_a_bucket_that_is_not_there_names_how_to_make_it(moto: str) -> None:
    step = failing(check(bucket_row("s3", bucket="not-there", endpoint=moto)))
    assert step.step == "list"
    assert step.error is not None
    assert "aws s3 mb s3://not-there" in step.error.fix


@pytest.mark.usefixtures("s3_keys")
@pytest.mark.parametrize(
    ("code", "step", "fix"),
    [
        ("AccessDenied", "list", "grant s3:ListBucket on the bucket acme"),
        ("SignatureDoesNotMatch", "sign in", "--secret-key"),
    ],
)
def test_a_refusal_names_the_step_the_permission_and_the_fix(code: str, step: str, fix: str) -> None:
    with CannedServer(always(refusal(403, code))) as server:
        steps = check(bucket_row("s3", bucket="acme", endpoint=server.url))
    found = failing(steps)
    assert found.step == step
    assert found.error is not None
    assert fix in found.error.fix
    assert "layout" not in steps, "what cannot be listed is not looked into"


@pytest.mark.usefixtures("s3_keys")
def test_nobody_listens() -> None:
    assert failing(check(bucket_row("s3", bucket="acme", endpoint="http://127.0.0.1:1"))).step == "reach"


# Google and Azure


def test_google(monkeypatch: pytest.MonkeyPatch) -> None:
    with GcsServer() as server:
        server.buckets["bucket"] = {}
        server.store("bucket", f"registry/{REPOSITORY}", b"x")
        row = bucket_row("gcs", bucket="bucket", endpoint=server.url, anonymous=True)
        step = failing(check(row))
        assert step.error is not None
        assert step.error.fix == "set the prefix to registry"
        steps = check(bucket_row("gcs", **{**row.settings, "root_dir": "registry"}), write=True)
        assert (steps["layout"].ok, steps["write"].ok) == (True, True)
        missing = failing(check(bucket_row("gcs", bucket="missing", endpoint=server.url, anonymous=True)))
        assert missing.step == "reach"


def test_azure(azurite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", servers.AZURE_ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_KEY", servers.AZURE_KEY)
    with new_container(azurite) as container:
        container.upload_blob(f"registry/{REPOSITORY}", b"x")
        settings = {"bucket": container.container_name, "endpoint": azurite}
        steps = check(bucket_row("azure", **settings, root_dir="registry"), write=True)
        assert all(step.ok is not False for step in steps.values()), steps
        assert steps["layout"].detail == "found under registry/, 1 repository"
        monkeypatch.setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
        refused = failing(check(bucket_row("azure", **settings)))
        assert refused.step in ("sign in", "list")


# what is of no use


def test_without_a_bucket_there_is_nothing_to_check() -> None:
    with pytest.raises(UsageError, match="no bucket given"):
        check(StoreRow("found", "profile prod", "s3", ""))


def test_many_repositories_are_not_counted_to_the_end(tmp_path: Path) -> None:
    for number in range(205):
        (tmp_path / f"docker/registry/v2/repositories/r{number}/_layers").mkdir(parents=True)
    assert LocalStore(tmp_path).check().ok
    assert check(parse_store(str(tmp_path)))["layout"].detail == "found at the top, more than 200 repositories"
