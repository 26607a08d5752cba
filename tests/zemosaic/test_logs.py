"""ZeMosaic's log: read line by line as it is written, damaged as it may be, and set beside ours."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.coverage import Canvas, check_coverage
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import apply_mask, mask_tile
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import logs
from napari_zecoverage.zemosaic.logs import (
    HOW_TO_LOG,
    KINDS,
    LOG_NAME,
    MAX_LINE_BYTES,
    NO_MASK_IN_LOG,
    LogError,
    LogReading,
    compare_log,
    read_log,
)

PREFIX = (
    "2026-05-04 21:03:07,123 - ZeMosaicWorker - {level} - zemosaic_worker.create_master_tile:99 - "
)

# Every line of ZEMOSAIC.md §7: level, message, kind, tile, values.
LINES: list[tuple[str, str, str, int | None, dict[str, Any]]] = [
    (
        "DEBUG",
        "MT_COVERAGE: propagate_mask=True",
        "propagate_mask",
        None,
        {"propagate_mask": True},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_STATS: tile=0 shape=(700, 700) min=0.0 max=8.0 nonzero_frac=0.562 n_used=8",
        "coverage_stats",
        0,
        {"shape": (700, 700), "min": 0.0, "max": 8.0, "nonzero_frac": 0.562, "n_used": 8},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_IGNORED: tile=0 reason=max <= 0 (none)",
        "coverage_ignored",
        0,
        {"reason": "max <= 0 (none)"},
    ),
    (
        "DEBUG",
        "MT_COVERAGE_THRESH: tile=0 cov_max=8.0 min_abs=3.0 min_frac=0.500 morph_open_px=3",
        "coverage_thresholds",
        0,
        {"cov_max": 8.0, "min_abs": 3.0, "min_frac": 0.5, "morph_open_px": 3},
    ),
    (
        "INFO",
        "ALTaz coverage guard: min_coverage_abs 1.0->1.0 (cov_max=1.0, min_frac=0.500)",
        "guard_abs",
        None,
        {"before": 1.0, "after": 1.0, "cov_max": 1.0, "min_frac": 0.5},
    ),
    (
        "INFO",
        "ALTaz coverage guard: morph_open_px 3->1 (cov_max=1.0)",
        "guard_morph",
        None,
        {"before": 3, "after": 1, "cov_max": 1.0},
    ),
    (
        "INFO",
        "ALPHA_STATS: level=master_tile nonzero_frac=0.480 min=0.000 max=1.000 shape=(800, 640)",
        "alpha_stats",
        None,
        {
            "level": "master_tile",
            "nonzero_frac": 0.48,
            "min": 0.0,
            "max": 1.0,
            "shape": (800, 640),
        },
    ),
    (
        "INFO",
        (
            "MT_PIPELINE: altaz_cleanup applied: masked_used=False mask2d_used=True "
            "mask2d_applied=True threshold=0.001"
        ),
        "cleanup_applied",
        None,
        {"masked_used": False, "mask2d_used": True, "mask2d_applied": True, "threshold": 0.001},
    ),
    (
        "WARNING",
        "ALTaz guard: skipping nanize/zeroize (nonzero_frac=0.041 < 0.100), tile unchanged",
        "mask_dropped",
        None,
        {"nonzero_frac": 0.041, "limit": 0.1},
    ),
    (
        "DEBUG",
        (
            "MT_PIPELINE: lecropper_applied=True, quality_crop=False, altaz_cleanup=True, "
            "quality_gate=False, salvage_mode=False"
        ),
        "pipeline",
        None,
        {
            "lecropper_applied": True,
            "quality_crop": False,
            "altaz_cleanup": True,
            "quality_gate": False,
            "salvage_mode": False,
        },
    ),
    (
        "DEBUG",
        (
            "P3_ALTaz_GATING: tile_id=0 eqmode=UNKNOWN global_enabled=True unknown_policy=auto "
            "seestar_hint=True unknown_as_altaz=True => tile_enabled=True"
        ),
        "gating",
        0,
        {
            "eqmode": "UNKNOWN",
            "global_enabled": True,
            "unknown_policy": "auto",
            "seestar_hint": True,
            "unknown_as_altaz": True,
            "tile_enabled": True,
        },
    ),
    (
        "INFO",
        (
            "MT_PIPELINE_FLAGS: lecropper_enabled=False, quality_crop_enabled=False, "
            "altaz_cleanup_enabled=True, lecropper_available=False"
        ),
        "pipeline_flags",
        None,
        {
            "lecropper_enabled": False,
            "quality_crop_enabled": False,
            "altaz_cleanup_enabled": True,
            "lecropper_available": False,
        },
    ),
    (
        "INFO",
        "MT_ALTAZ_STRICT_CROP_APPLIED: tile=0 reason=altaz_high_conf_core rect=(10:590,20:780)",
        "strict_crop",
        0,
        {"reason": "altaz_high_conf_core", "rect": Rect(20, 10, 780, 590)},
    ),
    (
        "WARNING",
        "MT_ALTAZ_STRICT_CROP_SKIPPED: tile=0 reason=core_too_small [202x302]",
        "strict_crop_skipped",
        0,
        {"reason": "core_too_small [202x302]"},
    ),
    (
        "INFO",
        "MT_EDGE_TRIM: tile=0 rect=(3:580,4:760) edge_valid=(L=0.71,R=1.00,T=0.80,B=0.99) thr=0.90",
        "edge_trim",
        0,
        {"rect": Rect(4, 3, 760, 580), "edge_valid": (0.71, 1.0, 0.8, 0.99), "thr": 0.9},
    ),
    (
        "DEBUG",
        "MT_EDGE_TRIM: tile=0 skipped (auto-pad used)",
        "edge_trim_skipped",
        0,
        {"reason": "auto-pad used"},
    ),
    (
        "DEBUG",
        (
            "MT_EDGE_TRIM: tile=0 analysis complete. did_trim=False "
            "edge_valid=(L=1.00,R=1.00,T=1.00,B=1.00)"
        ),
        "edge_trim_analysed",
        0,
        {"did_trim": False, "edge_valid": (1.0, 1.0, 1.0, 1.0)},
    ),
    ("INFO", "MT_EDGE_TRIM PRE | size 800x640", "edge_trim_state", None, {"moment": "PRE"}),
    ("INFO", "MT_EDGE_TRIM POST | size 780x600", "edge_trim_state", None, {"moment": "POST"}),
    ("INFO", "MT_WCS_PAD: applied dx=80, dy=160, more", "pad", None, {"dx": 80, "dy": 160}),
]


def put(folder: Path, text: str | bytes) -> Path:
    path = folder / LOG_NAME
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def log_of(folder: Path, *messages: str, level: str = "DEBUG") -> LogReading:
    """Read a log of these messages, all of one level."""
    return read_log(put(folder, "".join(f"{PREFIX.format(level=level)}{m}\n" for m in messages)))


def all_entries(reading: LogReading) -> list[Any]:
    tiles = (entry for tile in reading.tiles.values() for entry in tile.entries)
    return sorted([*tiles, *reading.without_tile], key=lambda entry: entry.line)


def said(reading: LogReading) -> str:
    return "\n".join(reading.notes)


# --- each line -------------------------------------------------------------------------


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


# --- tiles -----------------------------------------------------------------------------


def stats(tile: int, most: float = 8, used: int = 8) -> str:
    return (
        f"MT_COVERAGE_STATS: tile={tile} shape=(700, 700) min=0.0 max={most:.1f} "
        f"nonzero_frac=0.562 n_used={used}"
    )


def alpha(share: float) -> str:
    return (
        f"ALPHA_STATS: level=master_tile nonzero_frac={share:.3f} min=0.000 max=1.000 "
        "shape=(700, 700)"
    )


def crop(tile: int) -> str:
    return f"MT_ALTAZ_STRICT_CROP_APPLIED: tile={tile} reason=altaz_high_conf_core rect=(1:9,2:8)"


def gating(tile: int) -> str:
    return LINES[10][1].replace("tile_id=0", f"tile_id={tile}")


def placed(reading: LogReading) -> dict[int, list[float]]:
    """The alpha shares that were taken as each tile's."""
    return {
        tile: [e.values["nonzero_frac"] for e in log.entries if e.kind == "alpha_stats"]
        for tile, log in reading.tiles.items()
    }


def test_a_line_between_two_of_one_tile_is_that_tiles(tmp_path: Path) -> None:
    reading = log_of(tmp_path, stats(0), alpha(0.1), crop(0), gating(7), alpha(0.7), crop(7))
    assert placed(reading) == {0: [0.1], 7: [0.7]}
    assert not reading.without_tile
    taken = [entry for entry in all_entries(reading) if not entry.named]
    assert [entry.tile for entry in taken] == [0, 7]
    assert "2 lines are without a tile id taken" in said(reading)


@pytest.mark.parametrize(
    ("messages", "certain"),
    [
        # Before the first line of a tile, after the last one, between two tiles.
        ((alpha(0.1), stats(0), crop(0)), {0: []}),
        ((stats(0), crop(0), alpha(0.1)), {0: []}),
        ((stats(0), alpha(0.1), crop(1)), {0: [], 1: []}),
        # Two tiles at work at once.
        ((stats(0), stats(1), alpha(0.1), crop(1), alpha(0.2), crop(0)), {0: [], 1: []}),
        # Two such lines: one of them must be another tile's.
        ((stats(0), alpha(0.1), alpha(0.2), crop(0)), {0: []}),
        ((stats(0), alpha(0.1), crop(0), alpha(0.2), crop(0)), {0: []}),
        # All gating lines first.
        ((gating(0), gating(1), stats(0), alpha(0.1), crop(0), crop(1)), {0: [0.1], 1: []}),
    ],
)
def test_a_line_that_may_be_anothers_is_left_apart(
    tmp_path: Path, messages: tuple[str, ...], certain: dict[int, list[float]]
) -> None:
    reading = log_of(tmp_path, *messages)
    assert placed(reading) == certain
    left = sum(message.startswith("ALPHA") for message in messages) - sum(
        map(len, certain.values())
    )
    assert len(reading.without_tile) == left
    assert ("it is not certain" in said(reading)) == bool(left)


def test_of_two_runs_in_one_log_the_last_counts(tmp_path: Path) -> None:
    first = (gating(0), stats(0, most=8), alpha(0.1), crop(0), stats(1), crop(1))
    second = (gating(0), stats(0, most=4), alpha(0.2), crop(0))
    reading = log_of(tmp_path, *first, *second)
    assert reading.tiles[0].times == 2
    assert reading.tiles[1].times == 1
    assert placed(reading)[0] == [0.2]
    coverage = reading.tiles[0].said("coverage_stats")
    assert coverage is not None
    assert coverage["max"] == 4
    assert len(reading.tiles[0].entries) == 4
    assert "tile 0." in said(reading)
    assert reading.tiles[0].said("pad") is None


# --- beside ours -----------------------------------------------------------------------


def studied(coverage: np.ndarray, used: int, frame: tuple[int, int] | None = None) -> Any:
    canvas = Canvas(shape=coverage.shape, offset=(3, 5), frame_shape=frame or coverage.shape)
    tile = np.random.default_rng(1).normal(1000, 10, (*coverage.shape, 3)).astype(np.float32)
    return SimpleNamespace(coverage=coverage, tile=tile, canvas=canvas, frames_used=used)


def stepped(shape: tuple[int, int], steps: int, inset: int) -> np.ndarray:
    coverage = np.zeros(shape, np.float32)
    for step in range(steps):
        place = slice(inset * (step + 1), -inset * (step + 1))
        coverage[place, place] += 1
    return coverage


@pytest.fixture
def our_log(tmp_path: Path) -> Iterator[Path]:
    """A file that our own log goes to, all levels."""
    path = tmp_path / LOG_NAME
    handler = logging.FileHandler(path, "a", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("napari_zecoverage")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield path
    logger.setLevel(level)
    logger.removeHandler(handler)
    handler.close()


def test_our_own_log_is_read_back(our_log: Path) -> None:
    mild = MaskParameters(margin_percent=1)
    no_crop = MaskParameters(margin_percent=0, strict_overlap_crop_enabled=False)
    core, rim = np.ones((90, 90), np.float32), np.full((400, 400), 8, np.float32)
    core[30:55, 30:55] = 8
    rim[:, :20] = 2
    kinds: dict[str, set[str]] = {}
    for name, work in {
        "counted": lambda: check_coverage(rim, None, 8),
        "not counted": lambda: check_coverage(rim * 0, None, 8),
        "few frames": lambda: apply_mask(studied(stepped((400, 300), 3, 10), 3), mild),
        "dropped": lambda: mask_tile(np.ones((90, 90, 3)), mild, coverage=core),
        "no coverage": lambda: mask_tile(np.ones((90, 90, 3)), mild),
        "rim": lambda: apply_mask(studied(rim, 8), no_crop),
        "padded": lambda: apply_mask(studied(rim, 8, frame=(300, 300)), no_crop),
        "small": lambda: apply_mask(studied(stepped((240, 240), 8, 1), 8), mild),
    }.items():
        our_log.write_text("")
        work()
        reading = read_log(our_log)
        assert reading.not_understood_count == 0
        entries = all_entries(reading)
        kinds[name] = {entry.kind for entry in entries}
        # Every line of ours with a tag is there, whichever it is.
        tagged = re.findall(r"(?:MT_|ALTaz|ALPHA_STATS).*", our_log.read_text(encoding="utf-8"))
        assert [entry.text for entry in entries] == tagged
        assert all(entry.when is not None and entry.level for entry in entries)
    made = {"coverage_thresholds", "alpha_stats", "cleanup_applied"}
    assert kinds == {
        "counted": {"coverage_stats"},
        "not counted": {"coverage_ignored"},
        "few frames": made | {"guard_abs", "guard_morph", "strict_crop", "edge_trim"},
        "dropped": {"coverage_thresholds", "alpha_stats", "mask_dropped"},
        "no coverage": {"coverage_ignored", "alpha_stats", "cleanup_applied"},
        "rim": made | {"edge_trim"},
        "padded": made | {"edge_trim_skipped"},
        "small": made | {"strict_crop_skipped", "edge_trim"},
    }


@pytest.mark.parametrize("frame", [None, (200, 200)])
@pytest.mark.parametrize("steps", [3, 8])
def test_what_we_logged_agrees_with_what_we_compute(
    our_log: Path, steps: int, frame: tuple[int, int] | None
) -> None:
    study = studied(stepped((400, 300), steps, 4), steps, frame)
    outcome = apply_mask(study, MaskParameters(margin_percent=1))
    text = our_log.read_text(encoding="utf-8")
    shares = (study.coverage > 0).mean()
    first = (
        f"x DEBUG MT_COVERAGE_STATS: tile=0 shape=(400, 300) min=0.0 max={steps}.0 "
        f"nonzero_frac={shares:.3f} n_used={steps}\n"
    )
    (comparison,) = compare_log(read_log(put(our_log.parent, first + text)), {0: (study, outcome)})
    assert comparison.agrees is True, comparison.lines()
    assert {line.what for line in comparison.compared} >= {
        "coverage",
        "thresholds before the guards",
        "threshold",
        "alpha",
        "guard",
        "strict crop",
    }
    assert sum(line.same is True for line in comparison.compared) >= 5
    assert "ZeMosaic said" in "\n".join(comparison.lines())


def test_what_differs_is_said(tmp_path: Path) -> None:
    study = studied(stepped((400, 400), 8, 4), 8)
    outcome = apply_mask(study, MaskParameters(margin_percent=1))
    reading = log_of(
        tmp_path,
        gating(2).replace("tile_enabled=True", "tile_enabled=False"),
        stats(2, most=1, used=8),
        "MT_COVERAGE_IGNORED: tile=2 reason=shape",
        "MT_COVERAGE_THRESH: tile=2 cov_max=8.0 min_abs=6.0 min_frac=0.500 morph_open_px=3",
        alpha(0.111),
        LINES[8][1],
        LINES[9][1].replace("quality_crop=False", "quality_crop=True"),
        "MT_WCS_PAD: applied dx=80, dy=160",
        crop(2),
        "MT_EDGE_TRIM: tile=2 rect=(1:9,2:8) edge_valid=(L=0.1,R=1.0,T=1.0,B=1.0) thr=0.90",
    )
    (comparison,) = compare_log(reading, {2: (study, outcome)})
    assert comparison.agrees is False
    assert {line.what: line.same for line in comparison.compared} == {
        "coverage": False,
        "coverage ignored": False,
        "thresholds before the guards": False,
        "threshold": False,
        "alpha": False,
        "guard": False,
        "strict crop": False,
        "edge trim": False,
        "padding": False,
    }
    text = "\n".join(comparison.lines())
    assert "threshold: ZeMosaic said 6.00 frames / we compute 4.00 frames" in text
    assert "80 columns, 160 rows / we compute 5 columns, 3 rows (DIFFERENT)" in text
    assert "did not clean this tile" in text
    assert "upside down" in text
    assert "cropped the tile by its quality" in text


def test_a_tile_that_only_one_side_knows_is_shown(tmp_path: Path) -> None:
    reading = log_of(tmp_path, *(line[1] for line in LINES))
    study = studied(stepped((400, 400), 8, 4), 8)
    only_said, only_ours = compare_log(reading, {5: (study, None)})
    assert (only_said.tile, only_ours.tile) == (0, 5)
    assert only_said.agrees is None
    assert only_said.compared
    assert all(line.same is None and line.computed == "" for line in only_said.compared)
    assert "not studied here" in only_said.notes[0]
    assert only_ours.agrees is None
    assert "no line of this tile" in only_ours.notes[0]


def test_without_an_outcome_the_coverage_is_compared(tmp_path: Path) -> None:
    study = studied(stepped((400, 400), 8, 4), 8)
    study.coverage = None
    reading = log_of(tmp_path, stats(0), "MT_COVERAGE_IGNORED: tile=0 reason=max", crop(0))
    (comparison,) = compare_log(reading, {0: (study, None)})
    assert [line.same for line in comparison.compared] == [False, True, None]


def test_where_zemosaic_lowered_abs_unseen_no_threshold_is_claimed(tmp_path: Path) -> None:
    asked = "MT_COVERAGE_THRESH: tile=0 cov_max=5.0 min_abs=5.0 min_frac=0.500 morph_open_px=3"
    guard = "ALTaz coverage guard: min_coverage_abs 5.0->3.0 (cov_max=5.0, min_frac=0.500)"
    study = studied(stepped((400, 400), 5, 4), 5)
    ours = {0: (study, apply_mask(study, MaskParameters(min_coverage_abs=5)))}
    (unseen,) = compare_log(log_of(tmp_path, asked), ours)
    assert "threshold" not in [line.what for line in unseen.compared]
    (seen,) = compare_log(log_of(tmp_path, asked, guard, crop(0)), ours)
    (line,) = [line for line in seen.compared if line.what == "threshold"]
    assert line.same is True
    assert line.said == "3.00 frames, min_coverage_abs lowered from 5"
    assert line.computed == "3.00 frames (relaxed)"


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
