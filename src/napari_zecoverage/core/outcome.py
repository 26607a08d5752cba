"""What ZeMosaic would make of a tile with given thresholds: the fast function.

`mask_tile` is the master-tile step on plain arrays (ZEMOSAIC.md §5.7), `apply_mask`
adds, for a studied cluster, the crops (§5.8, §5.9) and what they cost in field.
Both are pure: same input, same outcome, nothing altered.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.alpha import ThresholdRule
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.fallback_masks import height_and_width
from napari_zecoverage.core.fringe import Fringe, ResidualFringe, residual_fringe
from napari_zecoverage.core.mask_choice import (
    ChosenMask,
    UsableCoverage,
    choose_mask,
    usable_coverage,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.ramp import Alpha, Mask
from napari_zecoverage.core.read_thresholds import ReadThresholds, as_asked, as_read
from napari_zecoverage.core.tile_crops import crop_tile

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

log = logging.getLogger(__name__)

CROP_PREFIX: Final = "strict_overlap_crop_"
"""The settings of the strict crop begin so."""

LEAST_KEPT_SHARE: Final = 0.10
"""A mask that leaves less of the tile above alpha 0 is dropped."""

OPAQUE_ALPHA: Final = 0.5
"""From here on ALPHA is 255 in the saved tile, below it is 0."""


class AlphaStats(NamedTuple):
    """Of the whole canvas's alpha: the share above 0, the smallest and the largest value."""

    nonzero_frac: float
    min: float
    max: float


class FieldLost(NamedTuple):
    """What the mask and the crops cost, as shares (0 to 1) of the area that any frame covers.

    Attributes
    ----------
    hard : float
        Pixels that are not opaque in the saved tile, or cut off.
    soft : float
        Mean of 1 − alpha; what is cut off counts as wholly lost.
    """

    hard: float
    soft: float


class Making(NamedTuple):
    """How an outcome was made: what the next one of the same study takes over where it is equal.

    Attributes
    ----------
    study : ClusterStudy or None
        None outside of `apply_mask`.
    coverage : UsableCoverage or None
        None with the reason in `ignored`.
    ignored : str
        Why ZeMosaic would ignore the coverage; empty when it does not.
    covered_px : int
        Pixels that any frame covers.
    chosen : ChosenMask or None
        None when there was nothing to make a mask from.
    crop_notes : tuple of str
        What the crops had to say.
    fringe : Fringe or None
        The one that the outcome's residual is of.
    """

    study: ClusterStudy | None
    coverage: UsableCoverage | None
    ignored: str
    covered_px: int
    chosen: ChosenMask | None = None
    crop_notes: tuple[str, ...] = ()
    fringe: Fringe | None = None


@dataclass(frozen=True)
class MaskOutcome:
    """What ZeMosaic would do to a tile.

    Attributes
    ----------
    parameters : MaskParameters
        What was asked for.
    alpha : ndarray of float32, shape (H, W), or None
        0 to 1, on the canvas. None when the mask was dropped and the tile stays
        as it is, or when the mask needs the tile's pixels and there are none.
    source : {"coverage", "low-signal", "radial", "dropped"}
        Which mask it is.
    threshold : float
        The number of frames that coverage was compared with, also of a coverage mask
        that was dropped; NaN when there was none, or it was discarded.
    threshold_rule : str
        What set it: "min_coverage_abs" (also when both agree),
        "min_coverage_frac", "relaxed" (ZeMosaic lowered min_coverage_abs for a
        small cluster), "fallback" (nothing reached it), "none".
    notes : tuple of str
        Each guard that fired, in words.
    strict_crop : Rect or None
        On the canvas; None when the tile keeps its size.
    edge_trim : Rect or None
        Relative to what the strict crop left.
    saved_rect : Rect
        What of the canvas the saved tile keeps, after both.
    alpha_stats : AlphaStats or None
        Also of a mask that was dropped; None when there is no alpha at all.
    field_lost : FieldLost or None
        None without coverage, or when alpha is not known.
    fringe : ResidualFringe or None
        The worst colour step that the saved tile still shows. None when no fringe
        was given, and where nothing that was measured is visible.
    finite : ndarray of bool, shape (H, W), or None
        Only for a dropped mask: where the tile has any finite channel.
    making : Making or None
        For `apply_mask`'s `before`.
    """

    parameters: MaskParameters
    alpha: Alpha | None
    source: Literal["coverage", "low-signal", "radial", "dropped"]
    threshold: float
    threshold_rule: ThresholdRule
    notes: tuple[str, ...]
    strict_crop: Rect | None
    edge_trim: Rect | None
    saved_rect: Rect
    alpha_stats: AlphaStats | None
    field_lost: FieldLost | None
    fringe: ResidualFringe | None = None
    finite: Mask | None = None
    making: Making | None = field(default=None, repr=False, compare=False)

    @property
    def opaque(self) -> Mask:
        """(H, W) bool on the canvas: ALPHA is 255 in the saved tile, before the crops.

        Raises
        ------
        ValueError
            The mask needs the tile's pixels and there were none.
        """
        if self.alpha is not None:
            opaque: Mask = self.alpha >= OPAQUE_ALPHA
            return opaque
        if self.finite is not None:
            return self.finite
        raise ValueError(
            "the mask is not known: it is made from the tile's pixels, and none were stacked"
        )


# --- public --------------------------------------------------------------------------------


def mask_tile(
    tile: ArrayLike, parameters: MaskParameters, *, coverage: ArrayLike | None = None
) -> MaskOutcome:
    """Return what ZeMosaic's master-tile step makes of a tile (ZEMOSAIC.md §5.7).

    Parameters
    ----------
    tile : array_like, shape (H, W, 3) or (H, W)
        Any units; not altered. `masked_tile` gives the tile after the step.
    parameters : MaskParameters
        The thresholds.
    coverage : array_like, shape (H, W), optional
        Frames per pixel. One that is None, of another shape or without a
        positive value changes nothing but a note that says why it was ignored.

    Returns
    -------
    MaskOutcome
        Without crops: they belong to `apply_mask`.

    Raises
    ------
    ValueError
        `tile` has less than two axes, or no pixels.
    """
    shape = height_and_width(np.shape(tile))
    if np.size(tile) == 0:
        raise ValueError(f"tile: expected pixels, got the shape {np.shape(tile)}")
    return _masked(tile, _look_at_coverage(coverage, shape), shape, parameters, None)


def apply_mask(
    study: ClusterStudy,
    parameters: MaskParameters,
    *,
    fringe: Fringe | None = None,
    before: MaskOutcome | None = None,
) -> MaskOutcome:
    """Return what ZeMosaic would do to a studied cluster's tile.

    Fast enough for every tick of a slider.

    Parameters
    ----------
    study : ClusterStudy
        Its coverage, tile and canvas are used; none is altered. Without a tile
        everything but the low-signal mask can be told.
    parameters : MaskParameters
        The thresholds.
    fringe : Fringe, optional
        What `measure_fringe` found in this study; adds what of it stays visible.
    before : MaskOutcome, optional
        What this function returned for the same study, its arrays as they were.
        The answer is the same with it and without; where it is equal, its arrays
        are handed on: ``outcome.alpha is before.alpha`` tells that nothing
        changed. One of another study is not looked at.

    Returns
    -------
    MaskOutcome
        With crops and the field lost.
    """
    shape = study.canvas.shape
    if before is not None and (before.making is None or before.making.study is not study):
        before = None
    if before is not None and before.making is not None:
        making = before.making._replace(chosen=None)
    else:
        making = _look_at_coverage(study.coverage, shape)._replace(study=study)
    outcome = _masked(study.tile, making, shape, parameters, before)
    if outcome.alpha is None and outcome.source != "dropped":
        return outcome
    if before is not None and _same_mask(outcome, before) and _same_crops(parameters, before):
        cropped = _cropped_as(before, outcome)
    else:
        cropped = _cropped(outcome, study)
    if fringe is None:
        return cropped
    return _with_fringe(cropped, fringe, before)


def _cropped(outcome: MaskOutcome, study: ClusterStudy) -> MaskOutcome:
    """Return the outcome with the crops, and what mask and crops cost."""
    making = outcome.making
    assert making is not None  # `_masked` gives it
    clean = None if making.coverage is None else making.coverage.frames
    crops = crop_tile(study, outcome.alpha, clean, outcome.parameters)
    lost = None
    if clean is not None:
        lost = _field_lost(outcome, clean, crops.saved, making.covered_px)
    return replace(
        outcome,
        notes=outcome.notes + crops.notes,
        strict_crop=crops.strict,
        edge_trim=crops.trim,
        saved_rect=crops.saved,
        field_lost=lost,
        making=making._replace(crop_notes=crops.notes, fringe=None),
    )


def _cropped_as(before: MaskOutcome, outcome: MaskOutcome) -> MaskOutcome:
    """Return the outcome with the crops of another one of the same mask."""
    assert before.making is not None
    assert outcome.making is not None
    crop_notes = before.making.crop_notes
    return replace(
        outcome,
        notes=outcome.notes + crop_notes,
        strict_crop=before.strict_crop,
        edge_trim=before.edge_trim,
        saved_rect=before.saved_rect,
        field_lost=before.field_lost,
        making=outcome.making._replace(crop_notes=crop_notes, fringe=None),
    )


def _same_mask(outcome: MaskOutcome, before: MaskOutcome) -> bool:
    """Return whether both have the same arrays, so that nothing of them need be counted again."""
    return (
        outcome.source == before.source
        and outcome.alpha is before.alpha
        and outcome.finite is before.finite
    )


def _same_crops(parameters: MaskParameters, before: MaskOutcome) -> bool:
    names = [name for name in MaskParameters.__dataclass_fields__ if name.startswith(CROP_PREFIX)]
    return all(getattr(parameters, name) == getattr(before.parameters, name) for name in names)


def _with_fringe(outcome: MaskOutcome, fringe: Fringe, before: MaskOutcome | None) -> MaskOutcome:
    """Return the outcome with what of the fringe stays visible."""
    assert outcome.making is not None
    making = outcome.making._replace(fringe=fringe)
    if (
        before is not None
        and before.making is not None
        and before.making.fringe is fringe
        and _same_mask(outcome, before)
        and outcome.saved_rect == before.saved_rect
    ):
        return replace(outcome, fringe=before.fringe, making=making)
    left = residual_fringe(fringe, shown_pixels(outcome))
    return replace(outcome, fringe=left, making=making)


def shown_pixels(outcome: MaskOutcome) -> Mask:
    """Return (H, W) bool on the canvas: what the saved tile shows, after the crops.

    Raises
    ------
    ValueError
        As `MaskOutcome.opaque`.
    """
    opaque = outcome.opaque
    shown = np.zeros(opaque.shape, dtype=np.bool_)
    shown[outcome.saved_rect.slices] = opaque[outcome.saved_rect.slices]
    return shown


def masked_tile(tile: ArrayLike, outcome: MaskOutcome) -> NDArray[Any]:
    """Return a copy of the tile as the master-tile step leaves it, before the crops.

    Parameters
    ----------
    tile : array_like, shape (H, W, 3), (H, W) or (3, H, W)
        The tile that `outcome` was made for.
    outcome : MaskOutcome
        What to do to it.

    Returns
    -------
    ndarray, shape of `tile`
        NaN (0 when `nanize` is off) where alpha is at or below
        `nanize_threshold`; the tile's values elsewhere, never multiplied by
        alpha. Unchanged without a mask. Floating point; float32 for integers.
    """
    pixels = np.array(tile)
    if pixels.dtype.kind != "f":
        pixels = pixels.astype(np.float32)
    if outcome.alpha is None:
        return pixels
    emptied = outcome.alpha <= outcome.parameters.nanize_threshold
    value = np.nan if outcome.parameters.nanize else 0.0
    if pixels.shape[:2] == emptied.shape:
        pixels[emptied] = value
    else:
        pixels[..., emptied] = value
    return pixels


def saved_alpha(outcome: MaskOutcome) -> NDArray[np.uint8]:
    """Return the ALPHA plane of the saved tile: 255 opaque, 0 not, cropped (ZEMOSAIC.md §5.10).

    Raises
    ------
    ValueError
        As `MaskOutcome.opaque`.
    """
    return np.where(outcome.opaque[outcome.saved_rect.slices], 255, 0).astype(np.uint8)


# --- the step ------------------------------------------------------------------------------


def _look_at_coverage(coverage: ArrayLike | None, shape: tuple[int, int]) -> Making:
    """Return what every mask of a coverage needs to know of it."""
    usable, reason = usable_coverage(coverage, shape)
    if usable is None:
        log.debug("MT_COVERAGE_IGNORED: tile=0 reason=%s", reason)
        return Making(None, None, reason, 0)
    return Making(None, usable, "", int(np.count_nonzero(usable.frames > 0)))


def _masked(
    tile: ArrayLike | None,
    making: Making,
    shape: tuple[int, int],
    parameters: MaskParameters,
    before: MaskOutcome | None,
) -> MaskOutcome:
    """Return the outcome before any crop."""
    whole = Rect.whole(shape)
    ignored = making.ignored
    coverage = None if making.coverage is None else making.coverage.frames
    if coverage is None and tile is None:
        note = (
            f"Coverage ignored: {ignored}. ZeMosaic then makes its mask from the tile's own pixels "
            "(low-signal mask), and this study has no tile: study it with a stack to see that mask."
        )
        return _outcome(parameters, None, "low-signal", (note,), whole)
    if making.coverage is None:
        thresholds = as_asked(parameters)
        note = (
            f"Coverage ignored: {ignored}. ZeMosaic makes its mask from the tile's own pixels "
            "instead; min_coverage_abs, min_coverage_frac and morph_open_px do nothing."
        )
        notes = [note]
    else:
        thresholds, notes = as_read(parameters, making.coverage.maximum)
    known = None if before is None or before.making is None else before.making.chosen
    chosen = choose_mask(tile, making.coverage, ignored, shape, thresholds, before=known)
    making = making._replace(chosen=chosen)
    notes += _notes_on_mask(chosen, thresholds, coverage)
    if chosen.alpha is None:
        outcome = _outcome(parameters, None, chosen.source, tuple(notes), whole)
        return replace(outcome, making=making)

    stats = None
    if before is not None and known is not None and chosen.alpha is known.alpha:
        stats = before.alpha_stats
    outcome = _outcome(parameters, chosen.alpha, chosen.source, tuple(notes), whole, stats)
    outcome = replace(outcome, making=making)
    if chosen.source == "coverage" and chosen.from_coverage is not None:
        rule = chosen.from_coverage.rule
        if rule == "min_coverage_abs" and thresholds.relaxed:
            rule = "relaxed"
        outcome = replace(outcome, threshold=chosen.from_coverage.threshold, threshold_rule=rule)
    if _kept_share(outcome) < LEAST_KEPT_SHARE:
        finite = before.finite if before is not None else None
        return _dropped(outcome, tile, coverage, finite)
    log.info(
        "MT_PIPELINE: altaz_cleanup applied: masked_used=False mask2d_used=True "
        "mask2d_applied=True threshold=%s",
        parameters.nanize_threshold,
    )
    return replace(outcome, notes=outcome.notes + _notes_on_pixels(outcome, coverage))


def _outcome(
    parameters: MaskParameters,
    alpha: Alpha | None,
    source: Literal["coverage", "low-signal", "radial", "dropped"],
    notes: tuple[str, ...],
    whole: Rect,
    stats: AlphaStats | None = None,
) -> MaskOutcome:
    """Return an outcome without crops whose threshold played no part.

    `stats` are those of `alpha` where they are known.
    """
    if stats is None and alpha is not None:
        stats = _alpha_stats(alpha)
    return MaskOutcome(
        parameters=parameters,
        alpha=alpha,
        source=source,
        threshold=math.nan,
        threshold_rule="none",
        notes=notes,
        strict_crop=None,
        edge_trim=None,
        saved_rect=whole,
        alpha_stats=stats,
        field_lost=None,
    )


def _alpha_stats(alpha: Alpha) -> AlphaStats:
    lowest, highest = cv2.minMaxLoc(alpha)[:2]
    stats = AlphaStats(int(np.count_nonzero(alpha > 0)) / alpha.size, float(lowest), float(highest))
    log.info(
        "ALPHA_STATS: level=master_tile nonzero_frac=%.3f min=%.3f max=%.3f shape=%s",
        *stats,
        alpha.shape,
    )
    return stats


def _kept_share(outcome: MaskOutcome) -> float:
    return 0.0 if outcome.alpha_stats is None else outcome.alpha_stats.nonzero_frac


def _notes_on_mask(
    chosen: ChosenMask, thresholds: ReadThresholds, coverage: NDArray[np.float32] | None
) -> list[str]:
    """Say where the mask is not what was asked for; an ignored coverage is told already."""
    notes = []
    made = chosen.from_coverage
    if made is not None and made.rule == "fallback":
        notes.append(
            f"No pixel reaches the threshold; ZeMosaic falls back to {made.threshold:g} frames."
        )
    if made is not None and made.opening_ignored:
        notes.append(
            f"The opening (morph_open_px {thresholds.morph_open_px}) is left out: it would have "
            "removed every pixel."
        )
    if chosen.source == "coverage":
        return notes
    if coverage is not None:
        notes.append(
            f"Not the coverage mask: {chosen.reason}. ZeMosaic takes its "
            f"{chosen.source} mask instead, which knows nothing of the frames per pixel."
        )
    elif chosen.source == "radial":
        notes.append(f"Radial mask: {chosen.reason}.")
    if chosen.alpha is None:
        notes.append(
            "The low-signal mask is made from the tile's own pixels, and this study has no tile: "
            "study it with a stack to see that mask."
        )
    return notes


def _notes_on_pixels(outcome: MaskOutcome, coverage: NDArray[np.float32] | None) -> tuple[str, ...]:
    """Say where the saved tile gets opaque pixels without a picture in them (§10h, §10j)."""
    alpha, limit = outcome.alpha, outcome.parameters.nanize_threshold
    notes = []
    if alpha is not None and limit >= OPAQUE_ALPHA:
        black = np.count_nonzero(alpha <= limit) - np.count_nonzero(alpha < OPAQUE_ALPHA)
        if black:
            notes.append(
                f"nanize_threshold {limit:g} empties {black} pixels that stay opaque: the saved "
                f"tile shows them black. Below {OPAQUE_ALPHA:g} it has no visible effect."
            )
    if alpha is not None and coverage is not None and outcome.source != "coverage":
        empty = int(np.count_nonzero((alpha >= OPAQUE_ALPHA) & (coverage <= 0)))
        if empty:
            notes.append(
                f"The {outcome.source} mask leaves {empty} pixels opaque that no frame covers."
            )
    return tuple(notes)


def _dropped(
    outcome: MaskOutcome,
    tile: ArrayLike | None,
    coverage: NDArray[np.float32] | None,
    finite: Mask | None,
) -> MaskOutcome:
    """Return the outcome when the mask would leave too little: the tile stays as it is.

    `finite` is that of an outcome of the same tile and coverage, where it is known.
    """
    kept = _kept_share(outcome)
    log.warning(
        "ALTaz guard: skipping nanize/zeroize (nonzero_frac=%.3f < %.3f)", kept, LEAST_KEPT_SHARE
    )
    note = (
        f"Mask dropped: the {outcome.source} mask would leave {kept:.1%} of the tile, ZeMosaic "
        f"wants at least {LEAST_KEPT_SHARE:.0%}. The tile stays as it is, with its whole rim."
    )
    if finite is None and tile is not None:
        finite = _any_finite(np.asarray(tile))
    elif finite is None and coverage is not None:
        finite = coverage > 0
    return replace(
        outcome, alpha=None, source="dropped", notes=(*outcome.notes, note), finite=finite
    )


def _any_finite(tile: NDArray[Any]) -> Mask:
    """Return (H, W): where any channel is finite."""
    height, width = height_and_width(tile.shape)
    if tile.ndim == 2:
        finite: Mask = np.isfinite(tile)
        return finite
    channels_last = tile.shape[:2] == (height, width)
    planes = np.moveaxis(tile, -1, 0) if channels_last else tile
    finite = np.isfinite(planes[0])
    for plane in planes[1:]:
        finite |= np.isfinite(plane)
    return finite


# --- what it costs -------------------------------------------------------------------------


def _field_lost(
    outcome: MaskOutcome, coverage: NDArray[np.float32], saved: Rect, total: int
) -> FieldLost:
    """Return the shares of the covered area, `total` pixels, that the saved tile does not show."""
    if outcome.alpha is None:
        lost = 1.0 - int(np.count_nonzero(coverage[saved.slices] > 0)) / total
        return FieldLost(lost, lost)
    shown = outcome.alpha[saved.slices]
    opaque = shown >= OPAQUE_ALPHA
    if outcome.source != "coverage" or np.float32(outcome.threshold) <= 0:
        # Elsewhere only covered pixels have any alpha: they need not be looked up.
        covered = coverage[saved.slices] > 0
        opaque &= covered
        shown = shown * covered
    kept = int(np.count_nonzero(opaque))
    # Quick, and unlike OpenCV's sum the same wherever the array lies in memory.
    light = float(cv2.reduce(shown, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F).sum())
    return FieldLost(1.0 - kept / total, max(0.0, 1.0 - light / total))
