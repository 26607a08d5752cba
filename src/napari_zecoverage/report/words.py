"""The figures of a report in words."""

from __future__ import annotations

import math
from typing import Any, Final

from napari_zecoverage.core.advice_words import (
    NOT_KNOWN,
    NOT_MEASURABLE,
    exactly,
    share_in_words,
)
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters

NOISE: Final = "× the noise of a pixel"

MASKS: Final = {
    "low-signal": "low-signal mask: the coverage is not used",
    "radial": "radial mask: the coverage is not used",
    "dropped": "no mask: the whole tile is kept",
    "coverage": "coverage mask",
}


def lost_words(level: LevelField) -> str:
    """Return the share of the field that a mask loses."""
    return share_in_words(1 - level.hard)


def fringe_words(fringe: ResidualFringe | None) -> str:
    """Return the fringe that stays visible: ADU, error, and against the noise."""
    if fringe is None or not math.isfinite(fringe.step):
        return NOT_MEASURABLE
    if fringe.step == 0:
        return f"none that noise would not make (± {number(fringe.error)} ADU)"
    words = f"{with_error(fringe.step, fringe.error)} ADU"
    if math.isfinite(fringe.sigmas):
        words += f", {number(fringe.sigmas)} {NOISE}"
    return f"{words}, where {frames_in_words(fringe.count)}"


def noise_words(fringe: ResidualFringe | None) -> str:
    """Return the fringe that stays visible in units of a pixel's noise."""
    if fringe is None or not math.isfinite(fringe.sigmas):
        return NOT_MEASURABLE
    return "none" if fringe.step == 0 else f"{number(fringe.sigmas)} ×"


def with_error(value: float, error: float, sign: str = "") -> str:
    """Return a figure and its 1 σ, both with the digits that the error leaves."""
    if not math.isfinite(error):
        return signed(value, sign=sign)
    digits = 2 if error <= 0 else min(max(1 - math.floor(math.log10(error)), 0), 4)
    return f"{signed(value, digits, sign)} ± {error:.{digits}f}"


def signed(value: float, digits: int = 2, sign: str = "+") -> str:
    """Return a figure with a real minus, and a plus where it is asked for."""
    return f"{value:{sign}.{digits}f}".replace("-", "−")


def frames_in_words(count: float) -> str:
    """Return how many frames overlap somewhere."""
    return "1 frame overlaps" if count == 1 else f"{count:g} frames overlap"


def number(value: float | None, unknown: str = NOT_KNOWN) -> str:
    """Return a measured figure with three digits."""
    if value is None or not math.isfinite(value):
        return unknown
    words = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return words.replace("-", "−")


def setting(value: Any) -> str:
    """Return the value of a setting."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return exactly(value) if isinstance(value, float | int) else str(value)


def thresholds(parameters: MaskParameters) -> str:
    """Return the three thresholds in short."""
    return (
        f"abs {exactly(parameters.min_coverage_abs)} · frac "
        f"{exactly(parameters.min_coverage_frac)} · open {parameters.morph_open_px}"
    )
