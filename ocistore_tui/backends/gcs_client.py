"""A Google Cloud Storage client as this program wants one: signed in, bounded in its retries, wide in its pool."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The client would start a GET of the bucket's metadata in the background, for tracing: a right many users lack.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

import google.auth
import google.auth.exceptions
import requests
import urllib3
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.adapters import HTTPAdapter

from ocistore_tui.backends.base import QUICK_SHARE, SILENCE_S
from ocistore_tui.backends.selftest import clock_offset_s
from ocistore_tui.errors import UsageError

TIMEOUT_S = (10.0, SILENCE_S)
"""To connect, and between two packets of an answer."""
RETRY_FOR_S = 30.0
_CONNECT_FOR_S = 1.2
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_should_retry = DEFAULT_RETRY._predicate  # noqa: SLF001 - no public name for the documented list


@dataclass(frozen=True, slots=True)
class GcsOptions:
    """Where the bucket is and who asks for it.

    Without ``keyfile`` and ``anonymous``, Application Default Credentials are used. ``endpoint`` goes before the
    environment's ``STORAGE_EMULATOR_HOST``; with the latter, nobody signs in.
    """

    bucket: str
    root_dir: str = ""
    project_id: str = ""
    keyfile: str = ""
    credentials_info: Mapping[str, Any] | None = field(default=None, repr=False)
    """The content of a key file, as a registry's own configuration may hold it."""
    endpoint: str = ""
    anonymous: bool = False
    user_project: str = ""
    """The project that pays, for requester-pays buckets."""
    ca_bundle: str = ""
    insecure_skip_tls_verify: bool = False
    concurrency: int = 4


class _Adapter(HTTPAdapter):
    """Keeps enough connections, checks TLS as told (not as the environment says), and remembers the server's clock."""

    def __init__(self, options: GcsOptions) -> None:
        self._verify: bool | str = options.ca_bundle or True
        if options.insecure_skip_tls_verify:
            self._verify = False
        self._forced = self._verify is not True
        self.clock_offset_s: float | None = None
        size = max(32, options.concurrency * 4)
        super().__init__(pool_connections=4, pool_maxsize=size)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        if self._forced:
            kwargs["verify"] = self._verify
        response = super().send(*args, **kwargs)
        self.clock_offset_s = clock_offset_s(response.headers.get("Date"))
        return response


class BoundedRetry:
    """Whether an error is worth another try; a connection that is not even accepted, for a moment."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = self._last = float("-inf")

    def __call__(self, error: Exception) -> bool:
        """Whether to try again, as `google.api_core.retry.Retry` asks."""
        reason: Any = error
        while isinstance(reason, Exception):
            if isinstance(reason, urllib3.exceptions.SSLError | requests.exceptions.SSLError):
                return False
            if isinstance(reason, urllib3.exceptions.NewConnectionError | requests.exceptions.ConnectTimeout):
                now, earlier = self._now(), self._last
                self._last = now
                if now - earlier > 2 * _CONNECT_FOR_S:
                    self._since = now
                return now - self._since < _CONNECT_FOR_S
            reason = getattr(reason, "reason", None) or next(iter(getattr(reason, "args", ())), None)
        return bool(_should_retry(error))


def quick_timeout_s() -> tuple[float, float]:
    """The same for a small request, see `base.SILENCE_S`."""
    connect_s, read_s = TIMEOUT_S
    return connect_s, QUICK_SHARE * read_s


def bounded_retry() -> Retry:
    """A fresh retry policy for one call: 0.5, 1, 2, 4, 8, 8 s and no more than `RETRY_FOR_S` in all."""
    return Retry(predicate=BoundedRetry(), initial=0.5, multiplier=2.0, maximum=8.0, timeout=RETRY_FOR_S)


class GcsConnection:
    """The client, and what is known of the server's clock. Built on first use: finding credentials may ask a server."""

    def __init__(self, options: GcsOptions) -> None:
        adapter = _Adapter(options)
        if options.insecure_skip_tls_verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        for_tokens = requests.Session()
        credentials, project = _credentials(options, Request(for_tokens))
        session = AuthorizedSession(credentials, auth_request=Request(for_tokens))
        for each in (session, for_tokens):
            each.mount("https://", adapter)
            each.mount("http://", adapter)
        self._adapter = adapter
        self._sessions = (session, for_tokens)
        self.http: requests.Session = session
        self.client = Client(
            project=options.project_id or project or "unused",  # object work needs none; naming one avoids a search
            credentials=credentials,
            _http=session,
            client_options={"api_endpoint": options.endpoint} if options.endpoint else None,
        )
        self.bucket = self.client.bucket(options.bucket, user_project=options.user_project or None)

    @property
    def clock_offset_s(self) -> float | None:
        """How far this machine's clock is ahead of the server's."""
        return self._adapter.clock_offset_s

    def close(self) -> None:
        """Let the connections go."""
        for session in self._sessions:
            session.close()


def _credentials(options: GcsOptions, request: Request) -> tuple[Credentials, str | None]:
    if options.anonymous or (os.environ.get("STORAGE_EMULATOR_HOST") and not options.endpoint):
        return AnonymousCredentials(), None
    info = options.credentials_info or (_key_file(options.keyfile) if options.keyfile else None)
    with warnings.catch_warnings():
        # Google warns that such files name the servers to ask; the user chose this file.
        warnings.simplefilter("ignore")
        if info is None:
            return google.auth.default(scopes=_SCOPES, request=request, quota_project_id=options.user_project or None)
        try:
            found, project = google.auth.load_credentials_from_dict(dict(info), scopes=_SCOPES, request=request)
        except (google.auth.exceptions.DefaultCredentialsError, ValueError) as error:
            raise UsageError(
                "the Google key file cannot be used",
                where=options.keyfile,
                cause="it is not a complete key or credential configuration",
                fix="download the key again and give it with --keyfile",
            ) from error
    return found, project


def _key_file(path: str) -> Mapping[str, Any]:
    """A service account's key, or any other credential file of Google's tools (federation, impersonation)."""
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or "it is not JSON"
        raise UsageError(
            "the Google key file cannot be used", where=path, cause=cause, fix="give the right file with --keyfile"
        ) from error
    if not isinstance(found, dict):
        raise UsageError("the Google key file cannot be used", where=path, cause="it is not a JSON object")
    return found
