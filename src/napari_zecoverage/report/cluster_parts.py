"""What a report says of one cluster."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

from napari_zecoverage.core.advice_words import (
    NOT_KNOWN,
    NOT_MEASURABLE,
    exactly,
    share_in_words,
)
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.fringe import CountFringe, ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.plural import counted
from napari_zecoverage.report.document import (
    Block,
    Bullets,
    Cell,
    Gallery,
    Paragraph,
    Section,
    Table,
    Tone,
)
from napari_zecoverage.report.findings import Choice, ClusterFindings
from napari_zecoverage.report.words import (
    MASKS,
    fringe_words,
    lost_words,
    number,
    signed,
    with_error,
)


def cluster_parts(each: ClusterFindings, prefix: str, *, folded: bool) -> list[Section]:
    """Return the sections of a cluster, as far as there is anything to say.

    Parameters
    ----------
    each : ClusterFindings
    prefix : str
        Of their anchors.
    folded : bool
        Whether the table of the frames is shut at first.
    """
    parts = [
        Section("Before and after", f"{prefix}pictures", tuple(_before_and_after(each))),
        Section("What each threshold costs", f"{prefix}thresholds", tuple(_judged(each))),
        Section("The fringe", f"{prefix}fringe", tuple(_fringe(each))),
        Section("Frames", f"{prefix}frames", tuple(_frames_blocks(each)), folded=folded),
    ]
    return [part for part in parts if part.blocks]


def _gallery(each: ClusterFindings, *kinds: str) -> list[Block]:
    made = each.pictures or {}
    pictures = tuple(made[kind] for kind in kinds if kind in made)
    return [Gallery(pictures)] if pictures else []


def _before_and_after(each: ClusterFindings) -> list[Block]:
    blocks = _gallery(each, "unmasked", "defaults", "chosen")
    choices = [each.before, each.chosen]
    if each.advised is not None and (
        each.chosen is None or each.advised.parameters != each.chosen.parameters
    ):
        choices.append(each.advised)
    known = [choice for choice in choices if choice is not None]
    if not known:
        return blocks
    rows = (
        ("min_coverage_abs, frames", *(exactly(c.parameters.min_coverage_abs) for c in known)),
        ("min_coverage_frac", *(exactly(c.parameters.min_coverage_frac) for c in known)),
        ("morph_open_px", *(str(c.parameters.morph_open_px) for c in known)),
        ("threshold, frames", *(_threshold(c) for c in known)),
        ("mask", *(MASKS[c.level.source] for c in known)),
        ("field lost, hard", *(lost_words(c.level) for c in known)),
        ("field lost, soft", *(share_in_words(1 - c.level.soft) for c in known)),
        ("fringe left", *(fringe_words(c.level.fringe) for c in known)),
        ("the same before matching, ADU", *(_raw(c.level.fringe) for c in known)),
        ("alpha above 0", *(_alpha(c.level) for c in known)),
        ("saved tile, px", *(_saved(c) for c in known)),
        ("guards", *("; ".join(c.notes) or "none" for c in known)),
    )
    blocks.append(
        Table(
            "What the thresholds do. Hard: not opaque in the saved tile, or cut off; soft: mean "
            "of 1 − alpha. Shares are of the area that any frame covers.",
            ("", *(choice.name for choice in known)),
            rows,
        )
    )
    return blocks


def _threshold(choice: Choice) -> str:
    # All digits: between 100 and 101 frames half a frame decides.
    return "none" if math.isnan(choice.threshold) else f"{choice.threshold:.6g}"


def _raw(fringe: ResidualFringe | None) -> str:
    if fringe is None:
        return NOT_KNOWN
    # Where no step is left, there is no place of which to tell it.
    return "–" if fringe.step == 0 else number(fringe.raw_step)


def _alpha(level: LevelField) -> str:
    stats = level.alpha_stats
    if stats is None:
        return NOT_KNOWN
    return f"{share_in_words(stats.nonzero_frac)} of the canvas; {stats.min:.3g} to {stats.max:.3g}"


def _saved(choice: Choice) -> str:
    if choice.saved_shape is None:
        return NOT_KNOWN
    height, width = choice.saved_shape
    return f"{width} × {height}"


def _judged(each: ClusterFindings) -> list[Block]:
    blocks: list[Block] = []
    for kind in ("threshold", "landscape"):
        blocks += _gallery(each, kind)
    return blocks


def _fringe(each: ClusterFindings) -> list[Block]:
    blocks = _gallery(each, "coverage", "fringe-red", "fringe-blue")
    blocks += _gallery(each, "counts")
    if not each.counts:
        if each.study is not None:
            blocks.append(Paragraph("The fringe was not measured.", "quiet"))
        return blocks
    blocks.append(
        Table(
            "The sky's colour at each coverage count against the well-covered core"
            + (
                f" (from {each.core_count:g} frames on), with gradients taken out"
                if math.isfinite(each.core_count)
                else ""
            )
            + ". It is the mean of all places of that count: steps that are opposite in different "
            "places cancel, and only the maps show them. Raw: before the frames' skies were "
            "matched. ± is 1 σ. Noise: of one pixel, scaled from the core and as measured.",
            (
                "frames",
                "area, px",
                "of it sky, px",
                "R−G, ADU",
                "B−G, ADU",
                "step, × noise",
                "raw R−G, ADU",
                "raw B−G, ADU",
                "noise, ADU",
                "measured, ADU",
            ),
            tuple(_count_row(count) for count in each.counts),
            numeric=tuple(range(10)),
        )
    )
    return blocks


def _count_row(count: CountFringe) -> tuple[str | Cell, ...]:
    def known(value: float, words: str, unknown: str) -> str | Cell:
        return words if math.isfinite(value) else Cell(unknown, "quiet")

    steps = (
        (count.red_green, count.red_green_error),
        (count.blue_green, count.blue_green_error),
    )
    return (
        f"{count.count:g}",
        f"{count.area_px}",
        f"{count.sky_px}",
        *(known(each[0], with_error(*each, "+"), NOT_MEASURABLE) for each in steps),
        known(count.sigmas, number(count.sigmas), NOT_MEASURABLE),
        known(count.raw_red_green, signed(count.raw_red_green), NOT_KNOWN),
        known(count.raw_blue_green, signed(count.raw_blue_green), NOT_KNOWN),
        known(count.noise, number(count.noise), NOT_KNOWN),
        known(count.chroma_noise, number(count.chroma_noise), NOT_KNOWN),
    )


_METHODS: Final = {
    "reference": "the reference",
    "astroalign": "aligned",
    "fft": "rescued",
    "failed": "left out",
}


def _frames_blocks(each: ClusterFindings) -> list[Block]:
    cluster = each.cluster
    blocks: list[Block] = [Paragraph(_listing(cluster))]
    if each.notes:
        lines = (line for note in each.notes for line in note.split("\n"))
        blocks.append(Bullets(tuple(lines)))
    study = each.study
    registrations = (None,) * len(cluster.frames) if study is None else study.registrations
    folders = list(dict.fromkeys(str(frame.path.parent) for frame in cluster.frames))
    rows = []
    for place, (frame, how) in enumerate(zip(cluster.frames, registrations, strict=True), 1):
        times = "–"
        if how is not None:
            times = str(cluster.counted.count(place - 1) if how.used else 0)
        rows.append(
            (
                str(place),
                frame.path.name,
                NOT_KNOWN if how is None else Cell(_METHODS[how.method], _tone_of(how.method)),
                times,
                number(None if how is None else how.rms_px, "–"),
                "–" if how is None else str(how.n_stars),
                "–" if frame.date is None else f"{frame.date:%Y-%m-%d %H:%M:%S}",
                frame.filter or "–",
                number(frame.exposure_s, "–"),
                "" if how is None else how.reason,
            )
        )
    blocks.append(
        Table(
            f"Frames, of {', '.join(folders[:4])}{' and others' if len(folders) > 4 else ''}. "
            "Counted: how often ZeMosaic stacks it.",
            (
                "no.",
                "file",
                "how",
                "counted",
                "rms, px",
                "stars",
                "date, UTC",
                "filter",
                "exposure, s",
                "reason",
            ),
            tuple(rows),
            numeric=(0, 3, 4, 5, 6, 8),
        )
    )
    refused = [(path, "missing", reason) for path, reason in cluster.missing]
    refused += [(path, "left out", reason) for path, reason in cluster.left_out]
    if refused:
        blocks.append(
            Table(
                "Files that are not among the frames.",
                ("file", "how", "reason"),
                tuple((_file_name(path), how, reason) for path, how, reason in refused),
            )
        )
    return blocks


def _tone_of(method: str) -> Tone:
    return "loud" if method == "failed" else "plain"


def _listing(cluster: Cluster) -> str:
    words = [counted(len(cluster.frames), "frame")]
    if cluster.nights:
        nights = ", ".join(f"{night}: {count}" for night, count in cluster.nights.items())
        words.append(f"nights {nights}")
    if cluster.filters:
        words.append(
            "filters " + ", ".join(f"{name}: {count}" for name, count in cluster.filters.items())
        )
    mounts = {"EQ": "equatorial", "ALT_AZ": "Alt-Az", "UNKNOWN": "unknown"}
    words.append("mount " + ", ".join(mounts[each] for each in cluster.mounts))
    objects = dict.fromkeys(each.object_name for each in cluster.frames if each.object_name)
    if objects:
        words.append("object " + ", ".join(objects))
    instruments = dict.fromkeys(each.instrument for each in cluster.frames if each.instrument)
    if instruments:
        words.append("instrument " + ", ".join(instruments))
    if cluster.exposure_s is not None:
        words.append(f"{cluster.exposure_s:g} s of exposure together")
    return "; ".join(words) + "."


def _file_name(path: str | os.PathLike[str]) -> str:
    return Path(path).name or str(path)
