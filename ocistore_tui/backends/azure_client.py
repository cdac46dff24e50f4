"""An Azure Blob container client as this program wants one: signed in, bounded in its retries, quick at listings."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
import urllib3
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import DecodeError
from azure.core.pipeline.transport import RequestsTransport, RequestsTransportResponse
from azure.storage.blob import ContainerClient
from requests.adapters import HTTPAdapter

from ocistore_tui.backends.azure_listing import without_unused
from ocistore_tui.backends.azure_retry import BoundedRetry
from ocistore_tui.backends.base import MIB, QUICK_SHARE, SILENCE_S
from ocistore_tui.backends.selftest import clock_offset_s
from ocistore_tui.errors import UsageError

_SCOPE = "https://storage.azure.com/.default"
_DEVELOPMENT = (  # the published account of the emulator: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
)


@dataclass(frozen=True, slots=True)
class AzureOptions:
    """Where the container is and who asks for it.

    The first that is given signs in: ``connection_string``, ``account_key``, ``sas_token``, ``anonymous``, else the
    default Azure credential chain. ``endpoint`` may be left out for ``https://ACCOUNT.blob.core.windows.net``.
    """

    container: str
    root_dir: str = ""
    account_name: str = ""
    account_key: str = field(default="", repr=False)
    sas_token: str = field(default="", repr=False)
    connection_string: str = field(default="", repr=False)
    endpoint: str = ""
    anonymous: bool = False
    api_version: str = ""
    """For servers older than the client, such as ``2021-12-02``."""
    ca_bundle: str = ""
    insecure_skip_tls_verify: bool = False
    concurrency: int = 4

    @property
    def credential_kind(self) -> str:
        """What signs requests: ``key``, ``sas``, ``token`` or nothing."""
        if self.connection_string:
            return "sas" if "sharedaccesssignature=" in self.connection_string.lower() else "key"
        if self.account_key or self.sas_token:
            return "key" if self.account_key else "sas"
        return "" if self.anonymous else "token"


class _Transport(RequestsTransport):  # type: ignore[misc]
    """Keeps enough connections, knows the server's clock, and takes the rows out of listings before the client does.

    The client needs 190 s of CPU for the rows of a million blobs; `azure_listing` needs 8.
    """

    def __init__(self, options: AzureOptions) -> None:
        session = requests.Session()
        size = max(32, options.concurrency * 4)
        if options.ca_bundle and not Path(options.ca_bundle).exists():
            raise UsageError("no such file of certificates", where=options.ca_bundle, fix="check --ca-bundle")
        if options.insecure_skip_tls_verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        session.mount("https://", HTTPAdapter(pool_maxsize=size))
        session.mount("http://", HTTPAdapter(pool_maxsize=size))
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=10,
            read_timeout=SILENCE_S,
            connection_verify=_verification(options),
        )
        self.clock_offset_s: float | None = None
        self._rows = threading.local()

    def take_rows(self) -> list[ElementTree.Element]:
        """The rows of the listing page that this thread got last."""
        rows: list[ElementTree.Element] = self._rows.__dict__.pop("rows", [])
        return rows

    def send(self, request: Any, **kwargs: Any) -> Any:
        """See `RequestsTransport.send`."""
        limits_s = [self.connection_config.read_timeout, kwargs.get("read_timeout") or SILENCE_S]
        if _is_small(request):
            limits_s.append(QUICK_SHARE * SILENCE_S)
        kwargs["read_timeout"] = min(limits_s)
        response = super().send(request, **kwargs)
        self.clock_offset_s = clock_offset_s(response.headers.get("Date"))
        if request.method == "GET" and "comp=list" in request.url and response.status_code == 200:
            return self._without_rows(request, response)
        return response

    def _without_rows(self, request: Any, response: Any) -> Any:
        try:
            root = ElementTree.fromstring(without_unused(response.body()))  # noqa: S314 - expat refuses entity bombs
        except ElementTree.ParseError as error:
            raise DecodeError(f"not a listing: {error}", response=response, error=error) from error
        blobs = root.find("Blobs")
        if root.tag != "EnumerationResults" or blobs is None:
            raise DecodeError("not a listing", response=response)
        self._rows.rows = list(blobs)
        blobs.clear()
        return _Shortened(request, response.internal_response, ElementTree.tostring(root))


def _is_small(request: Any) -> bool:
    """Whether neither the request nor its answer moves much, as `base.SILENCE_S` means it."""
    query = urlsplit(request.url).query
    if request.method in ("HEAD", "DELETE"):
        return True
    if request.method == "GET":
        return "comp=" in query
    size_bytes = int(request.headers.get("Content-Length") or 0)
    return request.method == "PUT" and "comp=" not in query and size_bytes <= MIB


class _Shortened(RequestsTransportResponse):  # type: ignore[misc]
    """An answer with another body."""

    def __init__(self, request: Any, internal_response: Any, body: bytes) -> None:
        super().__init__(request, internal_response)
        self._short = body

    def body(self) -> bytes:
        return self._short

    def text(self, encoding: str | None = None) -> str:
        return self._short.decode(encoding or "utf-8")


class AzureConnection:
    """The container client, built on first use, and what is known of the server's clock."""

    def __init__(self, options: AzureOptions) -> None:
        self.transport = _Transport(options)
        self.credential: Any = None
        more: dict[str, Any] = {"api_version": options.api_version} if options.api_version else {}
        more |= {
            "transport": self.transport,
            "retry_policy": BoundedRetry(),
            "max_single_get_size": 32 * 1024 * 1024,
            "max_chunk_get_size": 32 * 1024 * 1024,
        }
        if options.connection_string:
            text = options.connection_string
            if "usedevelopmentstorage=true" in text.lower():
                text = _DEVELOPMENT
            try:
                self.container = ContainerClient.from_connection_string(text, options.container, **more)
            except ValueError as error:
                raise UsageError(
                    "the Azure connection string cannot be used",
                    cause="it is malformed, or lacks the account's name or key",
                    fix="copy it anew from the storage account's page, Access keys",
                ) from error
            _check_key(getattr(self.container.credential, "account_key", ""))
            return
        self.credential = _credential(options)
        try:
            url = account_url(options)
            if hasattr(self.credential, "get_token") and url.startswith("http://"):
                raise UsageError(
                    "signing in to Azure needs https",
                    where=url,
                    cause="tokens are not sent in the clear",
                    fix="give an https address with --endpoint, or --account-key or --sas-token",
                )
            self.container = ContainerClient(url, options.container, credential=self.credential, **more)
        except ValueError as error:
            raise UsageError(
                "the Azure endpoint cannot be used",
                where=options.endpoint,
                cause=str(error).split("\n")[0],
                fix="check --endpoint: https://HOST, or http://HOST:PORT/ACCOUNT for an emulator",
            ) from error

    def sign_in(self) -> None:
        """Get a token where one is needed, which is the only login that can fail without the server."""
        if hasattr(self.credential, "get_token"):
            self.credential.get_token(_SCOPE)

    def signed_for_reading(self, url: str, sign_with_key: Callable[[str, str], str]) -> tuple[str, str | None]:
        """``url`` of a blob as a server-side copy may read it, and the value of the source's Authorization header."""
        if isinstance(self.credential, AzureSasCredential):
            return f"{url}?{self.credential.signature.lstrip('?')}", None
        if hasattr(self.credential, "get_token"):
            token = self.credential.get_token(_SCOPE).token
            return url, f"Bearer {token}"
        key = getattr(self.container.credential, "account_key", None)
        name = getattr(self.container.credential, "account_name", None)
        if key and name and "?" not in url:
            return f"{url}?{sign_with_key(name, key)}", None
        return url, None

    def close(self) -> None:
        """Let the connections go."""
        session = self.transport.session
        if session is not None:
            session.close()
        if hasattr(self.credential, "close"):
            self.credential.close()


def account_url(options: AzureOptions) -> str:
    """The address of the account's blob service."""
    if not options.endpoint:
        if not options.account_name:
            raise UsageError(
                "no Azure storage account is named",
                fix="give --account-name (AZURE_STORAGE_ACCOUNT) or --connection-string",
            )
        return f"https://{options.account_name}.blob.core.windows.net"
    url = options.endpoint if "://" in options.endpoint else f"https://{options.endpoint}"
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Emulators and appliances have the account in the path, not in the host name.
    if (
        parts.path.strip("/") == ""
        and options.account_name
        and (host == "localhost" or ":" in host or host.replace(".", "").isdigit())
    ):
        return f"{url.rstrip('/')}/{options.account_name}"
    return url


def _check_key(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(
            "the Azure account key cannot be used",
            cause="it is not base64",
            fix="copy it anew from the storage account's page, Access keys",
        ) from error


def _credential(options: AzureOptions) -> Any:
    if options.account_key:
        if not options.account_name:
            raise UsageError("an Azure account key needs the account's name", fix="give --account-name")
        _check_key(options.account_key)
        return AzureNamedKeyCredential(options.account_name, options.account_key)
    if options.sas_token:
        return AzureSasCredential(options.sas_token.strip().lstrip("?"))
    if options.anonymous:
        return None
    # Only now: nobody else should pay for the import.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(connection_verify=_verification(options))


def _verification(options: AzureOptions) -> bool | str:
    return not options.insecure_skip_tls_verify and (options.ca_bundle or True)
