"""What a plan dialog says: the lines of one plan, the button, the total. Everything is inert already."""

from __future__ import annotations

import bisect
import textwrap
from dataclasses import dataclass

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.plan import PLAN_WORDS, PullPlan, PullRequest, PushPlan
from ocistore_tui.model.progress import LayerState
from ocistore_tui.model.text import inert
from ocistore_tui.tui.format import fit, plural, short_age, short_digest, short_size
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.planning import Plan, PlanRow, Request, Stage, Totals, counts, is_estimate, upload_bytes
from ocistore_tui.tui.targets import FILE_FORMS


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the dialog."""

    label: str
    text: str
    style: str = ""
    """``good``, ``warn``, ``bad`` or ``dim``; empty: plain."""
    why: str = ""
    """Said as well where there is room for it on the same line."""


LABEL = 15
"""Columns of the labels."""


_WORDS = {
    LayerState.EXISTS: ("exists", "already in this repository, nothing sent"),
    LayerState.LINKED: ("link", "found elsewhere in this store, linked, nothing sent"),
    LayerState.UPLOADED: ("upload", ""),
    LayerState.PRESENT: ("here already", "nothing fetched"),
    LayerState.DOWNLOADED: ("download", "every byte is verified on the way"),
}


def fitted(lines: list[Line], width: int) -> list[tuple[str, str]]:
    """Texts and their styles, a line of the screen each: what is too long goes on below itself, not below its label.

    Args:
        lines: What to say.
        width: Columns there are.
    """
    room = max(20, width - LABEL)
    made: list[tuple[str, str]] = []
    for line in lines:
        text = f"{line.text}   {line.why}" if line.why and len(line.text) + len(line.why) + 3 <= room else line.text
        # The layers are a table: spaces between its columns stay.
        parts = [text] if len(text) <= room else textwrap.wrap(text, room) or [""]
        labels = [line.label, *[""] * (len(parts) - 1)]
        made += [(f"{label:<{LABEL}}{part}", line.style) for label, part in zip(labels, parts, strict=True)]
    return made


def command_lines(command: str, width: int, *, most: int = 3, cut: str = "…") -> list[str]:
    """A command line over a few lines of the screen, each a row of whole words.

    Where they are too few, its longest words are cut in their middle, with a sign, and no more than it takes.
    """
    words = f"$ {command or cut}".split(" ")
    longest = max(map(len, words))
    fitting = bisect.bisect_left(range(longest), 1, key=lambda less: len(_rows(words, longest - less, width)) <= most)
    lines = _rows(words, longest - fitting, width, cut=cut)
    # So many short words that there is no room whatever is cut: then the line as a whole.
    return lines if len(lines) <= most else [fit(" ".join(words), width, cut=cut)]


def _rows(words: list[str], longest: int, width: int, *, cut: str = "…") -> list[str]:
    """Rows of words that are ``longest`` at most."""
    rows = [""]
    for number, word in enumerate(words):
        shown = fit(word, max(1, min(longest, width, len(word))), cut=cut) if word else word
        if number and len(rows[-1]) + 1 + len(shown) <= width:
            rows[-1] += f" {shown}"
        elif number:
            rows.append(shown)
        else:
            rows[-1] = shown
    return rows


def origin(row: PlanRow) -> Line:
    """Where it comes from."""
    request, plan = row.request, row.plan
    if isinstance(plan, PushPlan):
        name, image = name_of(request), f"image {short_digest(plan.image_id)}"
        parts = [name, ", ".join(plan.platforms), image if image != name else ""]
        why = "" if name in plan.source else plan.source
        return Line("from", inert("   ".join(part for part in parts if part)), why=inert(why))
    if isinstance(plan, PullPlan):
        parts = [str(plan.reference), plan.platform]
        return Line("from", inert("   ".join(part for part in parts if part)), why=short_digest(plan.digest))
    return Line("from", name_of(request))


def name_of(request: Request) -> str:
    """The image that is to move, as it is called where it is."""
    if isinstance(request, PullRequest):
        return inert(str(request.source))
    name = (request.image or str(request.target)).removeprefix("docker-daemon:")
    if name.startswith(FILE_FORMS):
        file, inside = _file_of(name)
        return inert(f"{inside} in {file}" if inside else file)
    return f"image {short_digest(name)}" if name.startswith("sha256:") else inert(name)


def goal(row: PlanRow) -> str:
    """Where it goes, for a list: a file without its directories."""
    return inert((_file_of(row.text)[0] if row.text.startswith(FILE_FORMS) else row.text) or "say where it goes")


def source(row: PlanRow) -> str:
    """Where it comes from, for a list: an image in a file by its name there, where it has one."""
    request = row.request
    if isinstance(request, PullRequest) or not (request.image or "").startswith(FILE_FORMS):
        return name_of(request)
    file, inside = _file_of(request.image or "")
    return inert(inside or file)


def _file_of(image: str) -> tuple[str, str]:
    """The file of ``docker-archive:FILE:NAME`` without its directories, and the name; colons in a path are rare."""
    path, _, inside = image.partition(":")[2].partition(":")
    return path.rstrip("/").rpartition("/")[2], inside


def layer_lines(plan: Plan) -> list[Line]:
    """What happens to the layers."""
    found = counts(plan)
    total = sum(number for number, _ in found.values())
    lines = [Line("Plan", plural(total, "layer") if total else "no layers")]
    for state, (word, why) in _WORDS.items():
        if state not in found:
            continue
        number, size = found[state]
        amount = short_size(size) if size is not None else ""
        if state is LayerState.UPLOADED and isinstance(plan, PushPlan):
            amount, why = upload_amount(plan), "compressed on the way" if is_estimate(plan) else "as it is"
        lines.append(Line(f"  {word}", f"{plural(number, 'layer'):<11} {amount:>9}".rstrip(), why=why))
    return lines


def upload_amount(plan: PushPlan) -> str:
    """``~92 MB``: the sign where only compressing tells."""
    return f"{'~' if is_estimate(plan) else ''}{short_size(upload_bytes(plan))}"


def lines(row: PlanRow, glyphs: Glyphs, now: float, error: OciStoreError | None) -> list[Line]:
    """What is known of one row, below its origin and its target."""
    if error is not None:
        return failure_lines(error)
    plan, looked = row.plan, row.looked
    if plan is None or looked is None:
        return [Line("Plan", "looking …" if row.stage is not Stage.WAITING else "waiting …", "dim")]
    made = layer_lines(plan)
    if isinstance(plan, PushPlan):
        if not plan.needs_export and not plan.is_noop:
            made.append(Line("  read", "nothing: every layer is in the store"))
        made.append(tag_line(plan, glyphs, looked.moved_at, now))
    else:
        made.append(Line("  write" if plan.image.startswith(FILE_FORMS) else "  load", f"into {inert(plan.target)}"))
        if row.is_noop:
            made.append(Line("  name", f"{inert(plan.image)} is this image already: nothing to do", "good"))
        elif looked.replaces:
            text = f"{inert(looked.replaces)} is another image here: that one will lose this name"
            made.append(Line("  name", f"{glyphs.failed} {text}", "warn"))
    if plan.way.via == "registry":
        made.append(Line("  via", "registry", "dim", why=inert(plan.way.why)))
    return made + [Line("  note", inert(note), "dim") for note in plan.notes]


def tag_line(plan: PushPlan, glyphs: Glyphs, moved_at: float | None, now: float) -> Line:
    """What becomes of the tag."""
    tag, before = inert(plan.reference.tag or ""), plan.tag_before
    if before is None:
        return Line("  tag", f"{tag} is new", "good")
    if plan.is_noop:
        return Line("  tag", f"{tag} is exactly this already ({short_digest(before)}): nothing to do", "good")
    if before == plan.digest:
        return Line("  tag", f"{tag} stays {short_digest(before)}; what is missing below it is sent again")
    after = short_digest(plan.digest) if plan.digest else "the new image"
    age = short_age(moved_at, now)
    pushed = f", the old one was pushed {age} ago" if age else ""
    text = f"moves {tag}: {short_digest(before)} {glyphs.arrow} {after}{pushed}"
    return Line("  tag", text, "warn", "(it stays in the timeline)")


def failure_lines(error: OciStoreError) -> list[Line]:
    """What happened, why, and what helps."""
    made = [Line("!", inert(str(error)), "bad")]
    made += [Line("  why", inert(error.cause))] if error.cause else []
    return made + ([Line("  fix", inert(error.fix), "good")] if error.fix else [])


def summary(row: PlanRow, error: OciStoreError | None) -> tuple[str, str]:
    """One row of several, in a few words, and their style."""
    if error is not None:
        return f"! {inert(error.message)}", "bad"
    plan = row.plan
    if plan is None:
        return ("waiting" if row.stage is Stage.WAITING else "checking …"), "dim"
    if row.is_noop:
        return "nothing to do", "dim"
    words = [f"{number} {PLAN_WORDS[state]}" for state, (number, _) in counts(plan).items()]
    if isinstance(plan, PushPlan):
        amount = upload_amount(plan) if plan.needs_export else "0 B"
    else:
        amount = short_size(plan.download_bytes)
    if row.moves_tag:
        return f"{amount}, moves the tag", "warn"
    if row.looked is not None and row.looked.replaces:
        return f"{amount}, takes the name", "warn"
    return f"{amount}: {', '.join(words)}" if words else amount, ""


def title(rows: list[PlanRow], store: str, place: str) -> str:
    """The dialog's title."""
    pushes = sum(row.is_push for row in rows)
    parts = [f"Push {plural(pushes, 'image')} to {store}"] if pushes else []
    if pushes < len(rows):
        parts.append(f"Pull {plural(len(rows) - pushes, 'image')} to {place}")
    return inert("; ".join(parts), limit=80)


def total_line(totals: Totals) -> str:
    """All rows in one line."""
    parts = [plural(totals.rows, "image")]
    if totals.pushes:
        parts.append(f"send {'~' if totals.is_estimate else ''}{short_size(totals.upload_bytes)}")
    if totals.pulls:
        parts.append(f"fetch {short_size(totals.download_bytes)}")
    if totals.moves:
        parts.append(f"{plural(len(totals.moves), 'tag')} {'moves' if len(totals.moves) == 1 else 'move'}")
    parts += [f"{totals.noops} there already"] if totals.noops else []
    parts += [f"{totals.failed} cannot be done"] if totals.failed else []
    parts += [f"checking {totals.rows - totals.checking + 1} of {totals.rows}"] if totals.checking else []
    return " · ".join(parts)


def button(totals: Totals, *, allows_adding: bool) -> str:
    """What Enter does, in words."""
    if totals.checking:
        return f"Checking {totals.rows - totals.checking + 1} of {totals.rows}" if totals.rows > 1 else "Checking"
    if not totals.ready:
        return "Nothing to do" if not totals.failed else "Cannot be done"
    done = totals.failed + totals.noops
    some = f" {totals.ready} of {totals.rows}" if totals.rows > 1 and done else ""
    if not totals.pushes:
        return f"Pull{some}{_amount(totals.download_bytes, some, 'fetch')}"
    verb = "Push" if not totals.pulls else f"Push {totals.pushes}, pull {totals.pulls}"
    if totals.moves:
        moved = "tag" if len(totals.moves) == 1 else f"{len(totals.moves)} tags"
        text = f"{verb}{some} and move {moved}"
    elif totals.pulls:
        text = verb
    else:
        text = f"{verb}{some}{_amount(totals.upload_bytes, some, 'send', '~' if totals.is_estimate else '')}"
    return text if allows_adding else f"Allow adding to this store and {text[0].lower()}{text[1:]}"


def _amount(size_bytes: int, some: str, verb: str, about: str = "") -> str:
    if not size_bytes:
        return f", nothing to {verb}"
    return f"{',' if some else ''} {about}{short_size(size_bytes)}"


def move_label(totals: Totals) -> str:
    """What the tick allows."""
    if len(totals.moves) == 1:
        return f"move tag {inert(totals.moves[0])}"
    return f"move {len(totals.moves)} tags to other images"


def why_not(totals: Totals, *, may_move: bool) -> str:
    """Why Enter cannot start it now; empty when it can."""
    if totals.checking:
        return "the plan is not there yet; Enter works as soon as it is"
    if not totals.ready and totals.failed:
        return "nothing here can be started: each line says why. e changes the target, r looks again"
    if totals.moves and not may_move:
        return "this makes an existing tag mean another image: tick it first (m)"
    return ""
