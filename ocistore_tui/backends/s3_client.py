"""How an S3 client is built: options, credentials, endpoint, checksums, retries, and the switch that stops uploads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.loaders import Loader

from ocistore_tui import __version__
from ocistore_tui.backends.base import QUICK_SHARE, SILENCE_S, CancelSignal
from ocistore_tui.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3Options:
    """Everything that tells one S3 connection from another; what is left out is found as every AWS tool finds it."""

    bucket: str
    root_dir: str = ""
    region: str | None = None
    endpoint: str | None = None
    """With scheme, such as ``https://minio.local:9000``; None: the environment's, the profile's, or AWS itself."""
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    path_style: bool | None = None
    """None: path style with a custom endpoint, virtual-hosted style on AWS."""
    anonymous: bool = False
    sse: str | None = None
    """``AES256``, ``aws:kms`` or ``aws:kms:dsse``."""
    sse_kms_key_id: str | None = None
    storage_class: str | None = None
    ca_bundle: str | None = None
    insecure_skip_tls_verify: bool = False
    concurrency: int = 4
    """Parts and ranges of one blob in flight."""
    connect_timeout_s: float = 10
    read_timeout_s: float = SILENCE_S

    def check(self) -> None:
        """Refuse what can never work.

        Raises:
            UsageError: no bucket, an endpoint without scheme or host, half a key pair, nobody to do the work.
        """
        if not self.bucket or "/" in self.bucket:
            raise UsageError("no usable bucket name", where=self.bucket, fix="write BUCKET/REPOSITORY:TAG")
        if self.endpoint is not None:
            check_endpoint(self.endpoint)
        if self.concurrency < 1:
            raise UsageError("no transfers at all", where=str(self.concurrency), fix="give --concurrency 1 or more")
        if bool(self.access_key) != bool(self.secret_key):
            raise UsageError(
                "half a pair of keys",
                where=f"s3://{self.bucket}",
                cause="the access key and the secret key go together",
                fix="give both --access-key and --secret-key, or neither",
            )


def check_endpoint(endpoint: str) -> None:
    """Refuse an endpoint that is not a URL; guessing the scheme could send a request in clear text."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        bare = endpoint.partition("://")[2] or endpoint
        raise UsageError(
            "the endpoint is not a URL",
            where=endpoint,
            cause="it needs a scheme and a host",
            fix=f"write --endpoint https://{bare} (http:// only where the server has no TLS)",
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """Ready clients and what is known about the far end without asking it."""

    client: S3Client
    """For small requests: gives up on a silent server as `base.SILENCE_S` says."""
    make_patient: Callable[[], S3Client]
    """Builds one for large bodies, which many runs never need."""
    is_aws: bool
    region: str
    sends_checksums: bool
    """Whether the SDK adds a checksum to every body."""
    may_check_parts: bool
    """Whether a server that promises to check the parts of an upload by CRC-32 is to do so, instead of by a signed
    SHA-256, which takes both ends twenty times as long."""


_CRC32_HEADER = "x-amz-checksum-crc32"


class _FewServices(Loader):
    """Knows the services that credentials and storage need; looking through all 400 costs 20 ms at every start."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        return ["s3", "signin", "sso", "sso-oidc", "sts"]


def connect(options: S3Options) -> Connection:
    """Build the client; sends nothing yet, unless the credential chain has to ask a service.

    Raises:
        BotoCoreError: an unknown profile, a broken configuration file.
        UsageError: the endpoint of the environment or the profile is not a URL; the CA bundle is missing.
    """
    # botocore.session itself instead of boto3: the same client, 80 ms sooner.
    session = botocore.session.Session(profile=options.profile)
    paths = str(session.get_config_variable("data_path") or "").split(os.pathsep)
    session.register_component("data_loader", _FewServices([path for path in paths if path]))
    endpoint = options.endpoint or _configured_endpoint(session)
    is_aws = endpoint is None or _is_aws(endpoint)
    if endpoint is not None:
        check_endpoint(endpoint)
    # botocore reads AWS_DEFAULT_REGION only; every newer SDK reads AWS_REGION first. S3 works without any.
    region = options.region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1"

    def make(read_timeout_s: float) -> Any:
        made: Any = session.create_client(
            "s3",
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=options.access_key,
            aws_secret_access_key=options.secret_key,
            aws_session_token=options.session_token,
            verify=_verification(options, session),
            config=_config(options, session, endpoint=endpoint, is_aws=is_aws, read_timeout_s=read_timeout_s),
        )
        made.meta.events.register("before-call.s3.HeadBucket", _mark_redirected)
        made.meta.events.register("before-sign.s3.UploadPart", _sign_one_check_only)
        return made

    client = make(min(options.read_timeout_s, QUICK_SHARE * SILENCE_S))
    _limit_silence(client)
    settings = client.meta.config
    return Connection(
        client,
        lambda: make(options.read_timeout_s),
        is_aws,
        client.meta.region_name,
        sends_checksums=settings.request_checksum_calculation == "when_supported",
        may_check_parts=settings.s3.get("payload_signing_enabled") is True
        and not _is_set(session, "request_checksum_calculation"),
    )


def _sign_one_check_only(request: Any, **_: object) -> None:
    """Leave the body of a part out of the signature where we put its checksum into a header, which is signed, too."""
    settings = request.context["client_config"]
    if _CRC32_HEADER in request.headers and settings.request_checksum_calculation == "when_required":
        unsigned: Any = {**settings.s3, "payload_signing_enabled": False}
        request.context["client_config"] = settings.merge(Config(s3=unsigned))


def _limit_silence(client: Any) -> None:
    """Start no further try of a request that was out for half of the limit; the SDK counts tries, not seconds."""
    started = "ocistore_started"

    def begin(params: dict[str, Any], **_: object) -> None:
        params["context"][started] = time.monotonic()

    def give_up(caught_exception: Exception | None, request_dict: dict[str, Any], **_: object) -> None:
        since = request_dict["context"].get(started)
        if caught_exception is not None and since is not None and time.monotonic() - since >= SILENCE_S / 2:
            raise caught_exception

    client.meta.events.register("before-call.s3", begin)
    client.meta.events.register_first("needs-retry.s3", give_up)


def _mark_redirected(params: dict[str, Any], **_: object) -> None:
    """Only the SDK sends HeadBucket, to learn a region; answered by a redirect too, it would ask itself forever."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _configured_endpoint(session: Session) -> str | None:
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3")
    return provider.provide() or None


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))


def _verification(options: S3Options, session: Session) -> bool | str:
    if options.insecure_skip_tls_verify:
        # Asked for, and said by the caller; the SDK would write its own warning into the middle of the display.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return False
    # AWS_CA_BUNDLE set but empty means "the default" to every other tool; botocore takes it for a file name.
    bundle = options.ca_bundle or session.get_config_variable("ca_bundle")
    if not bundle:
        return True
    if not Path(bundle).exists():
        raise UsageError(
            "the CA bundle is not there", where=str(bundle), fix="correct --ca-bundle, AWS_CA_BUNDLE or the profile"
        )
    return str(bundle)


def _config(
    options: S3Options, session: Session, *, endpoint: str | None, is_aws: bool, read_timeout_s: float
) -> Config:
    s3: Any = {}
    if options.path_style is not None:
        s3["addressing_style"] = "path" if options.path_style else "virtual"
    elif not is_aws and "addressing_style" not in (session.get_scoped_config().get("s3") or {}):
        s3["addressing_style"] = "path"
    more: dict[str, Any] = {}
    if not is_aws:
        # Many servers refuse the trailing checksums that are the default since 2025; without them botocore would
        # sign a hash of every body, which TLS makes superfluous. Without TLS it is all that tells of damaged bytes.
        s3["payload_signing_enabled"] = not str(endpoint).lower().startswith("https:")
        for name in ("request_checksum_calculation", "response_checksum_validation"):
            if not _is_set(session, name):
                more[name] = "when_required"
    if options.anonymous:
        more["signature_version"] = UNSIGNED
    if not (_is_set(session, "max_attempts") or _is_set(session, "retry_mode")):
        more["retries"] = {"mode": "standard", "total_max_attempts": 5}
    return Config(
        connect_timeout=options.connect_timeout_s,
        read_timeout=read_timeout_s,
        max_pool_connections=max(32, 4 * options.concurrency),
        tcp_keepalive=True,
        user_agent_extra=f"ocistore-tui/{__version__}",
        s3=s3,
        **more,
    )


def _is_set(session: Session, name: str) -> bool:
    """Whether the user set it: in the environment, or in the profile."""
    return f"AWS_{name.upper()}" in os.environ or name in session.get_scoped_config()


class UploadAbandoned(BaseException):
    """Ends an upload's thread from inside the SDK, which takes every `Exception` for a fault worth another try."""


class StopSwitch:
    """Lets no further attempt of an abandoned upload out: otherwise the SDK's own retry would publish it later."""

    def __init__(self) -> None:
        self._local = threading.local()

    def watch(self, client: S3Client) -> None:
        """Hold back requests of this client, too."""
        client.meta.events.register("before-send.s3", self._before_send)

    @contextmanager
    def watching(self, *signals: CancelSignal | None) -> Iterator[None]:
        """While in here, no request of this thread goes out any more once one of the signals is set.

        Raises:
            Cancelled: one was held back.
        """
        self._local.signals = signals
        try:
            yield
        except UploadAbandoned as error:
            raise Cancelled("stopped on request", fix="run the same command again: finished blobs are kept") from error
        finally:
            self._local.signals = ()

    def _before_send(self, **_: object) -> None:
        if any(signal is not None and signal.is_set() for signal in getattr(self._local, "signals", ())):
            raise UploadAbandoned
