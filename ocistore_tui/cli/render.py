"""Plans, lists and inspections as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ocistore_tui.cli.words import cut, flaw_of, table
from ocistore_tui.model.listing import Inspection, LayerRow, TagRow
from ocistore_tui.model.manifest import Manifest
from ocistore_tui.model.plan import MovedLayer, PlannedLayer, PullPlan, PullResult, PushPlan, PushResult, Way
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.model.words import ago, ago_text, counted, duration, rfc3339, size

_LONGEST = 4000
"""Characters of one text of an image, whoever wrote it."""


def tags(rows: Sequence[TagRow], *, width: int | None = None) -> list[str]:
    """The tags of a repository, on a screen of ``width`` columns."""
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
        width=width,
    )


def _platforms(row: TagRow) -> str:
    flaw = inert(flaw_of(row), limit=200)
    if row.flaw and row.digest is None:
        return f"! broken: {flaw}"
    text = ", ".join(inert(platform, limit=40) for platform in row.platforms) or row.kind or "-"
    if row.missing:
        text += f" (partial, {row.missing} missing)"
    return f"{text} ! {flaw}" if flaw else text


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
    lines.append(way(plan.way))
    return lines + [f"note   {inert(note)}" for note in plan.notes]


def way(found: Way) -> str:
    """How the layers go, and why."""
    return f"via    {found.via}: {inert(found.why)}"


def other_way(via: str) -> str:
    """How the layers of a push went after all, and why."""
    why = "the engine had little to send" if via == "registry" else "the engine's own push failed"
    return f"via    {via} after all: {why}"


def _tag_change(plan: PushPlan) -> str:
    tag = plan.reference.tag or ""
    if plan.is_noop:
        return f"{tag} stays {plan.tag_before.short if plan.tag_before else ''}: nothing to do"
    if plan.tag_before is None:
        return f"{tag} is new"
    if plan.digest == plan.tag_before:
        return f"{tag} stays {plan.tag_before.short}"
    return f"{tag} moves: {plan.tag_before.short} -> {plan.digest.short if plan.digest else 'the new image'}"


def push_outline(plan: PushPlan) -> str:
    """A push in one line: ``9 layers: 5 exist, 1 link, 3 upload (at most 92.0 MB)``."""
    return _outline(plan.layers, plan.transfer_bytes if plan.needs_export else 0)


def pull_outline(plan: PullPlan) -> str:
    """The same of a pull."""
    return _outline(plan.layers, plan.download_bytes)


def _outline(layers: Sequence[PlannedLayer], moving_bytes: int | None) -> str:
    counts: dict[str, int] = {}
    for layer in layers:
        counts[layer.word] = counts.get(layer.word, 0) + 1
    amount = f" (at most {size(moving_bytes)})" if moving_bytes else ""
    words = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"{counted(len(layers), 'layer')}: {words or 'none'}{amount}"


def pull_plan(plan: PullPlan, reference: str) -> list[str]:
    """What a pull would do."""
    platform = f"  {inert(plan.platform)}" if plan.platform else ""
    return [
        f"from   {reference}  {plan.digest.short}{platform}",
        f"to     {inert(plan.target)} as {inert(plan.image)}",
        *_plan_layers(plan.layers),
        f"fetch  {size(plan.download_bytes)}",
        way(plan.way),
        *(f"note   {inert(note)}" for note in plan.notes),
    ]


def _plan_layers(layers: Iterable[PlannedLayer]) -> list[str]:
    lines: list[str] = []
    for layer in layers:
        identity = layer.digest.short if layer.digest else f"diff ID {layer.diff_id.short if layer.diff_id else '?'}"
        amount = size(layer.size_bytes) if layer.size_bytes is not None else "size known once compressed"
        lines.append(f"layer  {layer.word:8}  {identity}  {amount}")
    return lines


def push_summary(result: PushResult) -> str:
    """One line at the end of a push."""
    kept = [layer for layer in result.layers if layer.state is not LayerState.UPLOADED]
    text = f"pushed in {duration(result.duration_s)}: {_amount(result.uploaded_bytes)} sent"
    return text + (f", {_all(kept, result.layers)} kept ({_sum(kept)})" if kept else "")


def pull_summary(result: PullResult) -> str:
    """One line at the end of a pull."""
    here = [layer for layer in result.layers if layer.state is LayerState.PRESENT]
    text = f"pulled in {duration(result.duration_s)}: {_amount(result.downloaded_bytes)} read"
    return text + (f", {_all(here, result.layers)} were there ({_sum(here)})" if here else "")


def _all(some: Sequence[MovedLayer], layers: Sequence[MovedLayer]) -> str:
    return f"{len(some)} of {counted(len(layers), 'layer')}"


def _amount(count_bytes: int) -> str:
    return size(count_bytes) if count_bytes else "nothing"


def _sum(layers: Sequence[MovedLayer]) -> str:
    return size(sum(layer.size_bytes for layer in layers))


def inspection(found: Inspection, reference: str, *, width: int | None) -> list[str]:
    """Everything about one reference, in lines of ``width`` columns where the text can be cut; None: uncut."""
    lines = [
        f"reference   {reference}",
        f"digest      {found.digest}",
        f"kind        {found.kind}, {inert(_type(found), limit=120)}",
        f"size        {size(found.size_bytes)} ({found.size_bytes} bytes)",
    ]
    if found.pushed is not None:
        lines.append(f"pushed      {ago(found.pushed)} ({rfc3339(found.pushed)})")
    lines += [f"flaw        ! {inert(flaw)}" for flaw in found.flaws]
    if found.kind == "index":
        platforms = [
            (inert(row.platform, limit=60), row.descriptor.digest, "stored" if row.is_stored else "! not in the store")
            for row in found.platforms
        ]
        return [*lines, "", *table(("PLATFORM", "MANIFEST", ""), platforms)]
    config = _config(found)
    lines += [cut(line, width) for line in _config_lines(found, config)]
    return lines + _layer_lines(found, config, width)


def _type(found: Inspection) -> str:
    """Of an artifact what it says it is; its manifest's media type is the same as an image's."""
    manifest = found.manifest
    return manifest.stated_type if isinstance(manifest, Manifest) and not manifest.is_image else found.media_type


def _config(found: Inspection) -> dict[str, object]:
    try:
        config = json.loads(found.config or b"")
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) and found.kind == "image" else {}


_SETTINGS = (
    ("Entrypoint", "entrypoint"),
    ("Cmd", "command"),
    ("User", "user"),
    ("WorkingDir", "directory"),
)


def _config_lines(found: Inspection, config: dict[str, object]) -> list[str]:
    if not config:
        return []
    lines = [f"platform    {inert(row.platform, limit=60)}" for row in found.platforms]
    created = config.get("created")
    if isinstance(created, str):
        lines.append(f"created     {ago_text(created)} ({inert(created, limit=40)})")
    settings = config.get("config")
    if not isinstance(settings, dict):
        return lines
    for key, label in _SETTINGS:
        value = settings.get(key)
        if value:
            words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"{label:11} {inert(words, limit=_LONGEST)}")
    for key, label in (("ExposedPorts", "port"), ("Env", "env"), ("Labels", "label")):
        lines += [f"{label:11} {inert(item, limit=_LONGEST)}" for item in _items(settings.get(key))]
    return lines


def _items(value: object) -> list[str]:
    """Lists as they are, tables as ``name=text``; anything else in their place is not shown."""
    if isinstance(value, dict):
        return [f"{name}={text}" if isinstance(text, str) else str(name) for name, text in value.items()]
    return [str(item) for item in value] if isinstance(value, list) else []


def _layer_lines(found: Inspection, config: dict[str, object], width: int | None) -> list[str]:
    """History with the layer each step made; apart, where they do not fit together."""
    listed = config.get("history")
    steps = [step for step in listed if isinstance(step, dict)] if isinstance(listed, list) else []
    rows: list[tuple[str, str, str, str]] = []
    layers = iter(found.layers)
    fits = sum(not step.get("empty_layer") for step in steps) == len(found.layers)
    for step in steps if fits else ():
        layer = None if step.get("empty_layer") else next(layers)
        rows.append(_row(layer, _step(step)))
    rows += [_row(layer, layer.created_by) for layer in layers]
    lines: list[str] = []
    if rows:
        heading = ("LAYER", "SIZE", "DIFF ID", "CREATED BY")
        lines += ["", *table(heading, rows, right=(1,), width=width)]
    if steps and not fits:
        lines += ["", "HISTORY", *(cut(inert(_step(step), limit=_LONGEST), width) for step in steps)]
    return lines


def _row(layer: LayerRow | None, created_by: str) -> tuple[str, str, str, str]:
    text = inert(created_by.removeprefix("/bin/sh -c #(nop) ").strip(), limit=_LONGEST)
    if layer is None:
        return "-", "-", "-", text
    return layer.digest.short, size(layer.size_bytes), layer.diff_id.short if layer.diff_id else "-", text


def _step(step: dict[str, object]) -> str:
    return str(step.get("created_by") or step.get("comment") or "-")
