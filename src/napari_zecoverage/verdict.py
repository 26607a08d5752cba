"""What ZeMosaic would do with the thresholds, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import cv2

from napari_zecoverage.core.alpha import SMALLEST_DECAY, margin_in_pixels
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.levels import threshold_of_level
from napari_zecoverage.core.outcome import OPAQUE_ALPHA, FieldLost, MaskOutcome
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.read_thresholds import CROSS_MAXIMUM, abs_as_read
from napari_zecoverage.sky import pixel_arcmin2

if TYPE_CHECKING:
    from napari_zecoverage.core.alpha import ThresholdRule
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.studied import ClusterStudy

_HEADLINES: Final = {
    "coverage": "Coverage mask",
    "low-signal": "LOW-SIGNAL mask: the coverage is not used",
    "radial": "RADIAL mask: the coverage is not used",
    "dropped": "NO mask: the whole tile is kept",
}
_RULES: Final = {
    "min_coverage_abs": "set by min_coverage_abs",
    "min_coverage_frac": "set by min_coverage_frac",
    "relaxed": "set by min_coverage_abs, which ZeMosaic lowered",
    "fallback": "ZeMosaic's own, because no pixel reaches what was asked for",
}
LOUD_COLOUR: Final = "#b84a00"
"""Vermillion of Okabe and Ito, dark enough for white letters: behind what must be seen."""

_CALM: Final = "#00619a"  # their blue


class Hint(NamedTuple):
    """What a setting does just now.

    Attributes
    ----------
    text : str
        Short enough for one line under a slider.
    tone : {"plain", "idle", "loud"}
        "idle" when a setting decides nothing just now, "loud" when ZeMosaic does
        something else than what is asked for, or harm is done.
    """

    text: str
    tone: Literal["plain", "idle", "loud"] = "plain"


class Verdict(NamedTuple):
    """What ZeMosaic would do.

    Attributes
    ----------
    headline : str
        Which mask is used.
    loud : bool
        Whether it is another than the one that the thresholds are for.
    lines : tuple of str
        The numbers, then each guard that fired.
    hints : mapping of str to Hint
        What is to be said beside a setting; `hints_of` has their names.
    """

    headline: str
    loud: bool
    lines: tuple[str, ...]
    hints: Mapping[str, Hint] = MappingProxyType({})

    def html(self) -> str:
        """Return it as rich text: the headline on a bar of colour."""
        bar = (
            f'<table width="100%" cellpadding="5" bgcolor="{LOUD_COLOUR if self.loud else _CALM}">'
            f'<tr><td><b><span style="color:#ffffff">{escape(self.headline)}</span></b></td></tr>'
            "</table>"
        )
        return bar + "".join(
            f'<p style="margin-top:3px;margin-bottom:0px">{escape(line)}</p>' for line in self.lines
        )


def verdict_of(study: ClusterStudy, outcome: MaskOutcome) -> Verdict:
    """Put the outcome for a studied cluster in words."""
    making = outcome.making
    covered_px = 0
    if making is not None:
        covered_px = making.covered_px
    elif study.coverage is not None:
        covered_px = cv2.countNonZero(study.coverage)
    lines = [
        _threshold(outcome, _most(study, outcome)),
        _field_lost(study, outcome, covered_px),
        _fringe_left(outcome),
        _alpha(outcome),
        _saved_tile(outcome),
        _margin(outcome, study.canvas.shape),
    ]
    lines += [f"• {note}" for note in outcome.notes]
    return Verdict(
        _HEADLINES[outcome.source],
        outcome.source != "coverage",
        tuple(filter(None, lines)),
        hints_of(outcome.parameters, study, outcome),
    )


def verdict_of_judged(
    study: ClusterStudy, judged: JudgedCluster, parameters: MaskParameters
) -> Verdict | None:
    """Put in words what is known of a mask before it is made.

    Parameters
    ----------
    study : ClusterStudy
    judged : JudgedCluster
        Of that study.
    parameters : MaskParameters

    Returns
    -------
    Verdict or None
        Its figures are those of `verdict_of`; the saved tile's size is missing, and
        guards are only named. None when the masks were judged for another margin,
        decay or strict crop.
    """
    level = judged.at(parameters)
    if level is None:
        return None
    outcome = MaskOutcome(
        parameters=parameters,
        alpha=None,
        source=level.source,
        threshold=math.nan,
        threshold_rule="none",
        notes=(),
        strict_crop=None,
        edge_trim=None,
        saved_rect=Rect(0, 0, *study.canvas.shape),
        alpha_stats=level.alpha_stats,
        field_lost=None if math.isnan(level.hard) else FieldLost(1 - level.hard, 1 - level.soft),
        fringe=level.fringe,
    )
    threshold = threshold_of_level(level, parameters, judged.maximum)
    if not math.isnan(threshold):
        rule: ThresholdRule = "min_coverage_abs"
        if threshold > abs_as_read(
            parameters.min_coverage_abs, parameters.min_coverage_frac, judged.maximum
        ):
            rule = "min_coverage_frac"
        elif "min_coverage_abs lowered" in level.guards:
            rule = "relaxed"
        outcome = replace(outcome, threshold=threshold, threshold_rule=rule)
    lines = [
        _threshold(outcome, judged.maximum),
        _field_lost(study, outcome, judged.covered_px),
        _fringe_left(outcome),
        _alpha(outcome),
        "Saved tile: its size follows when the sliders rest.",
        _margin(outcome, study.canvas.shape),
    ]
    lines += [f"• {guard}." for guard in level.guards]
    return Verdict(
        _HEADLINES[outcome.source],
        outcome.source != "coverage",
        tuple(lines),
        _hints(parameters, study, outcome, judged.maximum),
    )


def hints_of(
    parameters: MaskParameters,
    study: ClusterStudy | None = None,
    outcome: MaskOutcome | None = None,
) -> dict[str, Hint]:
    """Say beside the settings what they do just now, and where they decide nothing.

    Parameters
    ----------
    parameters : MaskParameters
    study, outcome : optional
        The cluster, and what was computed for it with `parameters`. Without them
        only what holds for every cluster is said.

    Returns
    -------
    dict of str to Hint
        "min_coverage": of abs and frac, which are one threshold;
        "morph_open_px"; "margin": of margin and decay, which are one inset;
        "nanize_threshold".
    """
    most = None
    if study is not None and study.coverage is not None:
        most = _most(study, outcome)
    return _hints(parameters, study, outcome, most)


def _hints(
    parameters: MaskParameters,
    study: ClusterStudy | None,
    outcome: MaskOutcome | None,
    most: float | None,
) -> dict[str, Hint]:
    return {
        "min_coverage": _hint_on_coverage(parameters, most, outcome),
        "morph_open_px": _hint_on_opening(parameters.morph_open_px, most, outcome),
        "margin": _hint_on_margin(parameters, study, outcome),
        "nanize_threshold": _hint_on_nanize(parameters, outcome),
    }


def _hint_on_coverage(
    parameters: MaskParameters, most: float | None, outcome: MaskOutcome | None
) -> Hint:
    if outcome is None:
        return Hint("The larger decides: abs, or frac × the most frames.")
    if not most:
        return Hint("Neither decides: the coverage is not used.", "loud")
    least, share = parameters.min_coverage_abs, parameters.min_coverage_frac
    asked = f"{share:g} × {most:g} = {share * most:.4g} frames"
    if outcome.threshold_rule == "min_coverage_frac":
        read = abs_as_read(least, share, most)
        if read < least:
            return Hint(f"abs {least:g} is lowered to {read:g}; {asked} decide.", "loud")
        return Hint(f"abs is idle: {least:g} is below {asked}.", "idle")
    if outcome.threshold_rule == "min_coverage_abs" and share * most < outcome.threshold:
        return Hint(f"frac is idle: {asked}, below abs.", "idle")
    if outcome.threshold_rule == "min_coverage_abs":
        return Hint(f"abs and frac ask for the same: {asked}.")
    if outcome.threshold_rule == "relaxed":
        return Hint(f"abs {least:g} is lowered to {outcome.threshold:g}.", "loud")
    if outcome.threshold_rule == "fallback":
        return Hint(f"Neither decides: no pixel reaches {max(least, share * most):.4g}.", "loud")
    return Hint("Neither decides: the coverage is not used.", "loud")


def _hint_on_opening(opening: int, most: float | None, outcome: MaskOutcome | None) -> Hint:
    if outcome is not None and outcome.source not in ("coverage", "dropped"):
        return Hint("It decides nothing: the coverage is not used.", "loud")
    if opening > 1 and most is not None and 0 < most <= CROSS_MAXIMUM:
        return Hint(f"Read as 1: no pixel has more than {CROSS_MAXIMUM} frames.", "loud")
    if opening > 2:
        return Hint(f"The 3×3 square: {opening} is the same as 2.", "idle")
    return Hint(("No opening.", "The cross of 5 px.", "The 3×3 square; more is the same.")[opening])


def _hint_on_margin(
    parameters: MaskParameters, study: ClusterStudy | None, outcome: MaskOutcome | None
) -> Hint:
    if parameters.margin_percent <= 0:
        return Hint("No inset, so decay decides nothing.", "idle")
    if study is None or outcome is None:
        return Hint("Together they are one inset of what is kept.")
    if outcome.source == "dropped":
        return Hint("They decide nothing: the mask is dropped.", "loud")
    if outcome.source == "radial":
        return Hint("Margin and decay shape the radial mask.")
    of_the_coverage = outcome.source == "coverage"
    decay = parameters.decay if of_the_coverage else 1.0
    pixels = inset_px(study.canvas.shape, parameters.margin_percent, decay)
    if pixels >= min(study.canvas.shape) / 2:
        return Hint(f"An inset of {pixels} px: more than there is.", "loud")
    if of_the_coverage:
        return Hint(f"Together an inset of {pixels} px.")
    return Hint(f"An inset of {pixels} px; decay decides nothing.", "idle")


def inset_px(shape: tuple[int, int], margin_percent: float, decay: float) -> int:
    """Return how many pixels the saved tile loses along the rim of what is kept.

    Alpha is saved as yes or no at 0.5, so margin and decay are one number
    (ZEMOSAIC.md §10g).

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the canvas.
    margin_percent : float
        Of its shorter side.
    decay : float
    """
    if margin_percent <= 0:
        return 0
    share: float = OPAQUE_ALPHA ** max(decay, SMALLEST_DECAY)
    reach = margin_in_pixels(shape, margin_percent) * share
    return math.ceil(reach) - 1


def _hint_on_nanize(parameters: MaskParameters, outcome: MaskOutcome | None) -> Hint:
    limit = parameters.nanize_threshold
    if limit < OPAQUE_ALPHA:
        return Hint("It decides nothing below 0.5.", "idle")
    if outcome is not None and outcome.source == "dropped":
        return Hint("It decides nothing: the mask is dropped.", "idle")
    if outcome is not None and outcome.source == "coverage" and _is_yes_or_no(parameters):
        return Hint("It decides nothing: without a margin alpha is 0 or 1.", "idle")
    if limit == OPAQUE_ALPHA:
        return Hint("Can make opaque black pixels: where alpha is 0.5.", "loud")
    return Hint(f"Can make opaque black pixels: alpha 0.5 to {limit:g}.", "loud")


def _is_yes_or_no(parameters: MaskParameters) -> bool:
    """Return whether no alpha of the coverage mask lies at or below the limit but 0."""
    return parameters.margin_percent <= 0 and parameters.nanize_threshold < 1


def _threshold(outcome: MaskOutcome, most: float) -> str:
    if math.isnan(outcome.threshold) or outcome.threshold_rule == "none":
        return "Threshold: none, the coverage does not count."
    return (
        f"Threshold: {_frames(outcome.threshold)} of {most:g} ({_RULES[outcome.threshold_rule]})."
    )


def _most(study: ClusterStudy, outcome: MaskOutcome | None) -> float:
    """Return the frames on the best-covered pixel; looked up only where the mask did not."""
    if outcome is not None and outcome.making is not None and outcome.making.coverage is not None:
        return outcome.making.coverage.maximum
    return 0.0 if study.coverage is None else float(study.coverage.max(initial=0))


def _frames(count: float) -> str:
    return f"{count:.4g} frame" if count == 1 else f"{count:.4g} frames"


def _field_lost(study: ClusterStudy, outcome: MaskOutcome, covered_px: int) -> str:
    if outcome.field_lost is None:
        return "Field lost: unknown."
    hard, soft = outcome.field_lost
    text = f"Field lost: {hard:.1%} hard, {soft:.1%} soft, of the covered area"
    a_pixel = pixel_arcmin2(study)
    if a_pixel is None or study.coverage is None:
        return f"{text}."
    covered = covered_px * a_pixel
    return (
        f"{text}: {_area(hard * covered)} and {_area(soft * covered)} of {_area(covered)} arcmin²."
    )


def _fringe_left(outcome: MaskOutcome) -> str:
    fringe = outcome.fringe
    if fringe is None:
        return "Fringe left: not known."
    if fringe.step == 0:
        return "Fringe left: no colour step that can be told from noise."
    return (
        f"Fringe left: a step of {fringe.step:.3g} ± {fringe.error:.2g} ADU "
        f"({fringe.sigmas:.2f} × the noise of a pixel) at {_frames(fringe.count)}."
    )


def _area(arcmin2: float) -> str:
    """Return an area with three digits, or whole."""
    return f"{arcmin2:.0f}" if arcmin2 >= 100 else f"{arcmin2:.3g}"


def _alpha(outcome: MaskOutcome) -> str:
    if outcome.alpha_stats is None:
        return "Alpha: unknown."
    stats = outcome.alpha_stats
    whose = "Alpha of the dropped mask" if outcome.source == "dropped" else "Alpha"
    named = f"nonzero_frac={stats.nonzero_frac:.3f} min={stats.min:.3f} max={stats.max:.3f}"
    return f"{whose}: {named}."


def _saved_tile(outcome: MaskOutcome) -> str:
    y0, x0, y1, x1 = outcome.saved_rect
    crops = [
        name
        for name, rect in (
            ("the strict crop", outcome.strict_crop),
            ("the edge trim", outcome.edge_trim),
        )
        if rect is not None
    ]
    after = f" after {' and '.join(crops)}" if crops else ", not cropped"
    return f"Saved tile: {x1 - x0}×{y1 - y0} px{after}."


def _margin(outcome: MaskOutcome, shape: tuple[int, int]) -> str:
    percent = outcome.parameters.margin_percent
    if percent <= 0:
        return "Margin: none."
    pixels = margin_in_pixels(shape, percent)
    return f"Margin: {pixels:.4g} px on the canvas of {shape[1]}×{shape[0]}."
