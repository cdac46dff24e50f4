"""Every way to sign in to S3, seen in what is really sent."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.tokens
import pytest

from ocistore_tui.errors import AccessDenied, UsageError
from tests.backends.s3_sent import KEYS, sent, signed_by
from tests.faults.canned import Answer, CannedServer
from tests.faults.s3_answers import well

LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(well) as server:
        yield server


@pytest.fixture
def aws_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    """``~/.aws`` of this test's own home."""
    found = Path.home() / ".aws"
    found.mkdir()
    return found


def test_keys_given(server: CannedServer) -> None:
    request = sent(server, **KEYS)
    assert signed_by(request) == "AKOPTION us-east-1"
    assert "x-amz-security-token" not in request.headers
    assert b"secret" not in repr(request).encode()


def test_a_session_token_given(server: CannedServer) -> None:
    assert sent(server, **KEYS, session_token="session").headers["x-amz-security-token"] == "session"


def test_keys_of_the_environment(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    request = sent(server)
    assert signed_by(request) == "AKENV us-east-1"
    assert request.headers["x-amz-security-token"] == "session"


def test_keys_given_beat_the_environment_and_do_not_take_its_token(
    server: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    request = sent(server, **KEYS)
    assert signed_by(request) == "AKOPTION us-east-1"
    assert "x-amz-security-token" not in request.headers


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_profile(server: CannedServer, aws_dir: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    (aws_dir / "credentials").write_text(
        "[default]\naws_access_key_id=AKDEFAULT\naws_secret_access_key=s\n"
        "[prod]\naws_access_key_id=AKPROD\naws_secret_access_key=s\naws_session_token=session\n"
    )
    (aws_dir / "config").write_text("[profile prod]\nregion=eu-central-1\n")
    if way == "environment":
        monkeypatch.setenv("AWS_PROFILE", "prod")
    request = sent(server, profile="prod" if way == "option" else None)
    assert signed_by(request) == "AKPROD eu-central-1"
    assert request.headers["x-amz-security-token"] == "session"


def test_a_profile_given_beats_keys_of_the_environment(
    server: CannedServer, aws_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (aws_dir / "credentials").write_text("[prod]\naws_access_key_id=AKPROD\naws_secret_access_key=s\n")
    assert signed_by(sent(server, profile="prod")) == "AKPROD us-east-1"


def test_a_program_that_gives_credentials(server: CannedServer, aws_dir: Path, tmp_path: Path) -> None:
    answer = {
        "Version": 1,
        "AccessKeyId": "AKPROCESS",
        "SecretAccessKey": "s",
        "SessionToken": "t",
        "Expiration": LATER,
    }
    (tmp_path / "give.py").write_text(f"print({json.dumps(answer)!r})")
    (aws_dir / "config").write_text(f"[default]\ncredential_process={sys.executable} {tmp_path / 'give.py'}\n")
    request = sent(server)
    assert signed_by(request) == "AKPROCESS us-east-1"
    assert request.headers["x-amz-security-token"] == "t"


def test_the_role_of_a_container(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"AccessKeyId": "AKROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": LATER}
    with CannedServer(lambda _: Answer(200, json.dumps(answer))) as role:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{role.url}/role")
        assert signed_by(sent(server)) == "AKROLE us-east-1"


def test_web_identity(server: CannedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = "<AccessKeyId>AKWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    kind = "AssumeRoleWithWebIdentity"
    answer = (
        f"<{kind}Response><{kind}Result><Credentials>{keys}<Expiration>{LATER}</Expiration></Credentials>"
        f"</{kind}Result></{kind}Response>"
    )
    (tmp_path / "token").write_text("the identity")
    with CannedServer(lambda _: Answer(200, answer)) as sts:
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pusher")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        assert signed_by(sent(server)) == "AKWEB eu-west-1"
        assert b"the+identity" in sts.requests[0].body


SSO = """[default]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = pusher
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
sso_registration_scopes = sso:account:access
"""


def test_sso(server: CannedServer, aws_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (aws_dir / "config").write_text(SSO)
    cache = aws_dir / "sso/cache"
    cache.mkdir(parents=True)
    monkeypatch.setattr(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))  # found at import
    token = {"accessToken": "the login", "expiresAt": LATER, "startUrl": "https://corp.awsapps.com/start"}
    (cache / f"{hashlib.sha1(b'corp').hexdigest()}.json").write_text(json.dumps(token))
    keys = {"accessKeyId": "AKSSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4070908800000}
    with CannedServer(lambda _: Answer(200, json.dumps({"roleCredentials": keys}))) as sso:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", sso.url)
        assert signed_by(sent(server)) == "AKSSO us-east-1"
        assert sso.requests[0].headers["x-amz-sso_bearer_token"] == "the login"


def test_sso_without_a_login(server: CannedServer, aws_dir: Path) -> None:
    (aws_dir / "config").write_text(SSO)
    with pytest.raises(AccessDenied) as caught:
        sent(server)
    assert "aws sso login" in caught.value.fix
    assert server.requests == []


def test_anonymous(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "authorization" not in sent(server, anonymous=True).headers


def test_an_unknown_profile(server: CannedServer) -> None:
    with pytest.raises(UsageError, match="profile") as caught:
        sent(server, profile="nowhere")
    assert "nowhere" in caught.value.cause
    assert "aws configure list-profiles" in caught.value.fix
