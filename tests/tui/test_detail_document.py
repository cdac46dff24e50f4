"""Manifests and configurations as lines: whole, exact, harmless, and quick whoever wrote them."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from ocistore_tui.tui.detail.document import DocumentLines, views_of


def texts(lines: DocumentLines) -> list[str]:
    return [lines.text(index) for index in range(len(lines))]


def test_one_line_of_json_is_formatted_for_reading() -> None:
    lines = DocumentLines(b'{"os":"linux","layers":[1,2]}', "formatted")
    assert texts(lines) == ["{", '  "os": "linux",', '  "layers": [', "    1,", "    2", "  ]", "}"]
    assert lines.row(1).cells == ("2", '  "os": "linux",')


def test_the_exact_view_shows_every_byte_in_lines_that_fit() -> None:
    raw = ('{"text":"' + "äöü漢字abc" * 40 + '"}\n \t{}').encode()
    lines = DocumentLines(raw, "exact", 33)
    shown = texts(lines)
    assert max(map(cell_len, shown)) <= 33
    assert "".join(shown) == raw.decode().replace("\n", "").replace("\t", "�")
    numbers = [lines.row(index).cells[0] for index in range(len(lines))]
    assert [number for number in numbers if number] == ["1", "2"]
    assert numbers[0] == "1"


def test_hex_shows_offsets_bytes_and_letters() -> None:
    lines = DocumentLines(bytes(range(64, 82)), "hex")
    assert lines.row(0).cells == ("000000", "40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO")
    assert lines.row(1).cells[0] == "000010"
    assert lines.row(1).cells[1].split() == ["50", "51", "PQ"]


@pytest.mark.parametrize("raw", [b"not json", b"\xff\xfe\x00", b'{"a":', b"[" * 5000 + b"]" * 5000])
def test_what_cannot_be_formatted_is_shown_as_it_is(raw: bytes) -> None:
    assert DocumentLines(raw, "formatted").view == "exact"
    assert views_of(raw) == ("exact", "hex")


def test_nothing_in_a_document_steers_a_terminal() -> None:
    raw = '{"a":"\x1b]52;c;eA==\x07\u202e\u200b\x9b"}'.encode()
    for view in ("formatted", "exact", "hex"):
        shown = "".join(texts(DocumentLines(raw, view)))
        assert not any(sign in shown for sign in "\x1b\x07\u202e\u200b\x9b")


def test_a_document_whose_indentation_alone_would_fill_the_memory_is_not_formatted() -> None:
    deep = 400
    raw = b"[" * deep + b",".join([b"1"] * 200_000) + b"]" * deep
    assert views_of(raw) == ("exact", "hex")
    brackets_in_text = b'{"a":"' + b"[" * 200_000 + b'"}'
    assert views_of(brackets_in_text) == ("formatted", "exact", "hex")


def test_a_large_configuration_has_all_its_lines() -> None:
    steps = [{"created_by": f"RUN step {number} " + "x" * 100} for number in range(10_000)]
    raw = json.dumps({"history": steps}).encode()
    assert len(raw) > 1_300_000
    lines = DocumentLines(raw, "formatted")
    assert len(lines) == 10_000 * 3 + 4
    assert "step 9999" in lines.text(len(lines) - 4)


def test_a_value_longer_than_its_row_can_be_seen_whole() -> None:
    value = "abc " * 1500
    lines = DocumentLines(json.dumps({"a": value}).encode(), "formatted")
    assert len(lines.text(1)) == 2000
    assert lines.full[1] == f'"a": "{value}"'
    assert lines.full.get("no such line", "") == ""
    assert dict(DocumentLines(b"{}", "exact").full) == {}
