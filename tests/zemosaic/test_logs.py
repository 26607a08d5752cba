"""A log as a file: of any size, encoding and content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import LINES, PREFIX, all_entries, log_of, put, said, stepped, studied

from napari_zecoverage.core.outcome import mask_tile
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import logs
from napari_zecoverage.zemosaic.log_comparison import compare_log
from napari_zecoverage.zemosaic.log_lines import KINDS
from napari_zecoverage.zemosaic.logs import (
    HOW_TO_LOG,
    MAX_LINE_BYTES,
    NO_MASK_IN_LOG,
    LogError,
    read_log,
)
from napari_zecoverage.zemosaic.run_names import LOG_NAME

# --- the file --------------------------------------------------------------------------


def test_a_folder_means_the_log_in_it(tmp_path: Path) -> None:
    path = put(tmp_path, "nothing\n")
    assert read_log(tmp_path).path == read_log(str(path)).path == path


def test_what_is_no_log_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="there is no such file"):
        read_log(tmp_path)
    with pytest.raises(LogError, match="there is no such file"):
        read_log(put(tmp_path, "x") / "below")
    with pytest.raises(LogError, match="UTF-16"):
        read_log(put(tmp_path, "MT_WCS_PAD".encode("utf-16")))
    with pytest.raises(LogError, match="cannot be read"):
        read_log("a\0b")
    (tmp_path / LOG_NAME).unlink()
    (tmp_path / LOG_NAME).mkdir()
    with pytest.raises(LogError, match="is not a file"):
        read_log(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOG_NAME)
    with pytest.raises(LogError, match="is not a file"):
        read_log(tmp_path)


def test_an_empty_log_says_what_is_missing(tmp_path: Path) -> None:
    reading = read_log(put(tmp_path, ""))
    assert reading.lines == 0
    assert "no DEBUG lines" in said(reading)
    assert HOW_TO_LOG in said(reading)
    assert NO_MASK_IN_LOG not in said(reading)


def test_without_debug_lines_it_says_how_to_get_them(tmp_path: Path) -> None:
    reading = log_of(tmp_path, LINES[12][1], level="INFO")
    assert HOW_TO_LOG in said(reading)
    assert NO_MASK_IN_LOG in said(reading)
    reading = log_of(tmp_path, LINES[12][1])
    assert "none about coverage" in said(reading)
    assert HOW_TO_LOG not in said(reading)
    reading = log_of(tmp_path, LINES[1][1])
    assert "coverage:" not in said(reading)
    assert "none about coverage" not in said(reading)


def test_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    long = PREFIX.format(level="DEBUG") + LINES[2][1] + "x" * (3 << 20)
    after = PREFIX.format(level="DEBUG") + LINES[1][1]
    reading = read_log(put(tmp_path, f"{long}\n{after}\n"))
    ignored, stats = all_entries(reading)
    assert reading.lines == 2
    assert (ignored.kind, stats.kind) == ("coverage_ignored", "coverage_stats")
    assert len(ignored.values["reason"]) < MAX_LINE_BYTES
    assert len(ignored.text) <= 500
    assert f"longer than {MAX_LINE_BYTES} bytes" in said(reading)
    assert "has no end" not in said(reading)
    reading = read_log(put(tmp_path, "x" * MAX_LINE_BYTES))
    assert reading.lines == 1
    assert "has no end" in said(reading)


def test_of_too_many_lines_the_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_ENTRIES", 10)
    monkeypatch.setattr(logs, "MAX_NOT_UNDERSTOOD", 3)
    pads = [f"MT_WCS_PAD: applied dx={n}, dy=1" for n in range(25)]
    reading = log_of(tmp_path, *pads, *["MT_WCS_PAD: damaged"] * 7)
    assert [entry.values["dx"] for entry in all_entries(reading)] == list(range(15, 25))
    assert "Only the last 10 of 25" in said(reading)
    assert len(reading.not_understood) == 3
    assert reading.not_understood[0][0] == 26
    assert reading.not_understood_count == 7


# --- any file --------------------------------------------------------------------------

pieces = st.one_of(
    st.sampled_from([line[1].encode() for line in LINES]),
    st.sampled_from([PREFIX.format(level="DEBUG").encode(), "[CLÉ_POUR_GUI: ".encode(), b"]"]),
    st.sampled_from([b"\n", b"\r", b"\n\n", b" ", b"] (Args: {", b"tile=", b"9" * 50, b"nan"]),
    st.binary(max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=30).map(b"".join), st.data())
def test_any_bytes_are_read_or_refused_never_worse(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, data: st.DataObject
) -> None:
    if raw and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + 1 :]
    path = put(tmp_path_factory.mktemp("any"), raw)
    try:
        reading = read_log(path)
    except LogError as error:
        assert "\0" in raw[:4096].decode("latin-1")
        assert str(path) in str(error)
        return
    assert reading.lines == len(raw.split(b"\n")) - raw.endswith(b"\n") - (not raw)
    for entry in all_entries(reading):
        assert entry.kind in KINDS
        assert 1 <= entry.line <= reading.lines
        assert not entry.named or entry.tile is not None
    study = studied(stepped((60, 60), 8, 2), 8)
    outcome = mask_tile(study.tile, MaskParameters(), coverage=study.coverage)
    for comparison in compare_log(reading, {0: (study, outcome)}):
        assert comparison.lines()
