"""What the signs mean, in words: for the help screen and the README."""

from __future__ import annotations

from ocistore_tui.model.progress import LayerState
from ocistore_tui.tui.glyphs import Glyphs

SIGNS: tuple[tuple[str, str], ...] = (
    ("same", "the same image is on both sides"),
    ("only", "only here"),
    ("differs", "the same name is another image there"),
    ("partial", "some of the platforms are there"),
    ("unknown", "not known yet"),
    ("broken", "broken, or no valid name"),
    ("marked", "marked"),
    ("some_marked", "some of its tags are marked"),
    ("folded", "a repository; its tags are folded"),
    ("unfolded", "unfolded"),
)
"""Fields of `Glyphs` in front of a row of the two lists."""

TRANSFER_SIGNS: tuple[tuple[str, str], ...] = (
    ("push", "push: towards the store"),
    ("pull", "pull: towards this computer"),
    ("paused", "paused"),
    ("done", "done"),
    ("failed", "failed; cause and fix are told"),
    ("cancelled", "cancelled; what is finished is kept"),
)
"""Fields of `Glyphs` in front of a transfer."""

LAYER_WORDS: dict[LayerState, str] = {
    LayerState.WAITING: "waiting",
    LayerState.EXISTS: "exists, nothing to send",
    LayerState.LINKED: "linked from another repository",
    LayerState.PRESENT: "here already",
    LayerState.READING: "reading",
    LayerState.COMPRESSING: "compressing",
    LayerState.UPLOADING: "uploading",
    LayerState.DOWNLOADING: "downloading",
    LayerState.VERIFYING: "verifying",
    LayerState.LOADING: "loading into the engine",
    LayerState.UPLOADED: "uploaded",
    LayerState.DOWNLOADED: "downloaded",
    LayerState.FAILED: "failed",
    LayerState.CANCELLED: "cancelled",
}

MODES: tuple[tuple[str, str], ...] = (
    ("READ ONLY", "list, look, pull and plan"),
    ("ADD ONLY", "push as well; a tag is moved only with your consent"),
    ("MANAGE", "delete as well, for this session"),
)

LETTERS: tuple[tuple[str, str], ...] = (
    ("S", "signed; nobody has verified it here"),
    ("B", "has an SBOM, a bill of materials"),
    ("P", "has provenance: how it was built"),
)
"""Letters of the EXTRA column."""


def legend(glyphs: Glyphs) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Sections of signs and their words, as this terminal shows them."""
    layers: dict[str, list[str]] = {}
    for state, words in LAYER_WORDS.items():
        layers.setdefault(glyphs.layer[state], []).append(words)
    return [
        ("In the lists", tuple((getattr(glyphs, name), words) for name, words in SIGNS)),
        ("EXTRA", LETTERS),
        ("Transfers", tuple((getattr(glyphs, name), words) for name, words in TRANSFER_SIGNS)),
        ("Layers", tuple((sign, "; ".join(words)) for sign, words in layers.items())),
        ("Modes", MODES),
    ]
