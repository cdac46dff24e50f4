"""The form of a store without its screen: rows become forms and forms rows, and what is wrong is said by field."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace

from ocistore_tui.errors import UsageError
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.tui.draft import (
    ANONYMOUS,
    CHAIN,
    KEYFILE,
    PROFILE,
    Draft,
    draft_of,
    flaws,
    missing,
    offered_prefixes,
    row_of,
    suggested_name,
)

PROD = StoreRow(
    "saved", "prod", "s3", "s3://acme-oci/registry",
    {"bucket": "acme-oci", "root_dir": "registry", "region": "eu-west-1", "profile": "work", "path_style": True,
     "mode": "add-only", "label": "PRODUCTION"},
    Mode.ADD_ONLY,
)  # fmt: skip


def typed(draft: Draft, **texts: str) -> Draft:
    for key, text in texts.items():
        draft = draft.typed(key, text)
    return draft


def test_a_saved_store_goes_through_the_form_unchanged_settings_without_a_field_too() -> None:
    row = row_of(draft_of(PROD))
    assert row == replace(PROD, settings={key: value for key, value in PROD.settings.items() if key != "mode"})


@pytest.mark.parametrize(
    ("row", "sign_in"),
    [
        (StoreRow("found", "profile work", "s3", "", {"profile": "work"}), PROFILE),
        (StoreRow("found", "minio:9000", "s3", "", {"endpoint": "http://minio:9000"}), CHAIN),
        (StoreRow("saved", "open", "s3", "s3://open", {"bucket": "open", "anonymous": True}), ANONYMOUS),
        (StoreRow("saved", "g", "gcs", "gs://g", {"bucket": "g", "keyfile": "/k.json"}), KEYFILE),
        (StoreRow("saved", "a", "azure", "az://a", {"bucket": "a", "account_name": "acme"}), CHAIN),
    ],
)
def test_the_way_to_sign_in_is_read_from_the_settings_and_written_back(row: StoreRow, sign_in: str) -> None:
    draft = draft_of(row)
    assert draft.sign_in == sign_in
    assert row_of(draft).settings == row.settings


def test_a_sign_in_that_was_found_needs_nothing_but_its_bucket() -> None:
    draft = draft_of(StoreRow("found", "profile work", "s3", "", {"profile": "work", "region": "eu-west-1"}))
    assert missing(draft) == "bucket"
    assert not row_of(draft).is_complete
    row = row_of(typed(draft, bucket=" acme-oci "))
    assert (row.name, row.url, row.mode) == ("acme-oci", "s3://acme-oci", Mode.READ_ONLY)
    assert row.settings == {"bucket": "acme-oci", "region": "eu-west-1", "profile": "work"}


def test_a_url_typed_as_the_bucket_is_taken_apart() -> None:
    draft = draft_of(None).typed("bucket", "gs://acme/images/prod/")
    assert (draft.kind, draft.text("bucket"), draft.text("root_dir")) == ("gcs", "acme", "images/prod")
    assert draft_of(None).typed("bucket", "file:///srv/images").text("dir") == "/srv/images"


def test_what_was_typed_for_one_kind_is_not_saved_for_another() -> None:
    draft = typed(draft_of(PROD)).of_kind("gcs")
    assert row_of(draft).settings == {"bucket": "acme-oci", "root_dir": "registry"}
    assert row_of(draft.of_kind("s3")).settings["region"] == "eu-west-1"
    assert row_of(draft.of_kind("s3")).settings["path_style"] is True


def test_who_does_not_sign_in_can_only_look() -> None:
    draft = dataclasses.replace(draft_of(PROD), sign_in=ANONYMOUS)
    assert row_of(draft).mode is Mode.READ_ONLY
    assert "profile" not in row_of(draft).settings


def test_the_throw_away_store_begins_an_empty_form() -> None:
    assert draft_of(StoreRow("demo", "demo", "fs", "file:///tmp/x", {"dir": "/tmp/x"})) == draft_of(None)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("bucket", "acme/oci"), ("bucket", "user@host"), ("bucket", "a b"), ("bucket", "acme\x1b[2J"),
        ("root_dir", "a//b"), ("root_dir", "../up"), ("root_dir", "a/./b"),
        ("endpoint", "minio:9000"), ("endpoint", "ftp://host"), ("endpoint", "http://"), ("endpoint", "http://h:99999"),
        ("endpoint", "https://user:secret@host"), ("endpoint", "https://host/?X-Amz-Signature=1"),
        ("region", "eu west"), ("name", "../prod"), ("name", "-x"), ("name", "n" * 65),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_at_its_field(key: str, text: str) -> None:
    assert list(flaws(typed(draft_of(None), **{key: text}))) == [key]


@pytest.mark.parametrize(
    ("key", "text"),
    [("bucket", "acme-oci"), ("root_dir", "/registry/images/"), ("root_dir", "/"), ("region", "eu-west-1"),
     ("endpoint", "http://[::1]:9000"), ("endpoint", "https://s3.acme.example"), ("name", "prod.images_2")],
)  # fmt: skip
def test_what_can_be_used_is_not_complained_about(key: str, text: str) -> None:
    assert flaws(typed(draft_of(None), **{key: text})) == {}


def test_a_saved_store_is_never_overwritten_by_another_of_its_name() -> None:
    taken = ("prod", "acme-oci")
    assert flaws(typed(draft_of(None), name="prod"), taken) == {"name": "another saved store has this name"}
    assert flaws(draft_of(PROD), taken) == {}
    assert suggested_name(typed(draft_of(None), bucket="acme-oci"), taken) == "acme-oci-2"
    assert suggested_name(typed(draft_of(None).of_kind("fs"), dir="/srv/my images/"), taken) == "my-images"


def test_prefixes_of_a_real_check_can_be_picked(tmp_path: Path) -> None:
    from ocistore_tui.wiring.stores import LocalStores

    for prefix in ("registry", "images/prod", "bad\u202eprefix"):
        (tmp_path / prefix / "docker" / "registry" / "v2" / "repositories" / "app").mkdir(parents=True)
    row = row_of(typed(draft_of(None).of_kind("fs"), dir=str(tmp_path)))
    offered = [offered_prefixes(step) for step in LocalStores().check(row) if step.step == "layout"]
    assert offered == [("registry",)]
    (tmp_path / "images" / "other").mkdir()
    wrong = row_of(typed(draft_of(None).of_kind("fs"), dir=str(tmp_path / "images"), root_dir="other"))
    offered = [offered_prefixes(step) for step in LocalStores().check(wrong) if step.step == "layout"]
    assert offered == [("prod",)]


def test_no_prefix_is_read_out_of_other_errors() -> None:
    error = UsageError("no", cause="there is one under: a, b", fix="ask somebody")
    assert offered_prefixes(CheckStep("layout", False, "", error)) == ()
    assert offered_prefixes(CheckStep("list", False, "", UsageError("no", fix="set the prefix to x"))) == ()
    assert offered_prefixes(CheckStep("layout", True, "found")) == ()
