"""Which storage account and which credential count, where several sources name one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from ocistore_tui.errors import UsageError

_CREDENTIALS = ("connection_string", "account_key", "sas_token")
_ACCOUNT = ("account_name", "account_key", "sas_token", "endpoint")
_STRING = "AZURE_STORAGE_CONNECTION_STRING"


def settle_account(
    merged: dict[str, Any], *, typed: Collection[str], exported: Collection[str], saved: dict[str, Any]
) -> None:
    """Take out of ``merged`` what does not count, so that no request goes to another account than was named.

    A connection string names account, credential and server in one. It counts when it is typed, or when it is in the
    environment and nothing else is typed that says otherwise.

    Args:
        merged: The options by name, each from its strongest source.
        typed: Names of those from the command line.
        exported: Names of those from the environment.
        saved: The settings of the saved connection.

    Raises:
        UsageError: two of them name different accounts, keys or servers, and neither is the stronger one.
    """
    if "connection_string" in merged:
        told = _told(str(merged["connection_string"]))
        says_otherwise = [name for name in _ACCOUNT if name in typed and _differs(name, merged[name], told)]
        if "connection_string" in typed and not told["account_name"]:
            return  # nothing to compare: the client says what is wrong with it
        if "connection_string" in typed and says_otherwise:
            flag = says_otherwise[0].replace("_", "-")
            raise UsageError(
                "two Azure accounts are named",
                where=f"--{flag}",
                cause="--connection-string says otherwise",
                fix=f"leave out --{flag} or --connection-string",
            )
        if not says_otherwise:
            if "connection_string" not in typed:
                _check_saved(saved, told)
            for name in _ACCOUNT:
                merged.pop(name, None)
            if told["account_name"]:
                merged["account_name"] = told["account_name"]
            return
        del merged["connection_string"]
    if any(name in typed for name in _CREDENTIALS):
        for name in _CREDENTIALS:
            if name in exported:
                merged.pop(name, None)
    _check_endpoint(merged)


def _check_saved(saved: dict[str, Any], told: dict[str, str]) -> None:
    for name in ("account_name", "endpoint"):
        if saved.get(name) and _differs(name, saved[name], told):
            raise UsageError(
                "two Azure accounts are named",
                where=str(saved[name]),
                cause=f"the saved connection names it, and {_STRING} another",
                fix=f"unset {_STRING}, or type which one: --account-name with --account-key or --sas-token",
            )


def _check_endpoint(merged: dict[str, Any]) -> None:
    """Refuse an endpoint that has another account's name in it: requests would go to that one."""
    account, endpoint = merged.get("account_name"), str(merged.get("endpoint") or "")
    named = _account_in(endpoint)
    if account and named and ".blob." in endpoint and named != account:
        raise UsageError(
            "two Azure accounts are named",
            where=endpoint,
            cause=f"the endpoint is that of {named}, not of {account}",
            fix="give --account-name and --endpoint of one account",
        )


def _told(connection_string: str) -> dict[str, str]:
    """What a connection string says; https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string."""
    pairs = (part.partition("=") for part in connection_string.split(";"))
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if values.get("usedevelopmentstorage", "").lower() == "true":
        values["accountname"] = "devstoreaccount1"
    endpoint = values.get("blobendpoint", "")
    account = values.get("accountname") or _account_in(endpoint)
    suffix = values.get("endpointsuffix", "core.windows.net")
    return {
        "account_name": account,
        "account_key": values.get("accountkey", ""),
        "sas_token": values.get("sharedaccesssignature", ""),
        "endpoint": endpoint or f"{values.get('defaultendpointsprotocol', 'https')}://{account}.blob.{suffix}",
    }


def _account_in(endpoint: str) -> str:
    """The account in ``https://ACCOUNT.blob.SUFFIX`` or ``http://HOST:PORT/ACCOUNT``."""
    parts = _split(endpoint)
    path, host = parts.path.strip("/"), parts.netloc
    return path if path else host.partition(".")[0].removesuffix("-secondary") if ".blob." in host else ""


def _differs(name: str, value: Any, told: dict[str, str]) -> bool:
    if not value:
        return False
    if name == "endpoint":
        mine, its = _split(str(value)), _split(told["endpoint"])
        path = mine.path.strip("/")
        return mine[:2] != its[:2] or path not in ("", its.path.strip("/"))
    if name == "sas_token":
        return str(value).strip().lstrip("?") != told[name].lstrip("?")
    return str(value) != told[name]


def _split(endpoint: str) -> Any:
    return urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
