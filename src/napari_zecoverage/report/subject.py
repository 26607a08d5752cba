"""What a report is of."""

from __future__ import annotations

from typing import NamedTuple

from napari_zecoverage.core.advice import RunAdvice
from napari_zecoverage.core.levels import badness
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.findings import ClusterFindings


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


def worst_first(subject: Subject) -> list[ClusterFindings]:
    """Return a run's clusters, those first that need to be looked at."""
    tolerance = subject.advice_options.tolerance

    def key(each: ClusterFindings) -> tuple[float, ...]:
        level = None if each.chosen is None else each.chosen.level
        failed = bool(each.trouble) and not each.skipped
        return badness(level, tolerance, failed=failed, skipped=each.skipped)

    return sorted(subject.clusters, key=key, reverse=True)
