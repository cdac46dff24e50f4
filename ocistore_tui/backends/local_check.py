"""The self-test of a directory store."""

from __future__ import annotations

import os
import uuid

from ocistore_tui.backends.base import Finding, ObjectStore, Report
from ocistore_tui.backends.local_errors import translated
from ocistore_tui.backends.local_paths import KeyPaths
from ocistore_tui.backends.local_tree import Tree
from ocistore_tui.errors import AccessDenied, OciStoreError, PreconditionFailed, Unavailable
from ocistore_tui.model.words import size


def check_directory(store: ObjectStore, tree: Tree, *, write: bool) -> Report:
    """Look at the directory step by step; with ``write``, write one small file and delete it again."""
    findings: list[Finding] = []
    paths = tree.paths
    try:
        findings.append(_reach(tree))
        findings.append(_list(store))
        findings.append(_read(paths))
    except OciStoreError as error:
        step = ("reach", "list", "read")[len(findings)]
        return Report((*findings, Finding(step, False, error.message, error)))
    if write:
        findings.extend(_write(store))
    else:
        findings.append(Finding("write", None, "not tried"))
    findings.append(_case(paths))
    return Report(tuple(findings))


def _reach(tree: Tree) -> Finding:
    with translated(str(tree.root)):
        tree.check_root()
        os.listdir(tree.root)  # noqa: PTH208 - only whether it works
        free = os.statvfs(tree.root)
    return Finding("reach", True, f"{tree.root}, {size(free.f_bavail * free.f_frsize)} free")


def _list(store: ObjectStore) -> Finding:
    names = list(store.list_dirs("docker/registry/v2/"))
    known = {"blobs", "repositories"}.intersection(names)
    return Finding("list", True, "a registry's directory" if known else "no images yet")


def _read(paths: KeyPaths) -> Finding:
    """Whether we may read what is nearest to the blobs; rights differ where a registry runs as another user."""
    at = paths.root
    for part in ("docker", "registry", "v2", "blobs", "sha256"):
        if not (at / part).exists():
            break
        at = at / part
        if not os.access(at, os.R_OK | os.X_OK):
            raise AccessDenied(
                "not allowed to read", where=str(at), fix="run as the registry's user, or grant the rights"
            )
    return Finding("read", True)


def _write(store: ObjectStore) -> list[Finding]:
    key = f".ocistore-check/{uuid.uuid4().hex}"
    findings = []
    try:
        token = store.put(key, b"ocistore-tui writes this to test the directory, and deletes it again", if_absent=True)
        findings.append(Finding("write", True))
        try:
            store.put(key, b"other", if_absent=True)
        except PreconditionFailed:
            pass
        else:
            raise Unavailable("conditions are not kept", where=key, fix="do not write with several processes at once")
        store.put(key, b"changed", if_token=token)
        findings.append(Finding("conditions", True, "between processes of this program"))
    except OciStoreError as error:
        findings.append(Finding("conditions" if findings else "write", False, error.message, error))
    findings.extend(Finding("delete", False, failure.message, failure) for _, failure in store.delete([key]))
    return findings


def _case(paths: KeyPaths) -> Finding:
    folds = paths.folds_case()
    if folds is None:
        return Finding("case", None, "not known before something is written")
    if folds:
        return Finding("case", True, "folds case: tags that differ only in case are refused")
    return Finding("case", True, "tells upper from lower case")
