"""Names: repositories, tags and references (OCI distribution-spec, "Pulling manifests"; layout.md §6)."""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from ocistore_tui.errors import UsageError
from ocistore_tui.model.digest import Digest

MAX_REPOSITORY_CHARS = 255
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


def is_repository(name: str) -> bool:
    """Whether registries can serve a repository of this name."""
    return len(name) <= MAX_REPOSITORY_CHARS and bool(_REPOSITORY.match(name))


def is_tag(name: str) -> bool:
    """Whether registries can serve a tag of this name."""
    return bool(_TAG.match(name))


class Reference(Struct, frozen=True):
    """One image in a store: a repository with a tag or a digest."""

    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str, *, default_tag: str | None = "latest") -> Self:
        """``REPOSITORY[:TAG | @DIGEST]``, as typed.

        Args:
            text: The reference without its bucket.
            default_tag: What a missing tag means; None leaves it missing.

        Raises:
            UsageError: the repository, tag or digest has another form.
        """
        name, at, digest_text = text.partition("@")
        tag: str | None = None
        if ":" in name.rpartition("/")[2]:
            name, _, tag = name.rpartition(":")
        if not is_repository(name):
            raise UsageError(
                "invalid repository name",
                where=name[:300] or "(empty)",
                cause="names are lower-case letters, digits and single . _ - between them, parts joined by /",
                fix="write REPOSITORY[:TAG] or REPOSITORY@sha256:…",
            )
        if tag is not None and not is_tag(tag):
            raise UsageError(
                "invalid tag",
                where=tag[:300] or "(empty)",
                cause="a tag is up to 128 letters, digits, _ . - and does not begin with . or -",
                fix="write REPOSITORY:TAG",
            )
        if not at:
            return cls(name, tag or default_tag)
        try:
            return cls(name, tag, Digest.parse(digest_text))
        except ValueError as error:
            raise UsageError(
                "invalid digest",
                where=digest_text[:300],
                cause=str(error),
                fix="write REPOSITORY@sha256:<64 hex digits>",
            ) from error

    @property
    def image_tag(self) -> str:
        """The tag of an image that is pulled from here: the same, else the digest's first digits, else ``latest``."""
        return self.tag or (self.digest.short if self.digest else "latest")

    @property
    def image_name(self) -> str:
        """What an image that is pulled from here is called, where nobody says otherwise."""
        return f"{self.repository}:{self.image_tag}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"
