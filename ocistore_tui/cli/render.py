"""Plans, lists and inspections as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ocistore_tui.cli.words import ago, ago_text, duration, size, table
from ocistore_tui.model.listing import Inspection, TagRow
from ocistore_tui.model.plan import PlannedLayer, PullPlan, PullResult, PushPlan, PushResult
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.text import inert


def tags(rows: Sequence[TagRow]) -> list[str]:
    """The tags of a repository."""
    return table(
        ("TAG", "DIGEST", "SIZE", "CREATED", "PUSHED", "PLATFORMS"),
        [
            (
                inert(row.name, limit=128),
                row.digest.short if row.digest else "-",
                size(row.size_bytes) if row.size_bytes is not None else "-",
                ago_text(row.created) if row.created else "-",
                ago(row.pushed),
                _platforms(row),
            )
            for row in rows
        ],
        right=(2,),
    )


def _platforms(row: TagRow) -> str:
    if row.flaw and row.digest is None:
        return f"! broken: {inert(row.flaw, limit=120)}"
    text = ", ".join(inert(platform, limit=40) for platform in row.platforms) or row.kind or "-"
    if row.missing:
        text += f" (partial, {row.missing} missing)"
    return f"{text} ! {inert(row.flaw, limit=120)}" if row.flaw else text


def push_plan(plan: PushPlan, reference: str) -> list[str]:
    """What a push would do."""
    lines = [
        f"from   {inert(plan.source)}  image {plan.image_id.short}  {', '.join(map(inert, plan.platforms))}".rstrip(),
        f"to     {reference}",
        *_plan_layers(plan.layers),
    ]
    if plan.needs_export:
        sent = f"at most {size(plan.transfer_bytes)}" if plan.transfer_bytes else "the whole image"
        lines.append(f"read   {sent} from the source")
    else:
        lines.append("read   nothing: every layer is in the store")
    lines.append(f"tag    {_tag_change(plan)}")
    return lines + [f"note   {inert(note)}" for note in plan.notes]


def _tag_change(plan: PushPlan) -> str:
    tag = plan.reference.tag or ""
    if plan.is_noop:
        return f"{tag} stays {plan.tag_before.short if plan.tag_before else ''}: nothing to do"
    if plan.tag_before is None:
        return f"{tag} is new"
    if plan.digest == plan.tag_before:
        return f"{tag} stays {plan.tag_before.short}"
    return f"{tag} moves: {plan.tag_before.short} -> {plan.digest.short if plan.digest else 'the new image'}"


def pull_plan(plan: PullPlan, reference: str) -> list[str]:
    """What a pull would do."""
    platform = f"  {inert(plan.platform)}" if plan.platform else ""
    return [
        f"from   {reference}  {plan.digest.short}{platform}",
        f"to     {inert(plan.target)} as {inert(plan.image)}",
        *_plan_layers(plan.layers),
        f"fetch  {size(plan.download_bytes)}",
        *(f"note   {inert(note)}" for note in plan.notes),
    ]


_PLAN_WORDS = {
    LayerState.EXISTS: "exist",
    LayerState.LINKED: "link",
    LayerState.UPLOADED: "upload",
    LayerState.PRESENT: "here",
    LayerState.DOWNLOADED: "download",
}


def _plan_layers(layers: Iterable[PlannedLayer]) -> list[str]:
    lines: list[str] = []
    for layer in layers:
        identity = layer.digest.short if layer.digest else f"diff ID {layer.diff_id.short if layer.diff_id else '?'}"
        amount = size(layer.size_bytes) if layer.size_bytes is not None else "size known once compressed"
        lines.append(f"layer  {_PLAN_WORDS.get(layer.action, layer.action.value):8}  {identity}  {amount}")
    return lines


def push_summary(result: PushResult) -> str:
    """One line at the end of a push."""
    return f"pushed in {duration(result.duration_s)}: {size(result.uploaded_bytes)} sent, {_kept(result)}"


def _kept(result: PushResult) -> str:
    kept = [layer for layer in result.layers if layer.state is not LayerState.UPLOADED]
    return f"{len(kept)} of {len(result.layers)} layers kept ({size(sum(layer.size_bytes for layer in kept))})"


def pull_summary(result: PullResult) -> str:
    """One line at the end of a pull."""
    here = sum(layer.state is LayerState.PRESENT for layer in result.layers)
    return (
        f"pulled in {duration(result.duration_s)}: {size(result.downloaded_bytes)} read, "
        f"{here} of {len(result.layers)} layers were there"
    )


def inspection(found: Inspection, reference: str) -> list[str]:
    """Everything about one reference."""
    lines = [
        f"reference   {reference}",
        f"digest      {found.digest}",
        f"kind        {found.kind}  {inert(found.media_type, limit=120)}",
        f"size        {size(found.size_bytes)} ({found.size_bytes} bytes)",
    ]
    if found.pushed is not None:
        lines.append(f"pushed      {ago(found.pushed)}")
    lines += [f"flaw        ! {inert(flaw)}" for flaw in found.flaws]
    if found.kind == "index":
        platforms = [
            (inert(row.platform, limit=60), row.descriptor.digest, "stored" if row.is_stored else "not in the store")
            for row in found.platforms
        ]
        return [*lines, "", *table(("PLATFORM", "MANIFEST", ""), platforms)]
    lines += _config_lines(found)
    if found.layers:
        rows = [
            (str(number), layer.digest.short, size(layer.size_bytes), inert(layer.created_by, limit=90))
            for number, layer in enumerate(found.layers, 1)
        ]
        lines += ["", *table(("#", "LAYER", "SIZE", "CREATED BY"), rows, right=(0, 2))]
    return lines


def _config_lines(found: Inspection) -> list[str]:
    try:
        config = json.loads(found.config or b"")
    except (ValueError, RecursionError):
        return []
    if not isinstance(config, dict) or found.kind != "image":
        return []
    lines = [f"platform    {inert(row.platform, limit=60)}" for row in found.platforms]
    if config.get("created"):
        lines.append(f"created     {inert(str(config['created']), limit=40)}")
    settings = config.get("config")
    if isinstance(settings, dict):
        for key, label in (
            ("Entrypoint", "entrypoint"),
            ("Cmd", "command"),
            ("User", "user"),
            ("WorkingDir", "directory"),
        ):
            if settings.get(key):
                lines.append(f"{label:11} {inert(json.dumps(settings[key], ensure_ascii=False), limit=160)}")
        for key, label in (("Env", "env"), ("Labels", "label")):
            value = settings.get(key)
            items = value.items() if isinstance(value, dict) else ((item, None) for item in value or ())
            for name, text in items:
                lines.append(f"{label:11} {inert(f'{name}={text}' if text is not None else str(name), limit=160)}")
    history = config.get("history")
    if isinstance(history, list) and history:
        steps = [entry for entry in history if isinstance(entry, dict)]
        lines.append(f"history     {len(steps)} steps")
        lines += [f"  {inert(str(step.get('created_by') or step.get('comment') or '-'), limit=140)}" for step in steps]
    return lines
