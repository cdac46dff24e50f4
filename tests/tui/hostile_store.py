"""A store, an engine and a machine where every text is hostile."""

from __future__ import annotations

import json

from msgspec import structs

from ocistore_tui.errors import OciStoreError, Unavailable
from ocistore_tui.model import media_types
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import AttachmentRow, TimelineRow
from ocistore_tui.model.local import LocalPlace
from ocistore_tui.model.manifest import parse_manifest
from ocistore_tui.model.stores import CheckStep, Mode, StoreRow
from tests.fakes.service import FakeService
from tests.fakes.stored import LAYER_TYPE, Stored, StoredPlatform, make_image
from tests.fakes.stores import FakeStores
from tests.tui.hostile_strings import EVERYTHING, STRINGS

PLACE = LocalPlace("folder", f"/x/{EVERYTHING}", EVERYTHING)
STORE = StoreRow(
    "saved", EVERYTHING, "s3", f"s3://{EVERYTHING}", {"bucket": EVERYTHING, "label": STRINGS["osc0"]}, Mode.ADD_ONLY,
    EVERYTHING,
)  # fmt: skip


def error(message: str = EVERYTHING) -> OciStoreError:
    return Unavailable(message, where=EVERYTHING, cause=EVERYTHING, fix=EVERYTHING)


def hostile_image() -> Stored:
    """An image whose every text is hostile, as raw bytes where JSON allows them."""
    diff_id = Digest.of(b"raw")
    raw = EVERYTHING.encode("utf-8", "ignore").decode()
    config = json.dumps(
        {
            "os": raw, "architecture": "amd64", "created": raw, "author": raw,
            "config": {"Labels": {raw: raw}, "Env": [raw], "Cmd": [raw], "Entrypoint": [raw], "User": raw,
                       "WorkingDir": raw, "ExposedPorts": {raw: {}}, "StopSignal": raw},
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id)]},
            "history": [{"created": raw, "created_by": raw, "comment": raw}],
        },
        ensure_ascii=False,
    ).encode()  # fmt: skip
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": {"mediaType": media_types.OCI_CONFIG, "digest": str(Digest.of(config)), "size": len(config)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": str(Digest.of(b"layer")), "size": 7, "annotations": {raw: raw}}],
        "annotations": {raw: raw},
    }
    manifest = parse_manifest(json.dumps(document, ensure_ascii=False).encode())
    image = StoredPlatform(manifest, config, (diff_id,), (EVERYTHING,), "linux/amd64")
    return Stored((image,), None, {manifest.digest: manifest.raw, manifest.config.digest: config})


def hostile_service() -> FakeService:
    service = FakeService(f"s3://{EVERYTHING}")
    image = hostile_image()
    service.add_tag("app", "1", image, extras=("signature", "sbom", EVERYTHING), platforms=(EVERYTHING,))
    service.add_tag("app", "2", flaw=EVERYTHING)
    service.add_tag("app", "3", kind=EVERYTHING, created=EVERYTHING, media_type=EVERYTHING)
    for text in (*STRINGS.values(), EVERYTHING):
        service.add_tag(text, "1", image)
        service.add_tag("tags", text, image)
        service.add_local(text, make_image(text.encode("utf-8", "replace").decode()))
    service.add_local("broken:1", flaw=EVERYTHING)
    service.add_local("", platforms=(EVERYTHING,))
    service.add_local("app:9")
    listing = service.listings[None]
    service.listings[None] = structs.replace(listing, label=EVERYTHING)
    service.listings[PLACE] = structs.replace(listing, place=PLACE, label=EVERYTHING)
    service.attached["app:1"] = (
        AttachmentRow("other", Digest.of(b"sig"), EVERYTHING, 10, EVERYTHING, image.digest, platform=EVERYTHING,
                      annotations={EVERYTHING: EVERYTHING}, flaw=EVERYTHING),
    )  # fmt: skip
    service.timelines[("app", "1")] = (
        TimelineRow(image.digest, 1.0, True, EVERYTHING, 10, 10),
        TimelineRow(Digest.of(b"gone"), None, False, flaw=EVERYTHING),
    )
    return service


def hostile_stores() -> FakeStores:
    stores = FakeStores(hostile_service())
    stores.rows = [STORE, *(structs.replace(STORE, name=text, url=f"s3://{text}") for text in STRINGS.values())]
    stores.finds = [structs.replace(STORE, origin="found", url="", note=text) for text in STRINGS.values()]
    stores.steps = [
        CheckStep(EVERYTHING, True, EVERYTHING),
        CheckStep("layout", True, EVERYTHING),
        CheckStep("list", False, EVERYTHING, error()),
    ]
    stores.local_places = [PLACE, LocalPlace("engine", f"unix://{EVERYTHING}", EVERYTHING)]
    stores.policy_text = EVERYTHING
    return stores
