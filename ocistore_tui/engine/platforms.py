"""Which image of an index is meant."""

from __future__ import annotations

from ocistore_tui.engine.context import Context
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.manifest import Descriptor, Index, Manifest
from ocistore_tui.model.platform import Platform


def choose_platform(context: Context, found: Manifest | Index, wanted: Platform, *, where: str) -> Manifest:
    """The image for ``wanted``: ``found`` itself, or one its index names and the store holds.

    Raises:
        NotFound: there is none for it, or only its name is there.
        IntegrityError: a document on the way is damaged.
    """
    if isinstance(found, Manifest):
        platform = context.documents.config(found.config).platform if found.is_image else Platform()
        if platform.is_known and not platform.matches(wanted):
            raise NotFound(
                f"the image is for {platform}, not {wanted}",
                where=where,
                fix="leave --platform out, or name another tag",
            )
        return found
    others: list[str] = []
    fitting: list[Digest] = []
    for child in found.manifests:
        if child.is_attestation or child.media_type.endswith("index.v1+json"):
            continue
        platform = child.platform if child.platform and child.platform.is_known else _platform_of(context, child)
        if platform.matches(wanted):
            fitting.append(child.digest)
        elif platform.is_known:
            others.append(str(platform))
    for digest in fitting:
        stored = stored_manifest(context, digest)
        if isinstance(stored, Manifest):
            return stored
    held = ", ".join(dict.fromkeys(others))
    choice = f"choose another with --platform: {held}" if others else ""
    if fitting:
        raise NotFound(
            f"the image for {wanted} is not in the store",
            where=where,
            cause="its index names it, but it is not there: never pushed (a partial index), or deleted",
            fix=f"push that platform{', or ' if choice else ''}{choice}",
        )
    raise NotFound(
        f"no image for {wanted}",
        where=where,
        cause=f"the index holds {held or 'no images'}",
        fix=choice or "inspect it to see what it is",
    )


def stored_manifest(context: Context, digest: Digest) -> Manifest | Index | None:
    """A manifest or index that the store really holds; None: it does not."""
    try:
        return context.documents.manifest(digest, must_be_stored=True)
    except NotFound:
        return None


def _platform_of(context: Context, child: Descriptor) -> Platform:
    try:
        found = context.documents.manifest(child.digest)
        return context.documents.config(found.config).platform if isinstance(found, Manifest) else Platform()
    except (NotFound, IntegrityError):
        return Platform()
