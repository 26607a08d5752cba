"""What a report says: findings turned into the blocks of a document."""

from __future__ import annotations

import math
from typing import Final

from napari_zecoverage.core.advice import Advice
from napari_zecoverage.core.advice_words import NOT_KNOWN
from napari_zecoverage.core.levels import is_coloured
from napari_zecoverage.report.cluster_parts import cluster_parts
from napari_zecoverage.report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Gallery,
    Paragraph,
    Section,
    Table,
    Tone,
)
from napari_zecoverage.report.findings import ClusterFindings
from napari_zecoverage.report.how_made import exported_section, settings_section, versions_section
from napari_zecoverage.report.overview import overview
from napari_zecoverage.report.subject import Subject, worst_first
from napari_zecoverage.report.words import lost_words, noise_words, thresholds


def document_of(subject: Subject) -> Document:
    """Return what the report says."""
    own = subject.clusters[0] if not subject.is_run and subject.clusters else None
    sections = [overview(subject, own)]
    if subject.is_run:
        sections += [_all_clusters(subject)]
        sections += [_cluster_section(each, subject) for each in worst_first(subject)]
    elif own is not None:
        sections += [
            Section(part.title, part.anchor, part.blocks)
            for part in cluster_parts(own, prefix="", folded=False)
        ]
    sections += [settings_section(subject), exported_section(subject), versions_section(subject)]
    return Document(
        title=subject.title,
        subtitle=f"Coverage thresholds for ZeMosaic · {subject.made}",
        sections=tuple(sections),
        colophon=f"Made by napari-zecoverage {subject.versions.get('napari-zecoverage')} on "
        f"{subject.made}. Every figure is in report.json beside this file.",
    )


# --- a run ---------------------------------------------------------------------------------


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
_OTHERWISE_JUDGED: Final = (
    "studied, but with another margin, decay or strict crop: study it again to see these"
)


def _row(each: ClusterFindings, tolerance: float) -> tuple[str | Cell, ...]:
    name = Cell(each.cluster.name, link=each.anchor)
    frames = str(len(each.cluster.frames))
    if each.chosen is None:
        words = each.trouble or (_OTHERWISE_JUDGED if each.is_studied else NOT_KNOWN)
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
    blocks += cluster_parts(each, prefix=f"{each.anchor}-", folded=True)
    return Section(f"Cluster {each.number}: {each.cluster.name}", each.anchor, tuple(blocks))


def _advice_alone(advice: Advice, subject: Subject) -> list[Block]:
    if subject.advice is not None and advice.parameters == subject.advice.parameters:
        words = "The same is advised for this cluster alone."
    else:
        words = f"For this cluster alone: {thresholds(advice.parameters)}. {advice.why}"
    blocks: list[Block] = [Paragraph(words)]
    if advice.doubts:
        blocks.append(Bullets(advice.doubts, "loud"))
    return blocks
