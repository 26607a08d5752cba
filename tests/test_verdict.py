"""What ZeMosaic would do, in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.wcs import WCS

from napari_zecoverage.core.alpha import alpha_from_coverage
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.outcome import AlphaStats, FieldLost, apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.verdict import hints_of, inset_px, verdict_of, verdict_of_judged


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
        "Alpha: nonzero_frac=0.500 min=0.000 max=1.000."
    )
    assert "unknown" in line(study, replace(outcome, alpha_stats=None), "Alpha")
    dropped = replace(outcome, alpha=None, alpha_stats=stats, source="dropped")
    assert line(study, dropped, "Alpha").startswith("Alpha of the dropped mask: nonzero_frac=0.5")


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


# --- hints beside the settings -------------------------------------------------------------


def hint(study, name: str, **settings):
    parameters = MaskParameters(**settings)
    return verdict_of(study, apply_mask(study, parameters)).hints[name]


def test_hint_says_which_of_abs_and_frac_decides(study) -> None:
    # At most 8 frames lie on a pixel.
    assert "abs is idle: 3 is below 0.5 × 8 = 4 frames" in hint(study, "min_coverage").text
    by_count = hint(study, "min_coverage", min_coverage_abs=6)
    assert "frac is idle: 0.5 × 8 = 4 frames" in by_count.text
    assert by_count.tone == "idle"
    both = hint(study, "min_coverage", min_coverage_abs=4)
    assert "the same" in both.text
    assert both.tone == "plain"


def test_hint_on_an_abs_that_zemosaic_lowers(make_study) -> None:
    few = make_study(6)
    assert "abs 6 is lowered to 3" in hint(few, "min_coverage", min_coverage_abs=6).text
    # However low it is made, frac may be above it.
    for least, share, asked in ((9, 1, "1 × 6 = 6 frames"), (6, 0.9, "0.9 × 6 = 5.4 frames")):
        said = hint(few, "min_coverage", min_coverage_abs=least, min_coverage_frac=share)
        assert said.text == f"abs {least} is lowered to 5; {asked} decide."
        assert said.tone == "loud"


def test_hint_where_the_coverage_is_not_used(study) -> None:
    without = replace(study, coverage=None)
    outcome = apply_mask(without, MaskParameters())
    hints = verdict_of(without, outcome).hints
    assert hints["min_coverage"].text == "Neither decides: the coverage is not used."
    assert hints["min_coverage"].tone == "loud"
    assert "not used" in hints["morph_open_px"].text
    assert "decay decides nothing" in hints["margin"].text


@pytest.mark.parametrize(
    ("opening", "words", "tone"),
    [
        (0, "No opening", "plain"),
        (1, "cross", "plain"),
        (2, "more is the same", "plain"),
        (3, "3 is the same as 2", "idle"),
        (50, "50 is the same as 2", "idle"),
    ],
)
def test_hint_on_the_opening(study, opening, words, tone) -> None:
    found = hint(study, "morph_open_px", morph_open_px=opening)
    assert words in found.text
    assert found.tone == tone


def test_hint_on_the_opening_with_few_frames(make_study) -> None:
    assert "Read as 1" in hint(make_study(3), "morph_open_px", morph_open_px=2).text


@pytest.mark.parametrize(
    ("shape", "percent", "decay", "inset"),
    [
        # ZEMOSAIC.md §10g: 50 px, decay 0.15 → 45, decay 1 → 24.
        ((1000, 1000), 5, 0.15, 45),
        ((1000, 1000), 5, 1, 24),
        ((1000, 2000), 0, 0.15, 0),
        ((100, 100), 0.1, 0.15, 0),
        ((1000, 1000), 5, 0, 49),
    ],
)
def test_inset(shape, percent, decay, inset) -> None:
    assert inset_px(shape, percent, decay) == inset


@pytest.mark.parametrize("decay", [0.0, 0.15, 0.6, 1.0, 2.0])
def test_inset_is_what_the_mask_loses(decay) -> None:
    coverage = np.zeros((200, 260), dtype=np.float32)
    coverage[:, 40:] = 8
    settings = MaskParameters(margin_percent=12, decay=decay, morph_open_px=0)
    _, alpha = alpha_from_coverage(coverage, settings)
    first = int(np.flatnonzero(alpha[100] >= 0.5)[0])
    assert inset_px(coverage.shape, 12, decay) == first - 40


def test_hint_on_the_margin(study) -> None:
    # 5 % of 300 px are 15 px.
    assert f"inset of {math.ceil(15 * 0.5**0.15) - 1} px" in hint(study, "margin").text
    none = hint(study, "margin", margin_percent=0)
    assert "decay decides nothing" in none.text
    assert none.tone == "idle"
    whole = hint(study, "margin", margin_percent=300)
    assert "more than there is" in whole.text
    assert whole.tone == "loud"


def test_hint_on_nanize(study) -> None:
    assert "nothing below 0.5" in hint(study, "nanize_threshold").text
    assert "black pixels" in hint(study, "nanize_threshold", nanize_threshold=0.6).text
    assert "where alpha is 0.5" in hint(study, "nanize_threshold", nanize_threshold=0.5).text
    # Alpha is 0 or 1 then: what is emptied is not opaque, unless the limit is 1.
    idle = hint(study, "nanize_threshold", nanize_threshold=0.9, margin_percent=0)
    assert idle.tone == "idle"
    loud = hint(study, "nanize_threshold", nanize_threshold=1, margin_percent=0)
    assert loud.tone == "loud"


def test_hints_without_a_cluster() -> None:
    hints = hints_of(MaskParameters(morph_open_px=0))
    assert "The larger decides" in hints["min_coverage"].text
    assert "one inset" in hints["margin"].text
    assert hints["morph_open_px"].text == "No opening."


# --- on the sky ----------------------------------------------------------------------------


def test_field_lost_in_square_arcminutes(study, outcome) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [192.7, 41.1], [200, 150]
    wcs.wcs.cdelt = [-0.1, 0.1]  # a pixel is 36 square arcminutes
    on_the_sky = replace(study, wcs_header=wcs.to_header().tostring(sep="\n"))
    covered = int(np.count_nonzero(study.coverage)) * 36
    hard = outcome.field_lost.hard * covered
    said = line(on_the_sky, outcome, "Field lost")
    assert f": {hard:.0f} and " in said
    assert f" of {covered} arcmin²." in said
    assert "arcmin" not in line(study, outcome, "Field lost")


# --- of masks that are not made ------------------------------------------------------------

SETTINGS = [
    MaskParameters(min_coverage_abs=least, min_coverage_frac=share, morph_open_px=opening)
    for least in (0, 2, 3, 6.5, 8, 20)
    for share in (0.0, 0.25, 0.4, 0.95, 1.0)
    for opening in (0, 3)
]


@pytest.mark.parametrize("most", [1, 3, 6, 8])
@pytest.mark.parametrize("thin", [False, True])
def test_the_figures_of_a_judged_mask_are_those_of_the_mask(make_study, most, thin) -> None:
    study = make_study(most)
    if thin:
        # The best-covered part is so small that masks are dropped and discarded.
        coverage = np.minimum(study.coverage, 1)
        coverage[:8, :8] = most
        study = replace(study, coverage=coverage)
    fringe = measure_fringe(study)
    judged = judge(study, fringe=fringe)
    sources = set()
    for parameters in SETTINGS:
        exact = verdict_of(study, apply_mask(study, parameters, fringe=fringe))
        known = verdict_of_judged(study, judged, parameters)
        sources.add(exact.headline)
        assert (known.headline, known.loud) == (exact.headline, exact.loud)
        assert known.hints == exact.hints
        figures = [
            [each for each in verdict.lines if not each.startswith(("Saved tile", "•"))]
            for verdict in (known, exact)
        ]
        assert figures[0] == figures[1]
    assert "Coverage mask" in sources or thin


def test_a_guard_of_a_judged_mask_is_named(make_study) -> None:
    study = make_study(6)
    lowered = MaskParameters(min_coverage_abs=6, min_coverage_frac=0)
    known = verdict_of_judged(study, judge(study), lowered)
    assert "• min_coverage_abs lowered." in known.lines


def test_of_another_margin_nothing_is_known(study) -> None:
    assert verdict_of_judged(study, judge(study), MaskParameters(margin_percent=1)) is None
