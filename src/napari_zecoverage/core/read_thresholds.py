"""The thresholds as ZeMosaic's master-tile step reads them: for few frames, not as asked for."""

from __future__ import annotations

import logging
import math
from typing import Final, NamedTuple

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.plural import counted

log = logging.getLogger(__name__)

RELAXED_MAXIMUM: Final = 6
"""With at most so many frames on a pixel, min_coverage_abs never asks for all of them."""

CROSS_MAXIMUM: Final = 3
"""With at most so many frames on a pixel, the opening is the small cross."""


class ReadThresholds(NamedTuple):
    """The settings as the step hands them to the mask; `relaxed` when it lowered abs."""

    margin_percent: float
    decay: float
    min_coverage_abs: float
    min_coverage_frac: float
    morph_open_px: int
    relaxed: bool = False


def as_asked(parameters: MaskParameters) -> ReadThresholds:
    """Return the thresholds as they were asked for."""
    return ReadThresholds(
        parameters.margin_percent,
        parameters.decay,
        parameters.min_coverage_abs,
        parameters.min_coverage_frac,
        parameters.morph_open_px,
    )


def abs_as_read(min_coverage_abs: float, min_coverage_frac: float, maximum: float) -> float:
    """Return the min_coverage_abs that the master-tile step goes by (ZEMOSAIC.md §5.7).

    Parameters
    ----------
    min_coverage_abs, min_coverage_frac : float
        As asked for.
    maximum : float
        Frames on the best-covered pixel; above 0.

    Returns
    -------
    float
        At most `maximum`; lower where that is 6 or less and all of its frames
        were asked for.
    """
    least = min(float(min_coverage_abs), maximum)
    if maximum <= RELAXED_MAXIMUM and least >= maximum:
        return min(max(1.0, math.ceil(min_coverage_frac * maximum)), max(1.0, maximum - 1.0))
    return least


def as_read(parameters: MaskParameters, maximum: float) -> tuple[ReadThresholds, list[str]]:
    """Return the thresholds as ZeMosaic lowers them for this maximum (ZEMOSAIC.md §5.7).

    ZeMosaic also keeps min_coverage_abs at or below the frames used; coverage
    cannot exceed these, so its maximum is the stricter limit.

    Parameters
    ----------
    parameters : MaskParameters
    maximum : float
        Frames on the best-covered pixel; above 0.

    Returns
    -------
    thresholds : ReadThresholds
    notes : list of str
        Where they are not what was asked for, in words.
    """
    asked = as_asked(parameters)
    least, share, opening = asked.min_coverage_abs, asked.min_coverage_frac, asked.morph_open_px
    notes: list[str] = []
    if least > maximum:
        notes.append(
            f"min_coverage_abs {least:g} is read as {maximum:g}: no pixel is covered by more than "
            f"{counted(maximum, 'frame')}."
        )
        least = maximum
    log.debug(
        "MT_COVERAGE_THRESH: tile=0 cov_max=%.1f min_abs=%.1f min_frac=%.3f morph_open_px=%d",
        maximum,
        least,
        share,
        opening,
    )
    relaxed = False
    if maximum <= RELAXED_MAXIMUM and least >= maximum:
        before = least
        least = abs_as_read(least, share, maximum)
        relaxed = least != before
        log.info(
            "ALTaz coverage guard: min_coverage_abs %.1f->%.1f (cov_max=%.1f, min_frac=%.3f)",
            before,
            least,
            maximum,
            share,
        )
        if relaxed:
            notes.append(_note_on_relaxed(before, least, maximum, share))
    if maximum <= CROSS_MAXIMUM and opening > 1:
        log.info("ALTaz coverage guard: morph_open_px %d->%d (cov_max=%.1f)", opening, 1, maximum)
        notes.append(
            f"morph_open_px {opening} is read as 1, the small cross: no pixel is covered by more "
            f"than {CROSS_MAXIMUM} frames."
        )
        opening = 1
    read = asked._replace(min_coverage_abs=least, morph_open_px=opening, relaxed=relaxed)
    return read, notes


def _note_on_relaxed(before: float, after: float, maximum: float, share: float) -> str:
    """Say what the relax rule did, and where it makes a larger abs the milder one (§10i)."""
    note = (
        f"min_coverage_abs {before:g} is lowered to {after:g}: no pixel is covered by more than "
        f"{counted(maximum, 'frame')}, and up to {RELAXED_MAXIMUM} ZeMosaic does not "
        "insist on all of them."
    )
    effective = max(after, share * maximum)
    strictest = math.ceil(maximum) - 1
    if strictest > effective:
        note += (
            f" A smaller min_coverage_abs can so be stricter: {strictest:g} would ask for "
            f"{strictest:g} frames, {before:g} asks for {effective:g}."
        )
    return note
