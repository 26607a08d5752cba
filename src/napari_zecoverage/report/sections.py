"""What a report says: findings turned into the blocks of a document."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.advice import Advice, RunAdvice, lost_together
from napari_zecoverage.core.advice_words import NOT_KNOWN, NOT_MEASURABLE, share_in_words
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.fringe import CountFringe, ResidualFringe
from napari_zecoverage.core.levels import LevelField, badness, is_coloured
from napari_zecoverage.core.parameters import (
    CONFIG_PREFIX,
    AdviceOptions,
    Limits,
    MaskParameters,
    StudyOptions,
)
from napari_zecoverage.report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Gallery,
    Headline,
    Paragraph,
    Picture,
    Section,
    Table,
    Tone,
)
from napari_zecoverage.report.findings import Choice, ClusterFindings

NOISE: Final = "× the noise of a pixel"

_RANKS: Final = {
    "low-signal": "low-signal mask: the coverage is not used",
    "radial": "radial mask: the coverage is not used",
    "dropped": "no mask: the whole tile is kept",
    "coverage": "coverage mask",
}


class Subject(NamedTuple):
    """What a report is of, and what holds for all of it.

    Attributes
    ----------
    title, made : str
        `made` is when, as people read it.
    is_run : bool
    clusters : tuple of ClusterFindings
        In their order.
    chosen : MaskParameters
    options : StudyOptions or None
    advice_options : AdviceOptions
    advice : RunAdvice or None
        For all clusters.
    scheduler : str
        What the run was worked on by.
    exported : tuple of (str, str)
        What was written, and where.
    versions : dict
        Name to version; None where it is not known.
    pictures : dict of str to Picture
        Of the run.
    """

    title: str
    made: str
    is_run: bool
    clusters: tuple[ClusterFindings, ...]
    chosen: MaskParameters
    options: StudyOptions | None
    advice_options: AdviceOptions
    advice: RunAdvice | None
    scheduler: str
    exported: tuple[tuple[str, str], ...]
    versions: dict[str, str | None]
    pictures: dict[str, Picture]


def document_of(subject: Subject) -> Document:
    """Return what the report says."""
    own = subject.clusters[0] if not subject.is_run and subject.clusters else None
    sections = [_overview(subject, own)]
    if subject.is_run:
        sections += [_all_clusters(subject)]
        sections += [_cluster_section(each, subject) for each in worst_first(subject)]
    elif own is not None:
        sections += [
            Section(part.title, part.anchor, part.blocks)
            for part in _cluster_parts(own, subject, prefix="")
        ]
    sections += [_settings(subject), _exported(subject), _versions(subject)]
    return Document(
        title=subject.title,
        subtitle=f"Coverage thresholds for ZeMosaic · {subject.made}",
        sections=tuple(sections),
        colophon=f"Made by napari-zecoverage {subject.versions.get('napari-zecoverage')} on "
        f"{subject.made}. Every figure is in report.json beside this file.",
    )


# --- figures in words ----------------------------------------------------------------------


def lost_words(level: LevelField) -> str:
    """Return the share of the field that a mask loses."""
    return share_in_words(1 - level.hard)


def fringe_words(fringe: ResidualFringe | None) -> str:
    """Return the fringe that stays visible: ADU, error, and against the noise."""
    if fringe is None or not math.isfinite(fringe.step):
        return NOT_MEASURABLE
    if fringe.step == 0:
        return f"none that noise would not make (± {_number(fringe.error)} ADU)"
    words = f"{with_error(fringe.step, fringe.error)} ADU"
    if math.isfinite(fringe.sigmas):
        words += f", {_number(fringe.sigmas)} {NOISE}"
    return f"{words}, where {_frames(fringe.count)}"


def noise_words(fringe: ResidualFringe | None) -> str:
    """Return the fringe that stays visible in units of a pixel's noise."""
    if fringe is None or not math.isfinite(fringe.sigmas):
        return NOT_MEASURABLE
    return "none" if fringe.step == 0 else f"{_number(fringe.sigmas)} ×"


def with_error(value: float, error: float, sign: str = "") -> str:
    """Return a figure and its 1 σ, both with the digits that the error leaves."""
    if not math.isfinite(error):
        return signed(value, sign=sign)
    digits = 2 if error <= 0 else min(max(1 - math.floor(math.log10(error)), 0), 4)
    return f"{signed(value, digits, sign)} ± {error:.{digits}f}"


def signed(value: float, digits: int = 2, sign: str = "+") -> str:
    """Return a figure with a real minus, and a plus where it is asked for."""
    return f"{value:{sign}.{digits}f}".replace("-", "−")


def counted(count: int, thing: str) -> str:
    """Return a number of things."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _frames(count: float) -> str:
    return "1 frame overlaps" if count == 1 else f"{count:g} frames overlap"


def _number(value: float | None, unknown: str = NOT_KNOWN) -> str:
    """Return a measured figure with three digits."""
    if value is None or not math.isfinite(value):
        return unknown
    words = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return words.replace("-", "−")


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _thresholds(parameters: MaskParameters) -> str:
    return (
        f"abs {parameters.min_coverage_abs:g} · frac {parameters.min_coverage_frac:g} · open "
        f"{parameters.morph_open_px}"
    )


def _name(path: str | os.PathLike[str]) -> str:
    return Path(path).name or str(path)


# --- the overview --------------------------------------------------------------------------


def _overview(subject: Subject, own: ClusterFindings | None) -> Section:
    blocks: list[Block | Section]
    if own is not None:
        blocks = [*_headline_of_cluster(own, subject)]
        if own.summary:
            blocks.append(Paragraph(own.summary))
        if own.trouble:
            blocks.append(Paragraph(own.trouble, "loud"))
        blocks += _advice_blocks(own.advice, subject.chosen)
    else:
        blocks = [_headline_of_run(subject)]
        blocks += _run_advice_blocks(subject)
    return Section("At a glance", "overview", tuple(blocks))


def _headline_of_cluster(own: ClusterFindings, subject: Subject) -> list[Block]:
    tolerance = subject.advice_options.tolerance
    items = [("Chosen thresholds", _thresholds(subject.chosen), _same_as(subject.chosen, own))]
    choice, other = own.chosen, own.before
    if choice is not None and other is not None:
        items += [
            (
                "Field lost",
                lost_words(choice.level),
                f"with ZeMosaic's defaults {lost_words(other.level)}",
            ),
            (
                "Fringe left, × a pixel's noise",
                noise_words(choice.level.fringe),
                f"with the defaults {noise_words(other.level.fringe)}; tolerated {tolerance:g} ×",
            ),
            ("Mask", *_mask_words(choice.level.source)),
        ]
    return [Headline(tuple(items))]


def _mask_words(source: str) -> tuple[str, str]:
    if source == "coverage":
        return "coverage", "the thresholds act"
    what, _, rest = _RANKS[source].partition(": ")
    return what, rest


def _same_as(chosen: MaskParameters, own: ClusterFindings) -> str:
    if own.advice is not None and chosen == own.advice.parameters:
        return "ZeMosaic's defaults, as advised" if own.advice.leave_defaults else "as advised"
    return "ZeMosaic's defaults" if chosen == MaskParameters() else ""


def _headline_of_run(subject: Subject) -> Headline:
    studied = [each for each in subject.clusters if each.chosen is not None]
    others = len(subject.clusters) - len(studied)
    tolerance = subject.advice_options.tolerance
    before, after = (_lost_together(studied, which) for which in ("before", "chosen"))
    over = [
        each
        for each in studied
        if each.chosen is not None and is_coloured(each.chosen.level, tolerance)
    ]
    advised = subject.advice is not None and subject.chosen == subject.advice.parameters
    return Headline(
        (
            ("Chosen thresholds", _thresholds(subject.chosen), "as advised" if advised else ""),
            (
                "Clusters",
                str(len(subject.clusters)),
                f"{others} of them not studied" if others else "all studied",
            ),
            (
                "Field lost, all together",
                share_in_words(after),
                f"with ZeMosaic's defaults {share_in_words(before)}",
            ),
            (
                "Clusters with a visible fringe",
                f"{len(over)} of {len(studied)}",
                f"more than {tolerance:g} {NOISE} is left",
            ),
        )
    )


def _lost_together(studied: Sequence[ClusterFindings], which: str) -> float:
    """Return the share that all lose together, each weighted by what it covers."""
    known = [
        (each.judged.covered_px, 1 - choice.level.hard)
        for each in studied
        if each.judged is not None and (choice := getattr(each, which)) is not None
    ]
    return lost_together((area for area, _ in known), (lost for _, lost in known))


def _advice_blocks(advice: Advice | None, chosen: MaskParameters) -> list[Block]:
    if advice is None:
        return [Paragraph("No thresholds are advised: there is no coverage to judge.", "quiet")]
    blocks: list[Block] = [
        Paragraph(f"Advised: {_thresholds(advice.parameters)}. {advice.why}", "good")
    ]
    if chosen != advice.parameters:
        blocks.append(Paragraph("The chosen thresholds are not those that are advised.", "quiet"))
    if advice.cliff_margin is not None:
        blocks.append(
            Paragraph(
                f"The nearest place where a small step changes the mask is "
                f"{_number(advice.cliff_margin)} frames away from the advised threshold."
            )
        )
    if advice.doubts:
        blocks += [Paragraph("Doubts:", "loud"), Bullets(advice.doubts, "loud")]
    return blocks


def _run_advice_blocks(subject: Subject) -> list[Block]:
    advice = subject.advice
    if advice is None:
        return [Paragraph("No thresholds are advised: no cluster could be judged.", "loud")]
    blocks: list[Block] = [
        Paragraph(
            f"Advised for all clusters: {_thresholds(advice.parameters)}. {advice.why}", "good"
        )
    ]
    if subject.chosen != advice.parameters:
        blocks.append(Paragraph("The chosen thresholds are not those that are advised.", "quiet"))
    if advice.doubts:
        blocks += [Paragraph("Doubts:", "loud"), Bullets(advice.doubts, "loud")]
    if advice.worst:
        blocks += [
            Paragraph("One setting serves every tile of a run. These clusters it serves worst:"),
            Bullets(tuple(f"{name}: {reason}" for name, reason in advice.worst)),
        ]
    return blocks


# --- all clusters of a run -----------------------------------------------------------------


def worst_first(subject: Subject) -> list[ClusterFindings]:
    """Return a run's clusters, those first that need to be looked at."""
    tolerance = subject.advice_options.tolerance

    def key(each: ClusterFindings) -> tuple[float, ...]:
        level = None if each.chosen is None else each.chosen.level
        failed = bool(each.trouble) and not each.skipped
        return badness(level, tolerance, failed=failed, skipped=each.skipped)

    return sorted(subject.clusters, key=key, reverse=True)


def _all_clusters(subject: Subject) -> Section:
    ordered = worst_first(subject)
    rows = tuple(_row(each, subject.advice_options.tolerance) for each in ordered)
    blocks: list[Block | Section] = []
    if "clusters" in subject.pictures:
        blocks.append(Gallery((subject.pictures["clusters"],)))
    blocks.append(
        Table(
            "All clusters under the chosen thresholds: first what could not be studied, then other "
            "masks than the coverage's, visible fringes, and the field lost. Shares are of the "
            f"area that any frame covers; the fringe is in units of a pixel's noise, of which "
            f"{subject.advice_options.tolerance:g} is tolerated.",
            (
                "cluster",
                "frames",
                "mask",
                "field lost",
                "with defaults",
                "fringe left",
                "with defaults",
                "guards and notes",
            ),
            rows,
            numeric=(1, 3, 4, 5, 6),
        )
    )
    return Section("All clusters", "clusters", tuple(blocks))


_LONGEST_IN_TABLE: Final = 160


def _row(each: ClusterFindings, tolerance: float) -> tuple[str | Cell, ...]:
    name = Cell(each.cluster.name, link=each.anchor)
    frames = str(len(each.cluster.frames))
    if each.chosen is None:
        words = each.trouble or NOT_KNOWN
        if len(words) > _LONGEST_IN_TABLE:
            words = f"{words[:_LONGEST_IN_TABLE]}…"
        tone: Tone = "quiet" if each.skipped else "loud"
        return (name, frames, "", "", "", "", "", Cell(words, tone))
    level = each.chosen.level
    before = None if each.before is None else each.before.level
    loud = is_coloured(level, tolerance)
    return (
        name,
        frames,
        Cell(level.source, "plain" if level.source == "coverage" else "loud"),
        Cell(lost_words(level), share=None if math.isnan(level.hard) else 1 - level.hard),
        NOT_KNOWN if before is None else lost_words(before),
        Cell(noise_words(level.fringe), "loud" if loud else "plain"),
        NOT_KNOWN if before is None else noise_words(before.fringe),
        "; ".join(level.guards),
    )


def _cluster_section(each: ClusterFindings, subject: Subject) -> Section:
    blocks: list[Block | Section] = []
    if each.trouble:
        blocks.append(Paragraph(each.trouble, "quiet" if each.skipped else "loud"))
    if each.summary:
        blocks.append(Paragraph(each.summary))
    if each.advice is not None:
        blocks += _advice_alone(each.advice, subject)
    blocks += _cluster_parts(each, subject, prefix=f"{each.anchor}-")
    return Section(f"Cluster {each.number}: {each.cluster.name}", each.anchor, tuple(blocks))


def _advice_alone(advice: Advice, subject: Subject) -> list[Block]:
    if subject.advice is not None and advice.parameters == subject.advice.parameters:
        words = "The same is advised for this cluster alone."
    else:
        words = f"For this cluster alone: {_thresholds(advice.parameters)}. {advice.why}"
    blocks: list[Block] = [Paragraph(words)]
    if advice.doubts:
        blocks.append(Bullets(advice.doubts, "loud"))
    return blocks


# --- one cluster ---------------------------------------------------------------------------


def _cluster_parts(each: ClusterFindings, subject: Subject, prefix: str) -> list[Section]:
    parts = [
        Section("Before and after", f"{prefix}pictures", tuple(_before_and_after(each))),
        Section("What each threshold costs", f"{prefix}thresholds", tuple(_judged(each))),
        Section("The fringe", f"{prefix}fringe", tuple(_fringe(each))),
        Section("Frames", f"{prefix}frames", tuple(_frames_blocks(each)), folded=subject.is_run),
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
        ("min_coverage_abs, frames", *(f"{c.parameters.min_coverage_abs:g}" for c in known)),
        ("min_coverage_frac", *(f"{c.parameters.min_coverage_frac:g}" for c in known)),
        ("morph_open_px", *(str(c.parameters.morph_open_px) for c in known)),
        ("threshold, frames", *(_number(c.threshold, "none") for c in known)),
        ("mask", *(_RANKS[c.level.source] for c in known)),
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


def _raw(fringe: ResidualFringe | None) -> str:
    return NOT_KNOWN if fringe is None else _number(fringe.raw_step)


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
            + ". Raw: before the frames' skies were matched. ± is 1 σ. Noise: of one pixel, scaled "
            "from the core and as measured.",
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
        known(count.sigmas, _number(count.sigmas), NOT_MEASURABLE),
        known(count.raw_red_green, signed(count.raw_red_green), NOT_KNOWN),
        known(count.raw_blue_green, signed(count.raw_blue_green), NOT_KNOWN),
        known(count.noise, _number(count.noise), NOT_KNOWN),
        known(count.chroma_noise, _number(count.chroma_noise), NOT_KNOWN),
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
        blocks.append(Bullets(each.notes))
    study = each.study
    registrations = (None,) * len(cluster.frames) if study is None else study.registrations
    folders = list(dict.fromkeys(str(frame.path.parent) for frame in cluster.frames))
    rows = []
    for number, (frame, how) in enumerate(zip(cluster.frames, registrations, strict=True), 1):
        times = "–"
        if how is not None:
            times = str(cluster.counted.count(number - 1) if how.used else 0)
        rows.append(
            (
                str(number),
                frame.path.name,
                NOT_KNOWN if how is None else Cell(_METHODS[how.method], _tone_of(how.method)),
                times,
                _number(None if how is None else how.rms_px, "–"),
                "–" if how is None else str(how.n_stars),
                "–" if frame.date is None else f"{frame.date:%Y-%m-%d %H:%M:%S}",
                frame.filter or "–",
                _number(frame.exposure_s, "–"),
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
                tuple((_name(path), how, reason) for path, how, reason in refused),
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


# --- settings, exports, versions -----------------------------------------------------------


def _settings(subject: Subject) -> Section:
    defaults = MaskParameters()
    rows = tuple(
        (
            CONFIG_PREFIX + each.name,
            _strong(getattr(subject.chosen, each.name), getattr(defaults, each.name)),
            _setting(getattr(defaults, each.name)),
            _unit(each.metadata.get("limits")),
            _meaning(each.metadata.get("limits"), each.name),
        )
        for each in fields(MaskParameters)
        if each.name != "notes"
    )
    head = ("key in ZeMosaic's config", "chosen", "default", "unit", "meaning")
    blocks: list[Block | Section] = [
        Table("The chosen thresholds, as ZeMosaic names them.", head, rows, numeric=(1, 2)),
        _group_table("How the advice goes by them.", subject.advice_options),
    ]
    if subject.options is not None:
        blocks.append(_group_table("How the clusters were studied.", subject.options))
    return Section("Settings", "settings", tuple(blocks))


def _strong(value: Any, default: Any) -> Cell:
    return Cell(_setting(value), "plain" if value == default else "good")


def _group_table(caption: str, group: Any) -> Table:
    rows = tuple(
        (
            each.name,
            _setting(getattr(group, each.name)),
            _unit(each.metadata.get("limits")),
            _meaning(each.metadata.get("limits"), each.name),
        )
        for each in fields(group)
    )
    return Table(caption, ("setting", "value", "unit", "meaning"), rows, numeric=(1,))


def _unit(limits: Limits | None) -> str:
    return "" if limits is None else limits.unit


_MEANINGS: Final = {
    "nanize": "Hidden pixels are emptied with NaN; else with 0.",
    "strict_overlap_crop_enabled": "The tile is cropped to what the mask keeps.",
    "stack": "How the tile is stacked.",
    "canvas": "Whose canvas the coverage has.",
    "background": "How each frame's sky is matched to the reference's.",
}


def _meaning(limits: Limits | None, name: str) -> str:
    return _MEANINGS.get(name, "") if limits is None else limits.meaning


def _exported(subject: Subject) -> Section:
    blocks: tuple[Block, ...]
    if subject.exported:
        rows = tuple((what, where) for what, where in subject.exported)
        blocks = (Table("What was written before this report.", ("what", "where"), rows),)
    else:
        blocks = (Paragraph("Nothing was exported together with this report.", "quiet"),)
    return Section("Exported", "exported", blocks)


def _versions(subject: Subject) -> Section:
    rows = tuple((name, found or NOT_KNOWN) for name, found in subject.versions.items())
    blocks: list[Block | Section] = [Table("What it was made with.", ("program", "version"), rows)]
    if subject.scheduler:
        blocks.append(Paragraph(f"The clusters were studied by {subject.scheduler}."))
    return Section("Versions", "versions", tuple(blocks))
