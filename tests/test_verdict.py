"""What ZeMosaic would do, in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import AlphaStats, FieldLost, apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.verdict import verdict_of


@pytest.fixture
def outcome(study):
    return apply_mask(study, MaskParameters())


def line(study, outcome, start: str) -> str:
    found = [each for each in verdict_of(study, outcome).lines if each.startswith(start)]
    assert len(found) == 1
    return found[0]


def test_coverage_mask_is_calm(study, outcome) -> None:
    verdict = verdict_of(study, outcome)
    assert verdict.headline == "Coverage mask"
    assert not verdict.loud


@pytest.mark.parametrize(
    ("source", "word"), [("low-signal", "LOW-SIGNAL"), ("radial", "RADIAL"), ("dropped", "NO mask")]
)
def test_every_other_mask_is_loud(study, outcome, source, word) -> None:
    verdict = verdict_of(study, replace(outcome, source=source))
    assert word in verdict.headline
    assert verdict.loud
    assert verdict.html() != verdict_of(study, outcome).html()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("min_coverage_abs", "set by min_coverage_abs)"),
        ("min_coverage_frac", "set by min_coverage_frac)"),
        ("relaxed", "lowered"),
        ("fallback", "no pixel reaches"),
    ],
)
def test_threshold_and_its_rule(study, outcome, rule, words) -> None:
    said = line(study, replace(outcome, threshold=4.5, threshold_rule=rule), "Threshold")
    assert "4.5 frames of 8" in said
    assert words in said


def test_no_threshold(study, outcome) -> None:
    said = line(study, replace(outcome, threshold=math.nan, threshold_rule="none"), "Threshold")
    assert "none" in said


def test_field_lost_says_of_what(study, outcome) -> None:
    said = line(study, replace(outcome, field_lost=FieldLost(0.123, 0.0456)), "Field lost")
    assert said == "Field lost: 12.3% hard, 4.6% soft, of the covered area."
    assert "unknown" in line(study, replace(outcome, field_lost=None), "Field lost")


def test_alpha(study, outcome) -> None:
    stats = AlphaStats(0.5, 0.0, 1.0)
    assert line(study, replace(outcome, alpha_stats=stats), "Alpha") == (
        "Alpha: 50.0% nonzero, from 0 to 1."
    )
    assert "unknown" in line(study, replace(outcome, alpha_stats=None), "Alpha")
    dropped = replace(outcome, alpha=None, alpha_stats=stats, source="dropped")
    assert line(study, dropped, "Alpha").startswith("Alpha of the dropped mask: 50.0%")


def test_saved_tile_and_crops(study, outcome) -> None:
    plain = replace(outcome, strict_crop=None, edge_trim=None, saved_rect=Rect(0, 0, 300, 400))
    assert line(study, plain, "Saved") == "Saved tile: 400×300 px, not cropped."
    both = replace(
        outcome,
        strict_crop=Rect(0, 0, 300, 300),
        edge_trim=Rect(10, 0, 300, 290),
        saved_rect=Rect(10, 0, 300, 290),
    )
    assert line(study, both, "Saved") == (
        "Saved tile: 290×290 px after the strict crop and the edge trim."
    )


def test_margin_in_pixels(study) -> None:
    for percent, words in ((5, "15 px"), (0.1, "1 px"), (0, "none")):
        outcome = apply_mask(study, MaskParameters(margin_percent=percent))
        assert words in line(study, outcome, "Margin")


def test_notes_follow_and_are_not_markup(study, outcome) -> None:
    verdict = verdict_of(study, replace(outcome, notes=("abs < frac & so on.",)))
    assert verdict.lines[-1] == "• abs < frac & so on."
    assert "abs &lt; frac &amp; so on." in verdict.html()


def test_real_thresholds_that_flip_the_mask_are_loud(make_study) -> None:
    study = make_study()
    narrow = np.zeros_like(study.coverage)
    narrow[150, 200] = 8
    narrow[100:200, 100:300] += 1
    flipped = replace(study, coverage=narrow)
    outcome = apply_mask(flipped, MaskParameters())
    verdict = verdict_of(flipped, outcome)
    assert outcome.source != "coverage"
    assert verdict.loud
    assert len(verdict.lines) > 5
