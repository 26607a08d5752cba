"""What ZeMosaic would do with the thresholds, in words."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from napari_zecoverage.core.alpha import margin_in_pixels

if TYPE_CHECKING:
    from napari_zecoverage.core.outcome import MaskOutcome
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
# Blue and vermillion of Okabe and Ito, dark enough for white letters.
_CALM: Final = "#00619a"
_LOUD: Final = "#b84a00"


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
    """

    headline: str
    loud: bool
    lines: tuple[str, ...]

    def html(self) -> str:
        """Return it as rich text: the headline on a bar of colour."""
        bar = (
            f'<table width="100%" cellpadding="5" bgcolor="{_LOUD if self.loud else _CALM}">'
            f'<tr><td><b><span style="color:#ffffff">{escape(self.headline)}</span></b></td></tr>'
            "</table>"
        )
        return bar + "".join(
            f'<p style="margin-top:3px;margin-bottom:0px">{escape(line)}</p>' for line in self.lines
        )


def verdict_of(study: ClusterStudy, outcome: MaskOutcome) -> Verdict:
    """Put the outcome for a studied cluster in words."""
    lines = [
        _threshold(study, outcome),
        _field_lost(outcome),
        _alpha(outcome),
        _saved_tile(outcome),
        _margin(outcome, study.canvas.shape),
    ]
    lines += [f"• {note}" for note in outcome.notes]
    return Verdict(
        _HEADLINES[outcome.source], outcome.source != "coverage", tuple(filter(None, lines))
    )


def _threshold(study: ClusterStudy, outcome: MaskOutcome) -> str:
    if math.isnan(outcome.threshold) or outcome.threshold_rule == "none":
        return "Threshold: none, the coverage does not count."
    most = 0.0 if study.coverage is None else float(study.coverage.max(initial=0))
    return (
        f"Threshold: {_frames(outcome.threshold)} of {most:g} ({_RULES[outcome.threshold_rule]})."
    )


def _frames(count: float) -> str:
    return f"{count:.4g} frame" if count == 1 else f"{count:.4g} frames"


def _field_lost(outcome: MaskOutcome) -> str:
    if outcome.field_lost is None:
        return "Field lost: unknown."
    lost = outcome.field_lost
    return f"Field lost: {lost.hard:.1%} hard, {lost.soft:.1%} soft, of the covered area."


def _alpha(outcome: MaskOutcome) -> str:
    if outcome.alpha_stats is None:
        return "Alpha: unknown."
    stats = outcome.alpha_stats
    whose = "Alpha of the dropped mask" if outcome.source == "dropped" else "Alpha"
    return f"{whose}: {stats.nonzero_frac:.1%} nonzero, from {stats.min:.3g} to {stats.max:.3g}."


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
