"""The words people type end as the place, the image and the options they mean."""

from __future__ import annotations

import shlex

import pytest

from ocistore_tui.model.plan import PullRequest, PushRequest
from tests.cli.recorder import Seen, run_line
from tests.cli.running import Invoke

S3 = {"region": "us-east-1"}
LITERAL_LINES = [
    (
        "oci-store s3 push --region us-east-1 --image myimage:latest my-bucket/myapp:v1.0",
        ("s3", "my-bucket", S3), PushRequest, "myapp:v1.0", "myimage:latest",
    ),
    (
        "oci-store s3 pull --region us-east-1 my-bucket/myapp:v1.0",
        ("s3", "my-bucket", S3), PullRequest, "myapp:v1.0", None,
    ),
    (
        "oci-store s3 push --region us-east-1 --endpoint https://minio.local:9000 my-bucket/myapp:v1.0",
        ("s3", "my-bucket", {**S3, "endpoint": "https://minio.local:9000"}), PushRequest, "myapp:v1.0", None,
    ),
    (
        "oci-store s3 push --region us-east-1 my-bucket/myapp:latest --image mylocalapp:latest",
        ("s3", "my-bucket", S3), PushRequest, "myapp:latest", "mylocalapp:latest",
    ),
    (
        "oci-store gcs push --project-id my-project my-bucket/myapp:v1.0",
        ("gcs", "my-bucket", {"project_id": "my-project"}), PushRequest, "myapp:v1.0", None,
    ),
    (
        "oci-store azure push --account-name myaccount --account-key mykey my-container/myapp:v1.0",
        ("azure", "my-container", {"account_name": "myaccount", "account_key": "mykey"}), PushRequest, "myapp:v1.0",
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "place", "request_type", "target", "image"), LITERAL_LINES)
def test_the_lines_users_of_the_first_program_type_mean_what_they_meant(
    oci_store: Invoke,
    seen: Seen,
    line: str,
    place: tuple[str, str, dict[str, str]],
    request_type: type[PushRequest | PullRequest],
    target: str,
    image: str | None,
) -> None:
    run_line(oci_store, line)
    assert (seen.place.backend, seen.place.bucket, dict(seen.place.options)) == place
    assert type(seen.request) is request_type
    named = seen.request.target if isinstance(seen.request, PushRequest) else seen.request.source
    assert str(named) == target
    assert seen.request.image == image
    assert seen.request.via == "auto"
    assert (seen.request.platform, seen.request.all_platforms) == (None, False)


@pytest.mark.parametrize(
    ("typed", "bucket", "reference"),
    [
        ("my-bucket/myapp", "my-bucket", "myapp:latest"),
        ("my-bucket/team/sub/myapp:1", "my-bucket", "team/sub/myapp:1"),
        ("my-bucket/myapp@sha256:" + "a" * 64, "my-bucket", "myapp@sha256:" + "a" * 64),
    ],
)
def test_the_bucket_is_the_first_part_and_a_tag_left_out_means_latest(
    oci_store: Invoke, seen: Seen, typed: str, bucket: str, reference: str
) -> None:
    run_line(oci_store, f"oci-store s3 pull {typed}")
    assert seen.place.bucket == bucket
    assert isinstance(seen.request, PullRequest)
    assert str(seen.request.source) == reference


@pytest.mark.parametrize(
    "line",
    [
        "--json --quiet s3 ls my-bucket",
        "s3 --json --quiet ls my-bucket",
        "s3 ls --json --quiet my-bucket",
        "s3 ls my-bucket --json --quiet",
        "--json s3 --quiet ls my-bucket",
        "--no-tui s3 ls my-bucket --json -q",
        "s3 ls my-bucket --no-tui --json -q",
    ],
)
def test_global_options_stand_before_or_after_the_verb(oci_store: Invoke, seen: Seen, line: str) -> None:
    done = oci_store(*shlex.split(line))
    assert done.document == {"schema": 1, "kind": "repositories", "repositories": []}
    assert done.err == ""


def test_every_option_of_s3_reaches_the_place(oci_store: Invoke, seen: Seen) -> None:
    run_line(
        oci_store,
        "oci-store s3 push b/app:1 --root-dir r --concurrency 7 --ca-bundle hello.tar --insecure-skip-tls-verify"
        " --docker-host tcp://h:1 --region eu --endpoint http://e --access-key A --secret-key B --session-token C"
        " --profile p --path-style --anonymous --sse aws:kms --sse-kms-key-id k --storage-class GLACIER_IR"
        " --platform linux/arm/v7 --via archive",
    )
    assert dict(seen.place.options) == {
        "root_dir": "r", "ca_bundle": "hello.tar", "insecure_skip_tls_verify": True, "region": "eu", "endpoint": "http://e",
        "access_key": "A", "secret_key": "B", "session_token": "C", "profile": "p", "path_style": True,
        "anonymous": True, "sse": "aws:kms", "sse_kms_key_id": "k", "storage_class": "GLACIER_IR",
    }  # fmt: skip
    assert (seen.place.concurrency, seen.place.docker_host) == (7, "tcp://h:1")
    assert (str(seen.request.platform), seen.request.via) == ("linux/arm/v7", "archive")


def test_every_option_of_gcs_azure_and_fs_reaches_the_place(oci_store: Invoke, seen: Seen) -> None:
    run_line(
        oci_store, "oci-store gcs push b/app --root-dir r --project-id p --keyfile k --endpoint http://e --anonymous"
    )
    run_line(
        oci_store,
        "oci-store azure push c/app --root-dir r --account-name n --account-key k --sas-token s --connection-string t"
        " --endpoint http://e",
    )
    run_line(oci_store, "oci-store fs push app --dir d --root-dir r --all-platforms")
    gcs, azure, fs = seen.places
    assert dict(gcs.options) == {
        "root_dir": "r", "project_id": "p", "keyfile": "k", "endpoint": "http://e", "anonymous": True,
    }  # fmt: skip
    assert dict(azure.options) == {
        "root_dir": "r", "account_name": "n", "account_key": "k", "sas_token": "s", "connection_string": "t",
        "endpoint": "http://e",
    }  # fmt: skip
    assert dict(fs.options) == {"dir": "d", "root_dir": "r"}
    assert seen.requests[-1].all_platforms


@pytest.mark.parametrize(
    ("backend", "variable", "option"),
    [
        ("s3", "AWS_REGION", "region"),
        ("s3", "AWS_DEFAULT_REGION", "region"),
        ("s3", "AWS_ENDPOINT_URL_S3", "endpoint"),
        ("s3", "AWS_ENDPOINT_URL", "endpoint"),
        ("gcs", "GOOGLE_CLOUD_PROJECT", "project_id"),
        ("azure", "AZURE_STORAGE_ACCOUNT", "account_name"),
        ("azure", "AZURE_STORAGE_KEY", "account_key"),
        ("azure", "AZURE_STORAGE_SAS_TOKEN", "sas_token"),
        ("azure", "AZURE_STORAGE_CONNECTION_STRING", "connection_string"),
        ("fs", "OCISTORE_DIR", "dir"),
    ],
)
def test_the_usual_variables_are_read_and_a_flag_goes_before_them(
    oci_store: Invoke, seen: Seen, monkeypatch: pytest.MonkeyPatch, backend: str, variable: str, option: str
) -> None:
    monkeypatch.setenv(variable, "from-environment")
    target = "app" if backend == "fs" else "b/app"
    run_line(oci_store, f"oci-store {backend} push {target}")
    run_line(oci_store, f"oci-store {backend} push {target} --{option.replace('_', '-')} typed")
    assert [place.options[option] for place in seen.places] == ["from-environment", "typed"]


def test_nothing_typed_leaves_everything_to_the_providers_own_chain(oci_store: Invoke, seen: Seen) -> None:
    for backend in ("s3", "gcs", "azure"):
        run_line(oci_store, f"oci-store {backend} push b/app")
    assert [dict(place.options) for place in seen.places] == [{}, {}, {}]


def test_secrets_are_not_in_the_repr_of_a_place(oci_store: Invoke, seen: Seen) -> None:
    run_line(oci_store, "oci-store azure push c/app --account-key hunter2")
    assert seen.place.options["account_key"] == "hunter2"
    assert "hunter2" not in repr(seen.place)
