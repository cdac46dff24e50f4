"""A store as a form holds it: fields by kind, what is wrong with them, and the row they describe. Never a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from ocistore_tui.model.text import inert

KINDS: Mapping[str, str] = {"s3": "S3 and compatible", "gcs": "GCS", "azure": "Azure", "fs": "Folder"}
"""Backends as people call them."""
CHAIN, PROFILE, KEYFILE, ANONYMOUS = "chain", "profile", "keyfile", "anonymous"
SIGN_INS: Mapping[str, Mapping[str, str]] = {
    "s3": {PROFILE: "profile", CHAIN: "environment or instance role", ANONYMOUS: "anonymous"},
    "gcs": {CHAIN: "default credentials", KEYFILE: "key file", ANONYMOUS: "anonymous"},
    "azure": {},
    "fs": {},
}
"""Ways to sign in that a saved connection can tell apart, by kind; none: there is nothing to choose."""
SIGN_IN_NOTES: Mapping[str, str] = {
    "s3": "Keys are never typed or kept here: AWS's own sign-in is used.",
    "gcs": "Secrets are never typed or kept here: Google's own sign-in is used.",
    "azure": "Signs in by the environment, az login or a managed identity. Keys are never kept here.",
    "fs": "Nothing to sign in to: the file rights of this computer count.",
}
_SCHEMES = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "azure": "azure", "file": "fs"}
_SCHEME_OF = {"s3": "s3", "gcs": "gs", "azure": "az", "fs": "file"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}\Z")
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}\Z")
_LEAST_BUCKET = 3
"""S3, Google and Azure have no shorter names."""
_OFFER, _AT_TOP, _AMONG = "set the prefix to ", "leave the prefix out", "there is one under: "


@dataclass(frozen=True, slots=True)
class Field:
    """One text a person types."""

    key: str
    """The setting's name, as a saved connection has it."""
    label: str
    hint: str = ""
    """Shown while it is empty."""


_PREFIX = Field("root_dir", "prefix", "(found by itself)")
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "s3": (Field("bucket", "bucket"), _PREFIX, Field("endpoint", "endpoint", "(AWS or exported)"),
           Field("region", "region", "(by itself)"), Field("profile", "profile", "default")),
    "gcs": (Field("bucket", "bucket"), _PREFIX, Field("keyfile", "key file", "~/key.json")),
    "azure": (Field("bucket", "container"), _PREFIX, Field("account_name", "account"),
              Field("endpoint", "endpoint", "(Azure)")),
    "fs": (Field("dir", "directory", "/srv/images"), _PREFIX),
}  # fmt: skip
"""What is typed, by kind, in the order of the form."""
_BELONGS = {"profile": PROFILE, "keyfile": KEYFILE}
"""Fields that count for one way to sign in only."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A store as it stands in the form."""

    kind: str = "s3"
    name: str = ""
    """As typed; empty: `suggested_name`."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Every field as typed, by setting; those of other kinds are kept in case the kind is turned back."""
    sign_in: str = CHAIN
    mode: Mode = Mode.READ_ONLY
    kept: Mapping[str, str | int | bool] = field(default_factory=dict)
    """Settings without a field, such as ``path_style``; they belong to ``kept_kind``."""
    kept_kind: str = ""
    replaces: str = ""
    """The saved connection this was read from; empty for a new one."""

    def typed(self, key: str, text: str) -> Draft:
        """With a field changed, ``name`` too; a URL in the field of the bucket is taken apart."""
        if key == "name":
            return replace(self, name=text)
        scheme, is_url, rest = text.strip().partition("://")
        kind = _SCHEMES.get(scheme.lower())
        if is_url and kind and key in ("bucket", "dir"):
            if kind == "fs":
                changes = {"dir": rest}
            else:
                bucket, _, root_dir = rest.partition("/")
                changes = {"bucket": bucket, "root_dir": root_dir.strip("/")}
            return replace(self, kind=kind, sign_in=_sign_in(kind, self.sign_in), texts={**self.texts, **changes})
        return replace(self, texts={**self.texts, key: text})

    def of_kind(self, kind: str) -> Draft:
        """With another kind; what was typed stays."""
        return replace(self, kind=kind, sign_in=_sign_in(kind, self.sign_in))

    def text(self, key: str) -> str:
        """A field without the spaces around it."""
        return self.texts.get(key, "").strip()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that count now."""
        return tuple(one for one in FIELDS[self.kind] if _BELONGS.get(one.key, self.sign_in) == self.sign_in)

    @property
    def place_key(self) -> str:
        """The field that cannot be left out."""
        return "dir" if self.kind == "fs" else "bucket"

    @property
    def effective_mode(self) -> Mode:
        """Who does not sign in can only look."""
        return Mode.READ_ONLY if self.sign_in == ANONYMOUS else self.mode


def draft_of(row: StoreRow | None) -> Draft:
    """The form of a store; of a new one when there is none, or it is thrown away at the end."""
    if row is None or row.origin == "demo":
        return Draft(texts={})
    known = {one.key for one in FIELDS[row.backend]}
    texts = {key: str(value) for key, value in row.settings.items() if key in known}
    if "root_dir" in texts:
        texts["root_dir"] = texts["root_dir"].strip("/")
    if row.backend == "fs" and not texts.get("dir"):
        texts["dir"] = row.url.removeprefix("file://")
    without_fields = known | {"anonymous", "mode"}
    sign_in = next((way for key, way in _BELONGS.items() if key in known and texts.get(key)), CHAIN)
    is_saved = row.origin == "saved"
    return Draft(
        kind=row.backend,
        name=row.name if is_saved else "",
        texts=texts,
        sign_in=_sign_in(row.backend, ANONYMOUS if row.settings.get("anonymous") else sign_in),
        mode=row.mode,
        kept={key: value for key, value in row.settings.items() if key not in without_fields},
        kept_kind=row.backend,
        replaces=row.name if is_saved else "",
    )


def row_of(draft: Draft, taken: Collection[str] = ()) -> StoreRow:
    """The store a draft describes, as it will be saved; without a bucket it is not complete.

    Args:
        draft: The form.
        taken: Names of saved connections, for the name when none was typed.
    """
    settings: dict[str, str | int | bool] = {}
    for one in draft.fields:
        text = draft.text(one.key)
        if one.key == "root_dir":
            text = text.strip("/")
        if text:
            settings[one.key] = text
    if draft.sign_in == PROFILE:
        settings.setdefault("profile", "default")
    if draft.sign_in == ANONYMOUS:
        settings["anonymous"] = True
    if draft.kept_kind == draft.kind:
        settings.update(draft.kept)
    where = str(settings.get(draft.place_key, ""))
    url = f"{_SCHEME_OF[draft.kind]}://{where}" if where else ""
    if url and "root_dir" in settings:
        url = f"{url}/{settings['root_dir']}"
    name = draft.name.strip() or suggested_name(draft, taken)
    return StoreRow("saved", name, draft.kind, inert(url, limit=400), settings, draft.effective_mode)


def suggested_name(draft: Draft, taken: Collection[str] = ()) -> str:
    """A name nobody has to think of: the bucket's, or the folder's; ``-2`` behind it when it is taken."""
    where = draft.text(draft.place_key).rstrip("/").rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", where).strip("._-")[:60]
    others = set(taken) - {draft.replaces}
    if not name or name not in others:
        return name
    return next(f"{name}-{number}" for number in range(2, len(others) + 3) if f"{name}-{number}" not in others)


def flaws(draft: Draft, taken: Collection[str] = ()) -> dict[str, str]:
    """What is wrong with the form, by field, in words; ``name`` is a field too. What is only missing is not wrong."""
    found: dict[str, str] = {}
    for one in draft.fields:
        text = draft.text(one.key)
        if text and (wrong := _flaw(one.key, text)):
            found[one.key] = wrong
    name = draft.name.strip()
    if name and not _NAME.match(name):
        found["name"] = "letters, digits, . _ and - only"
    elif name and name != draft.replaces and name in taken:
        found["name"] = "another saved store has this name"
    return found


def missing(draft: Draft) -> str:
    """The field that is still to be filled in; empty when there is none."""
    needed = [draft.place_key]
    if draft.sign_in == KEYFILE:
        needed.append("keyfile")
    return next((key for key in needed if not draft.text(key)), "")


def is_worth_trying(draft: Draft) -> bool:
    """Whether there is enough to ask a server about: the first letters of a bucket's name are nobody's business."""
    if missing(draft) or flaws(draft):
        return False
    return draft.kind == "fs" or len(draft.text("bucket")) >= _LEAST_BUCKET


def label_of(draft: Draft, key: str) -> str:
    """What the form calls a field."""
    return next((one.label for one in FIELDS[draft.kind] if one.key == key), key)


def offered_prefixes(step: CheckStep) -> tuple[str, ...]:
    """Prefixes under which a check found a registry's layout instead; the top of the bucket is the empty one.

    They are read from the fix and the cause of the step, whose names are inert: one that lost a sign is left out.
    """
    if step.step != "layout" or step.error is None:
        return ()
    cause, fix = step.error.cause, step.error.fix
    listed = cause.removeprefix(_AMONG).split(", ") if cause.startswith(_AMONG) else []
    first = [fix.removeprefix(_OFFER)] if fix.startswith(_OFFER) else [""] if fix == _AT_TOP else []
    names = [*first, *("" if name == "the top" else name for name in listed)]
    return tuple(dict.fromkeys(name for name in names if first and not {"�", "…"} & set(name)))


def _sign_in(kind: str, wanted: str) -> str:
    ways = SIGN_INS[kind]
    return wanted if wanted in ways else CHAIN


def _flaw(key: str, text: str) -> str:
    if inert(text, limit=len(text) + 1) != text:
        return "it holds characters that cannot be seen"
    check = _CHECKS.get(key)
    return check(text) if check else ""


def _bucket(text: str) -> str:
    return "only its name: no / : @ or spaces" if set(text) & set("/@:?#&= ") else ""


def _root_dir(text: str) -> str:
    parts = text.removeprefix("/").removesuffix("/").split("/")
    return "" if {"", ".", ".."}.isdisjoint(parts) or text == "/" else "names joined by single slashes"


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        return "write https://HOST or http://HOST:PORT"
    return "no user, password or signature in it: secrets are never kept" if "@" in parts.netloc or parts.query else ""


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "bucket": _bucket,
    "root_dir": _root_dir,
    "endpoint": _endpoint,
    "region": lambda text: "" if _REGION.match(text) else "a name such as eu-west-1",
    "account_name": lambda text: "" if _ACCOUNT.match(text) else "3 to 24 small letters and digits",
}
