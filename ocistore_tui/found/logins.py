"""Sign-ins that other programs left: AWS profiles, gcloud, az, keys in the environment. No secret leaves here.

File formats: AWS CLI "Configuration and credential file settings", Google "Application Default Credentials", the
profile of ``az login``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ocistore_tui.found.files import home, read_document, read_small, user_path
from ocistore_tui.model.text import inert

_MAX_PROFILES = 200


@dataclass(frozen=True, slots=True)
class FoundLogin:
    """One way to sign in somewhere; which bucket is still to be said."""

    backend: str
    """``s3``, ``gcs`` or ``azure``."""
    name: str
    """What people call it: ``profile prod``, ``gcloud``."""
    note: str
    """Where it was found, or what it is, in words."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """As a saved connection holds them; never a secret."""


def find_logins(environ: Mapping[str, str] = os.environ) -> Iterator[FoundLogin]:
    """What is there, the most likely first."""
    yield from _aws(environ)
    yield from _gcloud(environ)
    yield from _azure(environ)


# -- AWS


def _aws(environ: Mapping[str, str]) -> Iterator[FoundLogin]:
    endpoint = _server(environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or "")
    has_keys = bool(environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"))
    if endpoint or has_keys:
        signs_in = "keys in the environment" if has_keys else "no keys in the environment"
        settings = {"endpoint": endpoint} if endpoint else {}
        yield FoundLogin("s3", urlsplit(endpoint).netloc or "AWS, by the environment", signs_in, settings)
    current = environ.get("AWS_PROFILE") or "default"
    profiles = _aws_profiles(environ)
    for name in sorted(profiles, key=lambda name: (name != current, name != "default", name))[:_MAX_PROFILES]:
        yield _aws_login(name, profiles[name])


def _aws_login(name: str, profile: Mapping[str, str]) -> FoundLogin:
    settings = {"profile": name}
    if profile.get("region"):
        settings["region"] = profile["region"]
    endpoint = _server(profile.get("endpoint_url", ""))
    said = [_aws_way(profile), profile.get("region", ""), f"at {urlsplit(endpoint).netloc}" if endpoint else ""]
    if endpoint:
        settings["endpoint"] = endpoint
    return FoundLogin(
        "s3", inert(f"profile {name}", limit=80), inert(", ".join(filter(None, said)), limit=120), settings
    )


def _aws_way(profile: Mapping[str, str]) -> str:
    if "sso_session" in profile or "sso_start_url" in profile:
        return "single sign-on"
    if "role_arn" in profile:
        return "assumes a role"
    if "credential_process" in profile:
        return "keys from a program"
    return "keys in a file" if "aws_access_key_id" in profile else "no keys of its own"


def _aws_profiles(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Profiles of both files by name."""
    directory = home(environ) / ".aws"
    config = user_path(environ.get("AWS_CONFIG_FILE") or str(directory / "config"), environ)
    credentials = user_path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or str(directory / "credentials"), environ)
    found: dict[str, dict[str, str]] = {}
    for section, values in _sections(read_small(config)).items():
        kind, _, name = section.partition(" ")
        name = name.strip().strip("\"'") if kind == "profile" else section if section == "default" else ""
        if _is_plain(name):
            found.setdefault(name, {}).update(values)
    for section, values in _sections(read_small(credentials)).items():
        if _is_plain(section):
            found.setdefault(section, {}).update(values)
    return found


def _sections(raw: bytes) -> dict[str, dict[str, str]]:
    parser = RawConfigParser(strict=False, default_section="\0none")
    try:
        parser.read_string(raw.decode())
        return {section: dict(parser[section]) for section in parser.sections()}
    except (Error, ValueError):
        return {}


# -- Google


def _gcloud(environ: Mapping[str, str]) -> Iterator[FoundLogin]:
    given = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    directory = user_path(environ.get("CLOUDSDK_CONFIG") or str(home(environ) / ".config/gcloud"), environ)
    path = user_path(given, environ) if given else directory / "application_default_credentials.json"
    document = read_document(path)
    kind = document.get("type")
    if not isinstance(kind, str):
        return
    project = environ.get("GOOGLE_CLOUD_PROJECT") or document.get("quota_project_id") or document.get("project_id")
    settings = {"project_id": project} if isinstance(project, str) and _is_plain(project) else {}
    who = document.get("client_email") if kind == "service_account" else ""
    words = {
        "authorized_user": "signed in with gcloud",
        "service_account": f"service account {who}",
        "external_account": "workload identity",
        "impersonated_service_account": "impersonates a service account",
    }
    said = [words.get(kind, kind), f"project {settings['project_id']}" if settings else ""]
    name = "gcloud" if kind == "authorized_user" else "Google credentials"
    yield FoundLogin("gcs", name, inert(", ".join(filter(None, said)), limit=160), settings)


# -- Azure


def _azure(environ: Mapping[str, str]) -> Iterator[FoundLogin]:
    account = environ.get("AZURE_STORAGE_ACCOUNT") or ""
    told = environ.get("AZURE_STORAGE_CONNECTION_STRING") or ""
    if told:
        account = _account_of(told)
        yield FoundLogin("azure", inert(f"account {account}" if account else "Azure", limit=80),
                         "a connection string in the environment")  # fmt: skip
    elif account:
        keys = ("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN")
        note = "key in the environment" if any(environ.get(name) for name in keys) else "account in the environment"
        yield FoundLogin("azure", inert(f"account {account}", limit=80), note, {"account_name": account})
    directory = user_path(environ.get("AZURE_CONFIG_DIR") or str(home(environ) / ".azure"), environ)
    subscriptions = read_document(directory / "azureProfile.json").get("subscriptions")
    rows = [row for row in subscriptions if isinstance(row, dict)] if isinstance(subscriptions, list) else []
    row = next((row for row in rows if row.get("isDefault") is True), rows[0] if rows else None)
    if row is not None:
        user = row.get("user")
        who = user.get("name") if isinstance(user, dict) else ""
        said = [f"signed in as {who}" if who else "signed in", f"subscription {row.get('name') or 'without a name'}"]
        yield FoundLogin("azure", "az login", inert(", ".join(said), limit=160))


def _account_of(connection_string: str) -> str:
    pairs = (part.partition("=") for part in connection_string.split(";"))
    names = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if names.get("usedevelopmentstorage", "").lower() == "true":
        return "devstoreaccount1"
    return names.get("accountname", "")


def _server(text: str) -> str:
    """An endpoint that is safe to show and to keep: with a host, and without a password or a signature in it."""
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and _is_plain(text)
    except ValueError:
        return ""
    return text.strip() if usable and "@" not in parts.netloc and not parts.query else ""


def _is_plain(name: str) -> bool:
    """Whether a name can be shown as it is: what is no such name is not offered."""
    return bool(name) and len(name) <= 256 and inert(name) == name
