"""What ZeMosaic said of each master tile in its log, beside what we compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.read_thresholds import RELAXED_MAXIMUM
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.log_tiles import TileLog
from napari_zecoverage.zemosaic.logs import LogReading


@dataclass(frozen=True)
class ComparedLine:
    """One thing that ZeMosaic said, beside the same from us.

    Attributes
    ----------
    what : str
    said, computed : str
        In words; empty when ZeMosaic said, or we computed, nothing.
    same : bool or None
        As far as the log's digits go; None when the two cannot be compared.
    """

    what: str
    said: str
    computed: str
    same: bool | None

    def __str__(self) -> str:
        mark = {True: "same", False: "DIFFERENT", None: "not compared"}[self.same]
        return (
            f"{self.what}: ZeMosaic said {self.said or 'nothing'} / we compute "
            f"{self.computed or 'nothing'} ({mark})"
        )


@dataclass(frozen=True)
class TileComparison:
    """One master tile: ZeMosaic's log beside what we compute.

    Attributes
    ----------
    tile : int
    compared : tuple of ComparedLine
    notes : tuple of str
        What the differences mean, as far as the log tells.
    """

    tile: int
    compared: tuple[ComparedLine, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether nothing differs; None when nothing could be compared."""
        judged = [each.same for each in self.compared if each.same is not None]
        return all(judged) if judged else None

    def lines(self) -> list[str]:
        """Return it for people, one line a thing."""
        return [f"Tile {self.tile}", *(f"  {each}" for each in (*self.compared, *self.notes))]


Computed = tuple[ClusterStudy, MaskOutcome | None]
"""What we know of a tile: its study, and what the thresholds in question make of it."""


def compare_log(
    reading: LogReading, computed: Mapping[int, Computed]
) -> tuple[TileComparison, ...]:
    """Set what ZeMosaic said of each tile beside what we compute.

    Parameters
    ----------
    reading : LogReading
    computed : mapping of int to (ClusterStudy, MaskOutcome or None)
        By tile id (in a classic run the number of the cluster's group). Without an
        outcome only the coverage is compared.

    Returns
    -------
    tuple of TileComparison
        One for each tile of the log or of `computed`, sorted by id.
    """
    return tuple(
        _compared_tile(tile, reading.tiles.get(tile), computed.get(tile))
        for tile in sorted({*reading.tiles, *computed})
    )


def _compared_tile(tile: int, log: TileLog | None, ours: Computed | None) -> TileComparison:
    if log is None:
        note = "The log has no line of this tile (only three tiles of a run are logged in detail)."
        return TileComparison(tile, (), (note,))
    study, outcome = ours or (None, None)
    lines = _compared_coverage(log, study)
    lines += _compared_thresholds(log, study, outcome)
    lines += _compared_alpha(log, outcome)
    lines += _compared_crops(log, study, outcome)
    notes = _notes_on_tile(log)
    if study is None:
        notes.insert(0, "This tile was not studied here; only what ZeMosaic said is shown.")
    return TileComparison(tile, tuple(lines), tuple(notes))


def _compared_coverage(log: TileLog, study: ClusterStudy | None) -> list[ComparedLine]:
    lines = []
    stats, ignored = log.said("coverage_stats"), log.said("coverage_ignored")
    coverage = None if study is None else study.coverage
    if stats is not None:
        said = _coverage_words(
            stats["shape"], stats["min"], stats["max"], stats["nonzero_frac"], stats["n_used"]
        )
        computed, same = "", None
        if study is not None and coverage is None:
            computed, same = "no coverage", False
        elif study is not None and coverage is not None:
            ours = (
                coverage.shape,
                float(coverage.min()),
                float(coverage.max()),
                float((coverage > 0).mean()),
                study.frames_used,
            )
            computed = _coverage_words(*ours)
            same = computed == said
        lines.append(ComparedLine("coverage", said, computed, same))
    if ignored is not None:
        computed = "" if study is None else "no coverage" if coverage is None else "coverage"
        same = None if study is None else coverage is None
        lines.append(ComparedLine("coverage ignored", str(ignored["reason"]), computed, same))
    return lines


def _coverage_words(
    shape: tuple[int, ...], least: float, most: float, share: float, used: int
) -> str:
    height, width = shape
    return (
        f"{least:.1f} to {most:.1f} frames on {width}×{height}, {share:.3f} of it covered, "
        f"{used} frames used"
    )


def _compared_thresholds(
    log: TileLog, study: ClusterStudy | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    lines = []
    asked = log.said("coverage_thresholds")
    if asked is not None:
        said = _asked_words(asked["min_abs"], asked["min_frac"], asked["morph_open_px"])
        computed, same = "", None
        if study is not None and study.coverage is not None and outcome is not None:
            ours = outcome.parameters
            least = min(
                ours.min_coverage_abs, float(study.coverage.max()), float(study.frames_used)
            )
            computed = _asked_words(least, ours.min_coverage_frac, ours.morph_open_px)
            same = computed == said
        lines.append(ComparedLine("thresholds before the guards", said, computed, same))
        lines += _compared_effective(asked, log.said("guard_abs"), outcome)
    morph = log.said("guard_morph")
    if morph is not None:
        said = f"morph_open_px {morph['before']:g} lowered to {morph['after']:g}"
        lines.append(ComparedLine("opening", said, "", None))
    return lines


def _asked_words(least: float, share: float, opening: float) -> str:
    return f"min_coverage_abs {least:.1f}, min_coverage_frac {share:.3f}, morph_open_px {opening:g}"


def _compared_effective(
    asked: Mapping[str, Any], guard: Mapping[str, Any] | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    """Compare the number of frames that coverage was held against, where the log tells it."""
    highest, least = asked["cov_max"], asked["min_abs"]
    if guard is not None:
        least = guard["after"]
    elif highest <= RELAXED_MAXIMUM and least >= highest:
        return []  # ZeMosaic lowered it, and the line that says to what is not there.
    threshold = max(least, asked["min_frac"] * highest)
    lowered = "" if guard is None else f", min_coverage_abs lowered from {guard['before']:g}"
    said = f"{threshold:.2f} frames{lowered}"
    if outcome is None:
        return [ComparedLine("threshold", said, "", None)]
    if math.isnan(outcome.threshold):
        return [ComparedLine("threshold", said, f"no threshold: {outcome.source} mask", None)]
    computed = f"{outcome.threshold:.2f} frames ({outcome.threshold_rule})"
    # ZeMosaic's own fallback is not in the log: nothing to hold it against then.
    same = None
    if outcome.threshold_rule != "fallback":
        # The log gives min_abs and cov_max to one digit, min_frac to three.
        same = abs(threshold - outcome.threshold) <= 0.05 + 0.0005 * abs(highest) + 1e-6
    return [ComparedLine("threshold", said, computed, same)]


def _compared_alpha(log: TileLog, outcome: MaskOutcome | None) -> list[ComparedLine]:
    lines = []
    stats = log.said("alpha_stats")
    ours = None if outcome is None else outcome.alpha_stats
    if stats is not None:
        said = _alpha_words(stats["nonzero_frac"], stats["min"], stats["max"])
        computed = "" if ours is None else _alpha_words(*ours)
        lines.append(
            ComparedLine("alpha", said, computed, None if ours is None else computed == said)
        )
    dropped = log.said("mask_dropped")
    if dropped is not None:
        said = f"mask dropped, {dropped['nonzero_frac']:.3f} of the tile would be left"
        computed = "" if outcome is None else f"{outcome.source} mask"
        same = None if outcome is None else outcome.source == "dropped"
        if outcome is not None and same:
            computed = "mask dropped"
        lines.append(ComparedLine("guard", said, computed, same))
    elif log.said("cleanup_applied") is not None and outcome is not None:
        same = outcome.source != "dropped"
        lines.append(ComparedLine("guard", "mask applied", f"mask {outcome.source}", same))
    return lines


def _alpha_words(share: float, least: float, most: float) -> str:
    return f"{share:.3f} of the tile above 0, from {least:.3f} to {most:.3f}"


def _compared_crops(
    log: TileLog, study: ClusterStudy | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    lines = []
    for what, kind, rect in (
        ("strict crop", "strict_crop", None if outcome is None else outcome.strict_crop),
        ("edge trim", "edge_trim", None if outcome is None else outcome.edge_trim),
    ):
        applied, skipped = log.said(kind), log.said(f"{kind}_skipped")
        computed = "" if outcome is None else "no crop" if rect is None else _rect_words(rect)
        if applied is not None:
            same = None if outcome is None else applied["rect"] == rect
            lines.append(ComparedLine(what, _rect_words(applied["rect"]), computed, same))
        elif skipped is not None:
            same = None if outcome is None else rect is None
            lines.append(ComparedLine(what, f"skipped ({skipped['reason']})", computed, same))
    pad = log.said("pad")
    if pad is not None:
        said = f"{pad['dx']} columns, {pad['dy']} rows"
        if study is None:
            lines.append(ComparedLine("padding", said, "", None))
        else:
            dy, dx = study.canvas.offset
            computed = f"{dx} columns, {dy} rows"
            lines.append(ComparedLine("padding", said, computed, computed == said))
    return lines


def _rect_words(rect: Rect) -> str:
    return f"columns {rect.x0} to {rect.x1}, rows {rect.y0} to {rect.y1}"


def _notes_on_tile(log: TileLog) -> list[str]:
    notes = []
    gating, pipeline = log.said("gating"), log.said("pipeline")
    if gating is not None and gating["tile_enabled"] is False:
        notes.append(
            "ZeMosaic did not clean this tile "
            f"(mount {gating['eqmode']}, unknown policy {gating['unknown_policy']}, Alt-Az "
            f"{'on' if gating['global_enabled'] else 'off'} for the run): no threshold acts on it."
        )
    stats = log.said("coverage_stats")
    if stats is not None and stats["n_used"] > 1 and stats["max"] <= 1:
        notes.append(
            f"ZeMosaic used {stats['n_used']} frames and counted at most {stats['max']:g} on any "
            "pixel: it takes the footprints upside down, and thresholds cannot act. Let the "
            "diagnosis look at this ZeMosaic."
        )
    if pipeline is not None and pipeline["quality_crop"]:
        notes.append(
            "ZeMosaic cropped the tile by its quality first; what we compute is without that crop."
        )
    return notes
