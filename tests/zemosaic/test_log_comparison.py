"""What ZeMosaic said of a tile, set beside what we compute."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from logged import LINES, all_entries, alpha, crop, gating, log_of, put, stats, stepped, studied

from napari_zecoverage.core.coverage import why_ignored
from napari_zecoverage.core.outcome import apply_mask, mask_tile
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.log_comparison import compare_log
from napari_zecoverage.zemosaic.logs import read_log
from napari_zecoverage.zemosaic.run_names import LOG_NAME


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
        "counted": lambda: why_ignored(rim, 8),
        "not counted": lambda: why_ignored(rim * 0, 8),
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
