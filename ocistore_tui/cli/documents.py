"""The JSON documents of ``--json``: exact bytes, RFC 3339 times in UTC, stable names.

Every document has the same fields every time. What is out of the ordinary (flaws, notes, platforms that are missing)
comes as one field more, only where there is something to say.
"""

from __future__ import annotations

import json
from typing import Any

from ocistore_tui.cli.output import encode_json
from ocistore_tui.cli.words import INVALID_NAME, flaw_of
from ocistore_tui.model.listing import Inspection, RepositoryRow, TagRow
from ocistore_tui.model.plan import MovedLayer, PlannedLayer, PullPlan, PullResult, PushPlan, PushResult
from ocistore_tui.model.words import rfc3339, utc


def repository(row: RepositoryRow) -> dict[str, Any]:
    """One repository of a list."""
    return {"name": row.name, **_unusual(flaw="" if row.is_valid else INVALID_NAME)}


def tag(row: TagRow) -> dict[str, Any]:
    """One tag of a list."""
    document: dict[str, Any] = {
        "name": row.name,
        "digest": row.digest,
        "media_type": row.media_type,
        "size_bytes": row.size_bytes,
        "created": utc(row.created),
        "pushed": rfc3339(row.pushed),
        "platforms": list(row.platforms),
    }
    return document | _unusual(missing_platforms=row.missing, flaw=flaw_of(row))


def pushed(result: PushResult, reference: str) -> dict[str, Any]:
    """A finished push."""
    return {
        "reference": reference,
        "digest": result.digest,
        "layers": [_moved(layer) for layer in result.layers],
        "uploaded_bytes": result.uploaded_bytes,
        "duration_s": round(result.duration_s, 3),
        "via": result.via,
        **_unusual(notes=result.notes),
    }


def pulled(result: PullResult) -> dict[str, Any]:
    """A finished pull."""
    return {
        "image": result.image,
        "image_id": result.image_id,
        "digest": result.digest,
        "layers": [_moved(layer) for layer in result.layers],
        "downloaded_bytes": result.downloaded_bytes,
        "duration_s": round(result.duration_s, 3),
        "via": result.via,
        **_unusual(notes=result.notes),
    }


def push_plan(plan: PushPlan, reference: str) -> dict[str, Any]:
    """What a push would do."""
    return {
        "verb": "push",
        "reference": reference,
        "source": plan.source,
        "image_id": plan.image_id,
        "platforms": list(plan.platforms),
        "digest": plan.digest,
        "tag_before": plan.tag_before,
        "needs_export": plan.needs_export,
        "transfer_bytes": plan.transfer_bytes,
        "via": plan.way.via,
        "via_reason": plan.way.why,
        "layers": [_planned(layer) for layer in plan.layers],
        **_unusual(notes=plan.notes),
    }


def pull_plan(plan: PullPlan, reference: str) -> dict[str, Any]:
    """What a pull would do."""
    return {
        "verb": "pull",
        "reference": reference,
        "target": plan.target,
        "image": plan.image,
        "digest": plan.digest,
        "platform": plan.platform or None,
        "download_bytes": plan.download_bytes,
        "via": plan.way.via,
        "via_reason": plan.way.why,
        "layers": [_planned(layer) for layer in plan.layers],
        **_unusual(notes=plan.notes),
    }


def inspection(found: Inspection, reference: str) -> dict[str, Any]:
    """Everything about one reference."""
    missing = [row.platform or row.descriptor.digest for row in found.platforms if not row.is_stored]
    return {
        "reference": reference,
        "digest": found.digest,
        "media_type": found.media_type,
        "size_bytes": found.size_bytes,
        "manifest": _parsed(found.manifest.raw),
        "config": _parsed(found.config) if found.config is not None else None,
        "layers": [
            {
                "digest": layer.digest,
                "diff_id": layer.diff_id,
                "media_type": layer.media_type,
                "size_bytes": layer.size_bytes,
                "created_by": layer.created_by,
            }
            for layer in found.layers
        ],
        **_unusual(flaws=found.flaws, missing_platforms=missing),
    }


def _parsed(raw: bytes) -> Any:
    """The document in ``raw``; None where it has no form in JSON: ``NaN``, 1e999, nested too deep."""
    try:
        document = json.loads(raw)
        # Whether it can be written again, with room for the levels around it.
        encode_json([[[[document]]]])
    except (ValueError, RecursionError):
        return None
    return document


def _unusual(**fields: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items() if value}


def _moved(layer: MovedLayer) -> dict[str, Any]:
    return {
        "digest": layer.digest,
        "diff_id": layer.diff_id,
        "size_bytes": layer.size_bytes,
        "state": layer.state.value,
    }


def _planned(layer: PlannedLayer) -> dict[str, Any]:
    return {
        "digest": layer.digest,
        "diff_id": layer.diff_id,
        "size_bytes": layer.size_bytes,
        "media_type": layer.media_type or None,
        "action": layer.action.value,
    }
