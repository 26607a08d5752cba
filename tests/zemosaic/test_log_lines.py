"""What one line says: each as it is written, damaged as it may be."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from logged import LINES, PREFIX, all_entries, log_of, put, said

from napari_zecoverage.zemosaic.log_lines import KINDS
from napari_zecoverage.zemosaic.logs import read_log


def test_the_table_of_lines_is_whole() -> None:
    assert {kind for _, _, kind, _, _ in LINES} == set(KINDS)


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
@pytest.mark.parametrize(
    "wrapping", ["{}", "[CLÉ_POUR_GUI: {}]", "[CLÉ_POUR_GUI: {}] (Args: {{'a': '] (Args: '}})"]
)
@pytest.mark.parametrize(("level", "message", "kind", "tile", "values"), LINES)
def test_each_line_is_read(
    tmp_path: Path,
    level: str,
    message: str,
    kind: str,
    tile: int | None,
    values: dict[str, Any],
    wrapping: str,
    ending: str,
) -> None:
    text = "début\n" + PREFIX.format(level=level) + wrapping.format(message) + ending
    for encoding in ("utf-8", "latin-1"):
        reading = read_log(put(tmp_path, text.encode(encoding)))
        (entry,) = all_entries(reading)
        assert (entry.kind, entry.tile, entry.level) == (kind, tile, level)
        assert entry.named == (tile is not None)
        assert entry.values == values
        assert entry.text == message
        assert entry.line == reading.lines == 2
        assert entry.when == datetime(2026, 5, 4, 21, 3, 7, 123000)
        assert not reading.not_understood
        assert reading.debug_lines == (level == "DEBUG")
        assert ("The last line has no end" in said(reading)) == (not ending)


def test_lines_of_others_are_no_concern(tmp_path: Path) -> None:
    reading = log_of(tmp_path, "Phase 3: tile 4 done", "AltAz cleanup: using coverage-based mask")
    assert reading.lines == 2
    assert not all_entries(reading)
    assert reading.not_understood_count == 0
    assert "No line about coverage" in said(reading)


@pytest.mark.parametrize(("level", "message", "kind", "tile", "values"), LINES)
def test_a_line_cut_off_is_counted_or_read_whole_never_worse(
    tmp_path: Path, level: str, message: str, kind: str, tile: int | None, values: dict[str, Any]
) -> None:
    for end in range(1, len(message)):
        reading = log_of(tmp_path, message[:end])
        entries = all_entries(reading)
        assert len(entries) + reading.not_understood_count <= 1
        for entry in entries:
            assert (entry.kind, entry.tile) == (kind, tile)
            # What was read before the cut is right; the last value may lack its end.
            for name in list(values)[:-1]:
                assert entry.values[name] == values[name]


def test_a_damaged_number_is_not_read_in_part(tmp_path: Path) -> None:
    message = "MT_COVERAGE_THRESH: tile=0 cov_max=8.0 min_abs=3.0 min_frac=0.500 morph_open_px=1{}"
    for damage in ("x", ".5", "é" * 3):
        reading = log_of(tmp_path, message.format(damage))
        assert reading.not_understood_count == (damage != "é" * 3)
        assert "1 line is not understood" in said(reading) or damage == "é" * 3
    many = "9" * 5000
    assert log_of(tmp_path, message.format(many)).not_understood_count == 1
    assert log_of(tmp_path, message.replace("8.0", many)).not_understood_count == 1
