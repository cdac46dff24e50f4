"""An Azure Blob container client as this program wants one: signed in, bounded in its retries, quick at listings."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import AzureError, DecodeError, ServiceRequestError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.pipeline.transport import RequestsTransport, RequestsTransportResponse
from azure.storage.blob import ContainerClient
from requests.adapters import HTTPAdapter

from ocistore_tui.errors import UsageError

RETRY_FOR_S = 30.0
_CONNECT_FOR_S = 2.0
_AGAIN = (408, 429, 500, 502, 503, 504)
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


class _Transport(RequestsTransport):  # type: ignore[misc]
    """Keeps enough connections, knows the server's clock, and takes the rows out of listings before the client does.

    The client needs 190 s of CPU for the rows of a million blobs; ElementTree and `azure_listing` need 15.
    """

    def __init__(self, options: AzureOptions) -> None:
        session = requests.Session()
        size = max(32, options.concurrency * 4)
        session.mount("https://", HTTPAdapter(pool_maxsize=size))
        session.mount("http://", HTTPAdapter(pool_maxsize=size))
        verify: bool | str = options.ca_bundle or True
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=10,
            read_timeout=60,
            connection_verify=False if options.insecure_skip_tls_verify else verify,
        )
        self.clock_offset_s: float | None = None
        self._rows = threading.local()

    def take_rows(self) -> list[ElementTree.Element]:
        """The rows of the listing page that this thread got last."""
        rows: list[ElementTree.Element] = self._rows.__dict__.pop("rows", [])
        return rows

    def send(self, request: Any, **kwargs: Any) -> Any:
        """See `RequestsTransport.send`."""
        response = super().send(request, **kwargs)
        date = response.headers.get("Date")
        if date:
            try:
                self.clock_offset_s = time.time() - parsedate_to_datetime(date).timestamp()
            except ValueError:
                self.clock_offset_s = None
        if request.method == "GET" and "comp=list" in request.url and response.status_code == 200:
            return self._without_rows(request, response)
        return response

    def _without_rows(self, request: Any, response: Any) -> Any:
        try:
            root = ElementTree.fromstring(response.body())  # noqa: S314 - expat itself refuses entity bombs
        except ElementTree.ParseError as error:
            raise DecodeError(f"not a listing: {error}", response=response, error=error) from error
        blobs = root.find("Blobs")
        if root.tag != "EnumerationResults" or blobs is None:
            raise DecodeError("not a listing", response=response)
        self._rows.rows = list(blobs)
        blobs.clear()
        return _Shortened(request, response.internal_response, ElementTree.tostring(root))


class _Shortened(RequestsTransportResponse):  # type: ignore[misc]
    """An answer with another body."""

    def __init__(self, request: Any, internal_response: Any, body: bytes) -> None:
        super().__init__(request, internal_response)
        self._short = body

    def body(self) -> bytes:
        return self._short

    def text(self, encoding: str | None = None) -> str:
        return self._short.decode(encoding or "utf-8")


class BoundedRetry(HTTPPolicy[Any, Any]):
    """Tries again after 0.5, 1, 2, 4, 8, 8 s, and for no more than half a minute; a refused connection, for 2 s.

    The client's own policies wait 15 s before the second try and do not know status 429.
    """

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """See `HTTPPolicy.send`."""
        options = request.context.options
        location = options.pop("location_mode", None) or "primary"
        for name in ("hosts", "retry_hook", "retry_total", "retry_to_secondary"):
            options.pop(name, None)  # meant for the client's own policy; the transport does not know them
        kept = dict(options)
        started, wait_s = time.monotonic(), 0.5
        while True:
            options.update(kept)
            failure: AzureError | None = None
            response = None
            try:
                response = self.next.send(request)
            except ServiceRequestError as error:
                if time.monotonic() - started > _CONNECT_FOR_S or "SSL" in str(error) or "certificate" in str(error):
                    raise
                failure = error
            except AzureError as error:
                if not _is_network(error):
                    raise
                failure = error
            if response is not None and response.http_response.status_code not in _AGAIN:
                response.http_response.location_mode = location  # where the client's listings look for it
                return response
            pause_s = wait_s * random.uniform(0.7, 1.3)  # noqa: S311 - only so that many clients do not march in step
            if response is not None:
                pause_s = max(pause_s, _retry_after_s(response.http_response.headers))
            if time.monotonic() + pause_s > started + RETRY_FOR_S:
                if failure is not None:
                    raise failure
                assert response is not None
                response.http_response.location_mode = location
                return response
            time.sleep(pause_s)
            wait_s = min(8.0, wait_s * 2)


def _is_network(error: AzureError) -> bool:
    """Whether a server may just have been unlucky, as after a reset or a cut."""
    return type(error).__name__ in (
        "ServiceResponseError", "ServiceResponseTimeoutError", "IncompleteReadError", "ServiceRequestTimeoutError"
    )  # fmt: skip


def _retry_after_s(headers: Any) -> float:
    try:
        return min(10.0, float(headers.get("Retry-After") or 0))
    except ValueError:
        return 0.0


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
            return
        self.credential = _credential(options)
        url = account_url(options)
        try:
            self.container = ContainerClient(url, options.container, credential=self.credential, **more)
        except ValueError as error:
            raise UsageError("the Azure endpoint cannot be used", where=url, cause=str(error).split("\n")[0]) from error

    def signed_for_reading(self, url: str, sign_with_key: Callable[[str, str], str]) -> tuple[str, str | None]:
        """``url`` of a blob as a server-side copy may read it, and the value of the source's Authorization header."""
        if isinstance(self.credential, AzureSasCredential):
            return f"{url}?{self.credential.signature.lstrip('?')}", None
        if hasattr(self.credential, "get_token"):
            token = self.credential.get_token("https://storage.azure.com/.default").token
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
        and (host == "localhost" or host.replace(".", "").isdigit())
    ):
        return f"{url.rstrip('/')}/{options.account_name}"
    return url


def _credential(options: AzureOptions) -> Any:
    if options.account_key:
        if not options.account_name:
            raise UsageError("an Azure account key needs the account's name", fix="give --account-name")
        return AzureNamedKeyCredential(options.account_name, options.account_key)
    if options.sas_token:
        return AzureSasCredential(options.sas_token.strip().lstrip("?"))
    if options.anonymous:
        return None
    # Only now: nobody else should pay for the import.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
