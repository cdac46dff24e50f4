"""Platforms: ``os/arch[/variant]`` (OCI image-spec image-index.md, "platform")."""

from __future__ import annotations

import platform as _host
from typing import Self

import msgspec

from ocistore_tui.errors import UsageError

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "i386": "386"}


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What an image runs on."""

    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")

    @classmethod
    def parse(cls, text: str) -> Self:
        """``OS/ARCH[/VARIANT]`` as typed by a person.

        Raises:
            UsageError: it has another form.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise UsageError("not a platform", where=text, fix="write OS/ARCH[/VARIANT], for example linux/arm64")
        os_name, architecture = parts[0].lower(), parts[1].lower()
        variant = parts[2].lower() if len(parts) == 3 else ""
        architecture = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}.get(architecture, architecture)
        return cls(os=os_name, architecture=architecture, variant=variant)

    @classmethod
    def host(cls) -> Self:
        """The platform containers on this machine run on: always Linux, the machine's own architecture."""
        machine = _host.machine().lower()
        return cls(os="linux", architecture=_ARCHITECTURES.get(machine, machine))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def is_known(self) -> bool:
        """False for the ``unknown/unknown`` that attestations carry."""
        return bool(self.os) and self.os != "unknown"

    def matches(self, wanted: Platform) -> bool:
        """Whether an image of this platform is what ``wanted`` asks for; arm64 means arm64/v8."""
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return False
        default = "v8" if self.architecture == "arm64" else ""
        return not wanted.variant or (self.variant or default) == (wanted.variant or default)
